"""kill -9 of whoever is at a push, at twelve points of it: wholly old or wholly new afterwards, and on with the next.

The points, each as soon as the record shows it: the build is queued, is begun, has its image and release; the first
container is placed, begun, the second begun, the first up; the route is written, acknowledged; the first old container
retires, stops, is gone. The victims: the hook; the workers' parent, with which its workers go; the workers alone; all
of them at once.

Four of these pairs are tests of every day, all forty-eight are the soak. Points within a step, to the single write, and
workers that sleep over their lease are in tests/unit/scheduler/test_kills.py; the platform's other programs, and builds
that hang, in tests/integration/test_kills.py.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import pytest

from paas.daemon.names import WORKERS
from paas.daemon.queues import worker_queues
from paas.model.build import BuildState
from paas.model.container import (
    GONE,
    PLACED,
    RETIRING,
    STARTING,
    STOPPING,
    UP,
    Container,
    ContainerState,
    container_name,
)
from paas.model.deploy import DeployState
from paas.running import running
from paas.wiring import Platform
from tests.eventually import eventually
from tests.integration.load import Load
from tests.integration.processes import hooks
from tests.integration.user import User
from tests.multihost.fleet import APP, Fleet

BOUND_SECONDS = 90
LOOK_SECONDS = 0.002


class Story:
    """Of the push that makes the app's next release: how far it has come."""

    def __init__(self, platform: Platform) -> None:
        self._platform, self._app = platform, platform.apps.named(APP).id
        self._before = len(platform.builds.of(self._app))
        self._old = {row.id for row in platform.containers.of(self._app)}
        self._releases = len(platform.releases.all(self._app))

    def has_build(self, *states: BuildState) -> bool:
        builds = self._platform.builds.of(self._app)
        return len(builds) > self._before and builds[0].state in states

    def has_release(self) -> bool:
        return len(self._platform.releases.all(self._app)) > self._releases

    def is_deployed(self, *states: DeployState) -> bool:
        deploys = self._platform.deploys.all(self._app)
        return self.has_release() and deploys[0].state in states

    def new(self, *without: ContainerState) -> int:
        return sum(row.state not in without and row.id not in self._old for row in self._rows())

    def old(self, *states: ContainerState) -> int:
        return sum(row.state in states and row.id in self._old for row in self._rows())

    def _rows(self) -> Sequence[Container]:
        return self._platform.containers.of(self._app, gone=True)


OVER = (DeployState.SUCCEEDED, DeployState.FAILED, DeployState.SUPERSEDED)
POINTS: Mapping[str, Callable[[Story], object]] = {
    "queued": lambda story: story.has_build(*BuildState),
    "building": lambda story: story.has_build(*set(BuildState) - {BuildState.QUEUED}),
    "built": Story.has_release,
    "placed": lambda story: story.new(),
    "begun": lambda story: story.new(PLACED),
    "second begun": lambda story: story.new(PLACED) >= 2,
    "up": lambda story: story.new(PLACED, STARTING),
    "routed": lambda story: story.is_deployed(DeployState.SWITCHING, *OVER),
    "acknowledged": lambda story: story.is_deployed(*OVER),
    "retiring": lambda story: story.old(RETIRING, STOPPING, GONE),
    "stopping": lambda story: story.old(STOPPING, GONE),
    "gone": lambda story: story.old(GONE),
}
"""What is so from then on."""
HOOK, PARENT, ALONE, ALL = "the hook", "the parent", "the workers alone", "all workers"
EVERY_DAY = [("built", HOOK), ("begun", ALONE), ("routed", PARENT), ("stopping", ALL)]
SOAK = [
    (point, victim)
    for point in POINTS
    for victim in (HOOK, PARENT, ALONE, ALL)
    if (point, victim) not in EVERY_DAY
]


def kill(fleet: Fleet, victim: str) -> None:
    """Who of them is alive."""
    settings = fleet.installation.settings
    if victim == HOOK:
        for pid in hooks(settings):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return
    parent, workers = {WORKERS}, worker_queues(settings).keys()
    names = {PARENT: parent, ALONE: workers, ALL: {*parent, *workers}}[victim]
    for program in running(settings):
        if program.name in names:
            program.signal(signal.SIGKILL)


@contextmanager
def fences(platform: Platform) -> Iterator[list[int]]:
    """The lease by which the app's route was written last, all the time: who holds an older one has written nothing."""
    app, seen, is_over = platform.apps.named(APP).id, list[int](), threading.Event()
    key = f"paas:{platform.settings.platform}:routes:fences"

    def look() -> None:
        while not is_over.wait(0.01):
            seen.append(int(str(platform.redis.hget(key, app))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def is_wholly_one(fleet: Fleet) -> bool:
    """Of one release, for the record, in the table and on the engines: three containers, and nothing else."""
    platform = fleet.installation.platform
    app = platform.apps.named(APP)
    rows, route = platform.containers.of(app.id), platform.routes.route(app.id)
    up = {row.id for row in rows if row.state is UP}
    assert route is not None
    assert {row.dyno.release for row in rows} == {app.current_release}, rows
    assert (len(rows), len(up)) == (3, 3), rows
    assert {backend.container for backend in route.backends} == up, (route, up)
    assert fleet.made() == {container_name(platform.settings.platform, row) for row in up}
    return platform.deploys.open(app.id) is None and app.wanted_release == app.current_release


@pytest.mark.parametrize(
    ("point", "victim"), [*EVERY_DAY, *(pytest.param(*one, marks=pytest.mark.soak) for one in SOAK)]
)
def test_whoever_is_killed_the_app_is_wholly_old_or_wholly_new(
    fleet: Fleet, user: User, load: Load, point: str, victim: str
) -> None:
    platform = fleet.installation.platform
    story, app = Story(platform), platform.apps.named(APP).id
    commit = user.commits(None, to=APP, files={"killed": f"{victim} {point}"})
    with fences(platform) as seen:
        pushing = user.begins("git push paas main", within=user.folder(APP))
        while not POINTS[point](story):
            assert pushing.poll() is None or story.has_release(), pushing.communicate()
            time.sleep(LOOK_SECONDS)
        kill(fleet, victim)
        killed = time.time()

        said, _ = pushing.communicate(timeout=BOUND_SECONDS)
        eventually(lambda: is_wholly_one(fleet), within=killed + BOUND_SECONDS - time.time())
        settled = time.time()
        load.goes_on(1)
        releases = load.releases(settled)
        again = user.pushes(None, to=APP, files={"killed": "nobody"})

    build, deploy = platform.builds.of(app)[1], platform.deploys.all(app)[1]
    if deploy.release > 1 and deploy.state is DeployState.SUCCEEDED:
        assert releases == {f"v{deploy.release}"}, said
        assert commit[:7] in user.types(f"paas releases -a {APP}").out
        assert victim == HOOK or pushing.returncode == 0, said
    else:
        assert releases == {"v1"}, said
        why = deploy.reason if deploy.release > 1 else build.reason
        assert why and why in said, said
        assert pushing.returncode == 1
    assert again.accepted, again.output
    assert not load.failures, load.report
    assert seen == sorted(seen)
