"""Changes how many of each process type run."""

from collections.abc import Mapping

from paas.logs.store import say
from paas.model.app import App
from paas.model.change import Change
from paas.model.formation import Line, Step
from paas.model.process import ONCE, UnknownProcessType
from paas.wiring import Platform

NONE = Line(0)


def scale(
    app: App, wanted: Mapping[str, int | Step], by: str, platform: Platform, now: float
) -> Change:
    """Recorded when it returns. Raises UnknownProcessType or InvalidQuantity; then nothing is changed."""
    with platform.record.write():
        app = platform.apps.named(app.id)
        known: frozenset[str] = frozenset()
        if app.wanted_release is not None:
            known = frozenset(platform.releases.get(app.id, app.wanted_release).processes) - ONCE
        for process in wanted:
            if process not in known:
                raise UnknownProcessType(app.name, process, known)
        present = platform.formations.of(app.id).lines
        quantities = {
            process: present.get(process, NONE).quantity + to.by if isinstance(to, Step) else to
            for process, to in wanted.items()
        }
        platform.formations.scale(app.id, quantities)
        version = platform.apps.change(app.id)
    platform.wire.converge(app.id)
    text = ", ".join(f"{process}={quantity}" for process, quantity in sorted(quantities.items()))
    say(platform.logs, app.id, "api", f"Scaled to {text} by {by}", now)
    return Change(version)
