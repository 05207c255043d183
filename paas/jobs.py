"""Every function RQ may call. Arguments are names; each states an end and may run twice."""

import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from paas.doctor import examine as examine_platform
from paas.errors import PaasError
from paas.model.app import UnknownApp
from paas.push import clear_leftovers, push
from paas.push import give_up_dead_builds as give_up
from paas.releases.tidy import REMEMBERED_SECONDS, forget, tidy
from paas.scheduler.converge import converge
from paas.settings import Settings
from paas.wiring import Platform, connect

_HERE: dict[str, str] = {}
"""Which worker this process is: its platform's folder and its name. Written once, by `begin_worker`."""


def begin_worker(settings: Settings, name: str) -> None:
    """Connects once, and ends what a worker of this name left behind when it died: leases, builds, a job that it had
    only just taken."""
    _HERE.update(directory=str(settings.directory), name=name)
    platform = connected()
    ended = platform.leases.end_predecessor(name)
    for app_id in ended:
        platform.apps.touch(app_id)
    for app_id in {*ended, *platform.apps.pending()}:
        platform.wire.converge(app_id)
    with suppress(PaasError):  # the sweep does it once more
        give_up(platform, time.time(), name)


def connected() -> Platform:
    return _connected(_HERE["directory"], os.getpid())


@cache
def _connected(directory: str, _: int) -> Platform:
    return connect(Settings.load(Path(directory)))


def converge_app(app_id: str) -> None:
    """Queued after any change to what is wanted or seen."""
    try:
        converge(app_id, _HERE["name"], connected())
    except UnknownApp:
        return  # forgotten meanwhile


def build_source(build_id: str) -> None:
    push(build_id, connected(), _HERE["name"])


def give_up_dead_builds() -> None:
    """Of workers that died and did not come back."""
    give_up(connected(), time.time())


def tidy_app(app_id: str) -> None:
    platform = connected()
    try:
        app = platform.apps.get(app_id)
    except UnknownApp:
        return
    if app.destroyed_at is None:
        tidy(app, platform, time.time())


def tidy_all() -> None:
    platform, now = connected(), time.time()
    for app in platform.apps.all():
        tidy(app, platform, now)
    clear_leftovers(platform, now)
    platform.containers.forget(now - REMEMBERED_SECONDS)


def forget_app(app_id: str) -> None:
    platform = connected()
    try:
        forget(platform.apps.get(app_id), platform, time.time())
    except UnknownApp:
        return
    clear_leftovers(platform, time.time())


def examine() -> None:
    examine_platform(connected())
