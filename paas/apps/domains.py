"""Hostnames that people claim for an app, beside its own under the apps' domain."""

import uuid

from paas.errors import Conflict
from paas.logs.store import say
from paas.model.app import App
from paas.model.change import Change
from paas.model.domain import Domain, Hostname
from paas.store.domains import UnknownDomain
from paas.wiring import Platform


class DomainReserved(Conflict):
    def __init__(self, hostname: str, apps_domain: str) -> None:
        super().__init__(
            f"{hostname} is under {apps_domain}, where every name belongs to the app of that name."
        )


class DomainPresent(Conflict):
    def __init__(self, app: str, hostname: str) -> None:
        super().__init__(
            f"{hostname} is a domain of {app} already. Nothing was changed. See: paas domains -a {app}"
        )


def add_domain(
    app: App, hostname: Hostname, by: str, platform: Platform, now: float
) -> tuple[Domain, Change]:
    """Raises DomainPresent, DomainTaken or DomainReserved."""
    apps_domain = platform.settings.apps_domain
    if hostname == apps_domain or hostname.endswith(f".{apps_domain}"):
        raise DomainReserved(hostname, apps_domain)
    domain = Domain(str(uuid.uuid4()), hostname, app.id, now)
    with platform.record.write():
        if any(present.hostname == hostname for present in platform.domains.of(app.id)):
            raise DomainPresent(app.name, hostname)
        platform.domains.add(domain)
        version = platform.apps.touch(app.id)
    _announce(app, f"Add {hostname} domain by {by}", platform, now)
    return domain, Change(version)


def remove_domain(app: App, hostname: str, by: str, platform: Platform, now: float) -> Change:
    """Raises UnknownDomain."""
    with platform.record.write():
        if not platform.domains.remove(app.id, hostname.lower()):
            raise UnknownDomain(app.name, hostname)
        version = platform.apps.touch(app.id)
    _announce(app, f"Remove {hostname.lower()} domain by {by}", platform, now)
    return Change(version)


def _announce(app: App, text: str, platform: Platform, now: float) -> None:
    say(platform.logs, app.id, "api", text, now)
    platform.wire.converge(app.id)
    platform.wire.announce(app.id)
