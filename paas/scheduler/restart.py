"""Restarts, stops and starts what an app runs. No requests are dropped: the new is up before the old leaves."""

from paas.errors import Unknown
from paas.logs.store import say
from paas.model.app import App
from paas.model.change import Change
from paas.wiring import Platform


class UnknownDyno(Unknown):
    def __init__(self, app: str, dyno: str) -> None:
        super().__init__(f"{app} has no dyno '{dyno[:60]}'. See: paas ps -a {app}")


def restart(app: App, dyno: str | None, by: str, platform: Platform, now: float) -> Change:
    """`web`, `web.1`, or everything. Raises UnknownDyno."""
    with platform.record.write():
        app = platform.apps.named(app.id)
        lines = platform.formations.of(app.id).lines
        process, _, number = (dyno or "").partition(".")
        if dyno is None:
            for each in lines:
                platform.formations.restart(app.id, each)
        elif process not in lines or (number and not _is_place(number, lines[process].quantity)):
            raise UnknownDyno(app.name, dyno)
        else:
            platform.formations.restart(app.id, process, int(number) if number else None)
        version = platform.apps.change(app.id)
    _announce(app, f"Restart of {dyno or 'all dynos'} by {by}", platform, now)
    return Change(version)


def stop(app: App, by: str, platform: Platform, now: float) -> Change:
    """Keeps the formation and wants nothing."""
    return _stop(app, f"Stopped by {by}", platform, now, stopped=True)


def start(app: App, by: str, platform: Platform, now: float) -> Change:
    """Wants the formation again."""
    return _stop(app, f"Started by {by}", platform, now, stopped=False)


def _stop(app: App, text: str, platform: Platform, now: float, *, stopped: bool) -> Change:
    with platform.record.write():
        app = platform.apps.named(app.id)
        platform.apps.stop(app.id, stopped=stopped)
        version = platform.apps.change(app.id)
    _announce(app, text, platform, now)
    return Change(version)


def _is_place(number: str, quantity: int) -> bool:
    return (
        number.isascii() and number.isdigit() and len(number) < 4 and 1 <= int(number) <= quantity
    )


def _announce(app: App, text: str, platform: Platform, now: float) -> None:
    platform.wire.converge(app.id)
    say(platform.logs, app.id, "api", text, now)
