"""Removes a host: nothing of the platform is left there, and nothing in the record leads there."""

from contextlib import suppress

from paas.engine.engine import HostUnreachable
from paas.engine.tunnels import alone
from paas.errors import Conflict, Failed, PaasError
from paas.hosts.drain import check_others
from paas.hosts.progress import Progress, Stage
from paas.hosts.reach import Reach
from paas.hosts.register import NoWorker
from paas.model.container import GONE, Container
from paas.model.host import Host, HostHealth, Schedulable, UnknownHost
from paas.scheduler.wake import wake
from paas.wiring import Platform


class NotEmpty(Conflict):
    def __init__(self, name: str, count: int) -> None:
        what = "1 container is" if count == 1 else f"{count} containers are"
        super().__init__(
            f"{name} cannot be removed: {what} there. Nothing was changed. Type: paas hosts:drain {name} "
            f"(if it is gone for good: paas hosts:remove {name} --lost)"
        )


class NotLost(Conflict):
    def __init__(self, host: Host) -> None:
        why = "it is the platform's own machine" if host.is_local else "it is up"
        super().__init__(
            f"{host.name} is not lost: {why}. Nothing was changed. Type: paas hosts:drain {host.name}"
        )


class NotRemoved(Failed):
    """What became of a removal."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(
            f"{name} was not removed: {cause} If it is gone for good: paas hosts:remove {name} --lost"
        )


def begin_removal(name: str, platform: Platform, *, is_lost: bool) -> Host:
    """Nothing is placed there from now on, and a job removes it. Of a registration that is under way: its end.

    Raises UnknownHost, OnlyHost, NotEmpty, NotLost or NoWorker.
    """
    with platform.record.write():
        host = platform.hosts.get(name)
        if host.schedulable is not Schedulable.JOINING:
            _check(host, platform, is_lost=is_lost)
        way = Schedulable.LOST if is_lost else Schedulable.LEAVING
        platform.hosts.note(name, schedulable=str(way))
    Progress(name, Stage.QUEUED).tell(platform.wire)
    if not platform.wire.upkeep("remove_host", name):
        platform.hosts.note(name, schedulable=str(host.schedulable))
        raise NoWorker(name, platform.wire)
    return platform.hosts.get(name)


def remove(name: str, platform: Platform, reach: Reach, now: float) -> None:
    """Told stage by stage, and safe to repeat after a crash. The host's own things first, the row, the tunnel last."""
    try:
        host = platform.hosts.get(name)
        if host.schedulable not in (Schedulable.LEAVING, Schedulable.LOST):
            return  # an earlier try has failed, and was told
        if is_empty := host.schedulable is Schedulable.LEAVING:
            Progress(name, Stage.CLEAR).tell(platform.wire)
            _check_empty(name, platform)
            if not host.is_local:
                _leave(host, platform)
        Progress(name, Stage.RECORD).tell(platform.wire)
        apps = _forget(host, platform, now, is_lost=not is_empty)
    except UnknownHost:
        apps = frozenset()  # an earlier try came so far
    except PaasError as error:
        _stay(host, error, platform, now)
        why = error if isinstance(error, NotEmpty) else NotRemoved(name, str(error))
        Progress(name, Stage.FAILED, error=str(why)).tell(platform.wire)
        return
    with suppress(PaasError, OSError):  # without a supervisor no tunnel is started again
        reach.close(name, platform.settings)
    wake(apps, platform)
    Progress(name, Stage.DONE).tell(platform.wire)


def _check(host: Host, platform: Platform, *, is_lost: bool) -> None:
    check_others(host, platform)
    if is_lost and (host.is_local or host.health is HostHealth.UP):
        raise NotLost(host)
    if not is_lost:
        _check_empty(host.name, platform)


def _check_empty(name: str, platform: Platform) -> None:
    """Raises NotEmpty."""
    if rows := platform.containers.on(name):
        raise NotEmpty(name, len(rows))


def _leave(host: Host, platform: Platform) -> None:
    """Network, packet filter, images. Raises HostUnreachable."""
    engine = platform.engine
    try:
        with alone(host.name, platform.settings):
            engine.clear(host.name)
        for image in engine.images(host.name):
            for reference in (*image.tags, *image.digests):
                engine.remove_image(host.name, reference)
    except HostUnreachable:
        if (
            host.seen_at is not None
        ):  # one whose registration was given up may never have been reached
            raise


def _stay(host: Host, why: PaasError, platform: Platform, now: float) -> None:
    """It could not be removed: it is a drained host again, and one that nobody hears of by itself may be lost."""
    platform.hosts.note(host.name, schedulable=str(Schedulable.DRAINING))
    if isinstance(why, HostUnreachable) and host.health is HostHealth.UP:
        platform.hosts.note(
            host.name, health=str(HostHealth.SUSPECT), health_since=now, health_reason=str(why)
        )


def _forget(host: Host, platform: Platform, now: float, *, is_lost: bool) -> frozenset[str]:
    """Out of the record; the apps that lost something. The platform's own machine builds on. Raises NotEmpty."""
    with platform.record.write():
        if not is_lost:
            _check_empty(host.name, platform)
        if host.is_local:
            platform.hosts.note(host.name, schedulable=str(Schedulable.BUILD_ONLY))
            return frozenset()
        rows = platform.containers.on(host.name)
        for row in rows:
            _give_up(row, platform, now)
        for app in (*platform.apps.all(), *platform.apps.all(destroyed=True)):
            for image in platform.builds.images(app.id):
                if host.name in image.where:
                    platform.builds.place_image(image.id, host.name, None)
        platform.hosts.remove(host.name)
        if all(other.is_local for other in platform.hosts.all()):
            platform.builds.empty_registry()  # it goes with the last tunnel
    return frozenset(row.dyno.app_id for row in rows)


def _give_up(row: Container, platform: Platform, now: float) -> None:
    """Should the host come back under this name, its port is nobody else's for ten minutes."""
    reason = f"host {row.host} was lost"
    platform.containers.move(row.id, GONE, now, reason=reason, is_logged=True)
    if row.published is not None:
        platform.containers.put_aside(row.host, str(row.published), now)
