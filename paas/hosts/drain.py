"""Takes a host out of service, and back in: what runs there moves off, up elsewhere before it ends."""

from paas.errors import Conflict
from paas.model.host import Host, HostHealth, Schedulable
from paas.scheduler.wake import wake
from paas.wiring import Platform


class OnlyHost(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is the only host that takes containers: what runs there would have nowhere to go. "
            "Nothing was changed. See: paas hosts (another: paas hosts:add; a drained one: paas hosts:undrain)"
        )


class NotRegisteredNow(Conflict):
    def __init__(self, host: Host) -> None:
        super().__init__(
            f"{host.name} is {host.schedulable}. Nothing was changed. See: paas hosts "
            f"(to be rid of it: paas hosts:remove {host.name})"
        )


def drain(name: str, by: str, platform: Platform, now: float, *, is_forced: bool) -> Host:
    """Nothing new is placed there, and converge moves what is there. May be repeated.

    `is_forced`: as if it were down. What it ran is given up at once and started elsewhere; for a host that hangs.
    Raises UnknownHost, NotRegisteredNow or OnlyHost.
    """
    with platform.record.write():
        host = registered(name, platform)
        check_others(host, platform)
        platform.hosts.note(name, schedulable=str(Schedulable.DRAINING))
        if is_forced:
            platform.hosts.note(
                name,
                health=str(HostHealth.DOWN),
                health_since=now,
                health_reason=f"given up by {by}: it was drained by force",
                given_up_by=by,
            )
        apps = {row.dyno.app_id for row in platform.containers.on(name)}
    wake(apps, platform)
    return platform.hosts.get(name)


def undrain(name: str, platform: Platform, now: float) -> Host:
    """It takes containers again; one that was given up by force, once it is seen to be well.

    Raises UnknownHost or NotRegisteredNow.
    """
    with platform.record.write():
        host = registered(name, platform)
        platform.hosts.note(name, schedulable=str(Schedulable.OPEN))
        if host.given_up_by is not None:
            platform.hosts.note(
                name,
                health=str(HostHealth.SUSPECT),
                health_since=now,
                health_reason="it is looked at again",
                given_up_by=None,
            )
    wake(platform.apps.blocked(), platform)
    return platform.hosts.get(name)


def registered(name: str, platform: Platform) -> Host:
    """Raises UnknownHost or NotRegisteredNow."""
    host = platform.hosts.get(name)
    if not host.is_registered:
        raise NotRegisteredNow(host)
    return host


def check_others(host: Host, platform: Platform) -> None:
    """Raises OnlyHost: no other takes containers, or could as soon as it answers again."""
    others = (each for each in platform.hosts.all() if each.name != host.name)
    if not any(
        each.schedulable is Schedulable.OPEN and each.health is not HostHealth.DOWN
        for each in others
    ):
        raise OnlyHost(host.name)
