"""Every function RQ may call. Arguments are names; each states an end and may run twice."""

import logging
import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from redis import RedisError

from paas.doctor import examine as examine_platform
from paas.engine.tunnels import free_registry
from paas.errors import PaasError
from paas.hosts import ask_key as hosts_key
from paas.hosts.reach import Reach
from paas.hosts.register import register
from paas.hosts.remove import remove
from paas.leftovers import clear_leftovers
from paas.model.app import UnknownApp
from paas.model.host import Schedulable
from paas.push import give_up_dead_builds as give_up
from paas.push import push
from paas.releases.tidy import REMEMBERED_SECONDS, forget, tidy
from paas.routers import ask_key as routers_key
from paas.routers.reach import Reach as RouterReach
from paas.routers.register import register as register_one_router
from paas.routers.remove import close
from paas.scheduler.converge import converge
from paas.scheduler.spread import spread, spread_all
from paas.settings import Settings
from paas.wire import CONVERGE, UPKEEP
from paas.wiring import Platform, connect

log = logging.getLogger(__name__)
GOES_ON = {
    Schedulable.JOINING: "register_host",
    Schedulable.LEAVING: "remove_host",
    Schedulable.LOST: "remove_host",
}
"""What becomes of a host whose worker died over it."""
_HERE: dict[str, str] = {}
"""Which worker this process is: its platform's folder and its name. Written once, by `begin_worker`."""


def begin_worker(settings: Settings, name: str) -> None:
    """Connects once, and ends what a worker of this name left behind when it died: its leases, a job that it had
    only just taken. What it did with a host begins again. A build that it was at is given up when its lease runs
    out: after an upgrade it is still alive."""
    _HERE.update(directory=str(settings.directory), name=name)
    platform = connected()
    ended = platform.leases.end_predecessor(name)
    for app_id in ended:
        platform.apps.touch(app_id)
    for app_id in {*ended, *platform.apps.pending()} - platform.wire.waiting(CONVERGE):
        platform.wire.converge(app_id)
    waiting = platform.wire.waiting(UPKEEP)
    for host in platform.hosts.all():
        if host.schedulable in GOES_ON and host.name not in waiting:
            platform.wire.upkeep(GOES_ON[host.schedulable], host.name)


def connected() -> Platform:
    return _connected(_HERE["directory"], os.getpid())


@cache
def _connected(directory: str, _: int) -> Platform:
    return connect(Settings.load(Path(directory)))


def converge_app(app_id: str) -> None:
    """Queued after any change to what is wanted or seen. What fails here is tried again by the sweep."""
    try:
        converge(app_id, _HERE["name"], connected())
    except UnknownApp:
        return  # forgotten meanwhile
    except (PaasError, RedisError) as error:
        # Not RQ's to keep: an engine that is away for hours would fill Redis with tracebacks.
        log.warning("%s waits: %s", app_id, error)


def build_source(build_id: str) -> None:
    push(build_id, connected(), _HERE["name"])


def spread_image(image_id: str) -> None:
    """To the hosts where a container waits for it. What fails is tried again by the sweep."""
    try:
        spread(image_id, connected())
    except UnknownApp:
        return  # forgotten meanwhile
    except PaasError as error:
        log.warning("%s waits: %s", image_id, error)


def spread_images() -> None:
    """All into the registry that are not in it."""
    for trouble in spread_all(connected()):
        log.warning("%s", trouble)


def give_up_dead_builds() -> None:
    """Of workers that died and did not come back."""
    give_up(connected(), time.time())


def ask_host_key(name: str, url: str) -> None:
    hosts_key.ask(name, url, connected(), Reach())


def register_host(name: str) -> None:
    register(name, connected(), Reach())


def remove_host(name: str) -> None:
    remove(name, connected(), Reach(), time.time())


def ask_router_key(name: str, url: str) -> None:
    routers_key.ask(name, url, connected(), RouterReach())


def register_router(name: str) -> None:
    """What it waits for is looked at again by the sweep."""
    try:
        register_one_router(name, connected(), RouterReach())
    except PaasError as error:
        log.warning("router %s waits: %s", name, error)


def close_router(name: str) -> None:
    try:
        close(name, connected(), RouterReach())
    except PaasError as error:
        log.warning("router %s is not out of reach of every host yet: %s", name, error)


def tidy_app(app_id: str) -> None:
    with suppress(UnknownApp):  # forgotten meanwhile
        tidy(app_id, connected(), time.time())


def tidy_all() -> None:
    platform, now = connected(), time.time()
    for app in platform.apps.all():
        try:
            tidy_app(app.id)
        except PaasError as error:
            log.warning("%s waits: %s", app.id, error)
    clear_leftovers(platform, now)
    platform.containers.forget(now - REMEMBERED_SECONDS)
    try:
        free_registry(platform.settings)
    except PaasError as error:
        log.warning("the registry waits: %s", error)


def clear_build_caches() -> None:
    clear_leftovers(connected(), time.time())


def forget_app(app_id: str) -> None:
    platform = connected()
    try:
        forget(platform.apps.get(app_id), platform, time.time())
        clear_leftovers(platform, time.time())
    except UnknownApp:
        return
    except PaasError as error:
        log.warning("%s waits: %s", app_id, error)


def examine() -> None:
    examine_platform(connected())
