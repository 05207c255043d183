"""Changes how many of each process type run."""

from collections.abc import Mapping

from paas.logs.store import say
from paas.model.app import App
from paas.model.change import Change
from paas.model.process import RELEASE, UnknownProcessType
from paas.wiring import Platform


def scale(
    app: App, quantities: Mapping[str, int], by: str, platform: Platform, now: float
) -> Change:
    """Recorded when it returns. Raises UnknownProcessType or InvalidQuantity; then nothing is changed."""
    with platform.record.write():
        app = platform.apps.named(app.id)
        known: frozenset[str] = frozenset()
        if app.wanted_release is not None:
            known = frozenset(platform.releases.get(app.id, app.wanted_release).processes) - {
                RELEASE
            }
        for process in quantities:
            if process not in known:
                raise UnknownProcessType(app.name, process, known)
        platform.formations.scale(app.id, quantities)
        version = platform.apps.touch(app.id)
    platform.wire.converge(app.id)
    wanted = ", ".join(f"{process}={quantity}" for process, quantity in sorted(quantities.items()))
    say(platform.logs, app.id, "api", f"Scaled to {wanted} by {by}", now)
    return Change(version)
