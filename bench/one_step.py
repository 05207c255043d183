"""What one step of converge costs by itself: an app of 200 containers, an engine that does nothing.

The record is on the disk and Redis runs as every platform's does. What a router, the probes and the engines' events
would bring is written between the steps and not counted. A step is called by what it moved: `16 starting`.
"""

import statistics
import subprocess
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from paas.daemon import redis_server
from paas.daemon.folder import Users
from paas.daemon.init import init
from paas.model.app import AppName
from paas.model.build import Builder, Image
from paas.model.container import GONE, STARTING, STOPPING, UP, Container
from paas.model.formation import QUANTITY_LIMIT
from paas.model.host import LOCAL, Host
from paas.model.person import PersonName
from paas.model.route import RouterStatus
from paas.releases.create import release_image
from paas.scheduler.converge import step
from paas.scheduler.scale import scale
from paas.wiring import Platform, connect
from tests.eventually import eventually

AIM_MS = 100
ALL = {"web": QUANTITY_LIMIT, "worker": QUANTITY_LIMIT}
FEW = {"web": 1, "worker": 1}


def stepped(runs: int, hosts: Sequence[Host], others: Sequence[Container]) -> dict[str, object]:
    """`others`: what the platform runs beside the app."""
    with own_platform() as platform:
        for host in hosts:
            platform.hosts.add(host)
        platform.hosts.remove(LOCAL)
        platform.people.add(PersonName("ana"), time.time(), is_admin=True)
        platform.containers.add(others)
        steps = Steps(platform, [host.name for host in hosts])
        steps.play(runs)
        return {
            "hosts": len(hosts),
            "other_containers": len(others),
            "commit_ms": median([steps.commit_ms() for _ in range(50)]),
            "lease_ms": median(steps.lease_ms),
            "steps": {
                name: {
                    "median_ms": median([wall for wall, _ in took]),
                    "median_cpu_ms": median([own for _, own in took]),
                    "worst_ms": round(max(took)[0], 1),
                    "times": len(took),
                }
                for name, took in sorted(steps.took_ms.items())
            },
        }


class NoEngine:
    """Takes the orders of a step and does nothing."""

    def start(self, *_: object) -> None:
        return

    stop = signal = remove = start


@contextmanager
def own_platform() -> Iterator[Platform]:
    """Of its programs Redis runs, and nothing else."""
    with tempfile.TemporaryDirectory(prefix="paas-") as folder:
        settings = init(Path(folder) / "p")
        redis_server.write_configuration(settings, Users.of(settings))
        redis = subprocess.Popen(redis_server.command(settings), stdout=subprocess.DEVNULL)
        platform = connect(settings, NoEngine())
        try:
            eventually(settings.redis_socket.exists)
            yield platform
        finally:
            platform.threads.shutdown()
            platform.redis.close()
            platform.record.close()
            redis.terminate()
            redis.wait()


class Steps:
    """An app from its first container to its last, and how long each step of it took."""

    def __init__(self, platform: Platform, hosts: Sequence[str]) -> None:
        self.took_ms: dict[str, list[tuple[float, float]]] = {}
        """By what it moved: by the clock, and of a processor."""
        self.lease_ms: list[float] = []
        self._platform, self._hosts = platform, hosts
        name = AppName("bench")
        self._app = platform.apps.add(str(uuid.uuid4()), name, "ana", time.time())

    def play(self, runs: int) -> None:
        self._release()
        for _ in range(runs):
            self._scale(ALL)  # the first time, while its first deploy is under way
            self._release()
            self._scale(FEW)

    def commit_ms(self) -> float:
        """What one write to the record takes here, whoever writes it."""
        begin = time.perf_counter()
        self._platform.routers.set_fact("bench", str(begin))
        return 1000 * (time.perf_counter() - begin)

    def _release(self) -> None:
        image = Image(
            str(uuid.uuid4()), self._app.id, Builder.BUILDPACK, "amd64", 5000,
            dict.fromkeys(self._hosts, "image"), "", "3f2a91c", time.time(),
        )  # fmt: skip
        processes = dict.fromkeys(ALL, "serve")
        release_image(self._app, image, processes, "Deploy", "", "ana", self._platform, time.time())
        self._until_still()

    def _scale(self, quantities: dict[str, int]) -> None:
        scale(self._app, quantities, "ana", self._platform, time.time())
        self._until_still()

    def _until_still(self) -> None:
        """And twice more, when there is nothing to do."""
        still = 0
        while still < 3:
            still = 0 if self._step() | self._world_goes_on() else still + 1

    def _step(self) -> bool:
        """Whether it moved anything."""
        platform, before = self._platform, self._looks()
        begin = time.perf_counter()
        lease = platform.leases.take(self._app.id, "bench", time.time())
        assert lease is not None
        taken, own = time.perf_counter(), time.process_time()
        step(lease, platform)
        done, own = time.perf_counter(), time.process_time() - own
        platform.leases.drop(lease)
        self.lease_ms.append(1000 * (taken - begin + time.perf_counter() - done))
        after = self._looks()
        moved = Counter(str(state) for key, state in after.items() if before.get(key) != state)
        moved[str(GONE)] += len(before.keys() - after.keys())
        name = ", ".join(f"{count} {state}" for state, count in sorted(moved.items()) if count)
        self.took_ms.setdefault(name or "nothing", []).append((1000 * (done - taken), 1000 * own))
        return bool(name)

    def _looks(self) -> dict[str, object]:
        """Its containers by id, and its deploy, with their states."""
        deploys = self._platform.deploys.all(self._app.id)
        rows = self._platform.containers.of(self._app.id)
        told = {f"deploy {deploy.release}": f"deploy {deploy.state}" for deploy in deploys}
        return {**{row.id: row.state for row in rows}, **told}

    def _world_goes_on(self) -> bool:
        """The router acknowledges, what starts answers, what was told to stop exits. Whether anything did."""
        platform, now, moved = self._platform, time.time(), False
        version = platform.routes.version()
        if version is not None:
            platform.routes.acknowledge(LOCAL, version, {}, RouterStatus(), now)
            platform.routers.acknowledge(LOCAL, version.epoch, version.number, now)
        with platform.record.write():
            for row in platform.containers.of(self._app.id):
                if row.state is STARTING:
                    moved |= platform.containers.move(row.id, UP, now, deadline=None)
                elif row.state is STOPPING and row.exit_code is None:
                    platform.containers.note(row.id, exit_code=0, is_logged=True)
                    moved = True
        return moved


def median(took: Sequence[float]) -> float:
    return round(statistics.median(took), 1)
