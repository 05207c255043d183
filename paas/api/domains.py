"""/apps/{app}/domains: hostnames that were claimed for an app, beside its own."""

import time
from typing import Self

from fastapi import APIRouter, Response
from pydantic import BaseModel

from paas.api.asked import CurrentApp, CurrentPerson, CurrentPlatform
from paas.api.shapes import NamedOut, moment, tell
from paas.apps.domains import add_domain, remove_domain
from paas.model.app import App
from paas.model.domain import Domain, Hostname
from paas.store.domains import UnknownDomain
from paas.wiring import Platform

router = APIRouter(tags=["domains"])


class DomainIn(BaseModel):
    hostname: str


class DomainOut(BaseModel):
    app: NamedOut
    id: str
    hostname: str
    cname: str
    """Where its DNS has to lead."""
    created_at: str
    updated_at: str
    kind: str = "custom"
    status: str = "succeeded"
    acm_status: None = None
    acm_status_reason: None = None
    sni_endpoint: None = None

    @classmethod
    def of(cls, domain: Domain, app: App, platform: Platform) -> Self:
        return cls(
            app=NamedOut.of_app(app),
            id=domain.id,
            hostname=domain.hostname,
            cname=f"{app.name}.{platform.settings.apps_domain}",
            created_at=moment(domain.created_at),
            updated_at=moment(domain.created_at),
        )


@router.get("/apps/{app}/domains")
def list_domains(app: CurrentApp, platform: CurrentPlatform) -> list[DomainOut]:
    return [DomainOut.of(domain, app, platform) for domain in platform.domains.of(app.id)]


@router.get("/apps/{app}/domains/{domain}")
def show_domain(app: CurrentApp, platform: CurrentPlatform, domain: str) -> DomainOut:
    return DomainOut.of(_named(domain, app, platform), app, platform)


@router.post("/apps/{app}/domains", status_code=201)
def claim_domain(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    given: DomainIn,
    response: Response,
) -> DomainOut:
    """That the name leads here (DNS) is the person's affair."""
    hostname = Hostname(given.hostname)
    domain, change = add_domain(app, hostname, person.name, platform, time.time())
    tell(change, response, stopped=app.stopped)
    return DomainOut.of(domain, app, platform)


@router.delete("/apps/{app}/domains/{domain}")
def give_domain_up(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    domain: str,
    response: Response,
) -> DomainOut:
    found = _named(domain, app, platform)
    change = remove_domain(app, found.hostname, person.name, platform, time.time())
    tell(change, response, stopped=app.stopped)
    return DomainOut.of(found, app, platform)


def _named(text: str, app: App, platform: Platform) -> Domain:
    """By hostname or id. Raises UnknownDomain."""
    for domain in platform.domains.of(app.id):
        if text.lower() in (domain.hostname, domain.id):
            return domain
    raise UnknownDomain(app.name, text)
