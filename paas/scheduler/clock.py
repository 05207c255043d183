"""What time alone brings: deadlines, retries, and the sweep for intents whose message was lost."""

import time
from collections.abc import Iterable

from paas.model.build import BuildState
from paas.scheduler.joining import Joining
from paas.scheduler.plan import CRASH_MEMORY_SECONDS, retries
from paas.scheduler.spread import unregistered
from paas.scheduler.wake import wake
from paas.wire import BUILDS, CONVERGE, UPKEEP
from paas.wiring import Platform

SWEEP_SECONDS = 15.0
TIDY_SECONDS = 3600.0


class Clock:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._last = time.time()
        self._swept, self._tidied = 0.0, time.time()
        self._joining = Joining(platform)

    def tick(self) -> None:
        """Once a second."""
        now, platform = time.time(), self._platform
        with platform.record.read():
            due = set(self._due(now))
        if due:  # what waits already will see the deadline that has passed
            wake(due - platform.wire.waiting(CONVERGE), platform)
        if now - self._swept > SWEEP_SECONDS:
            self._swept = now
            self._sweep(now)
        self._joining.tick(now)
        if now - self._tidied > TIDY_SECONDS:
            self._tidied = now
            self._upkeep("tidy_all")
        self._last = now

    def _sweep(self, now: float) -> None:
        """What waits already is not queued once more: that the workers are away may last for days."""
        platform, wire = self._platform, self._platform.wire
        apps = {*platform.apps.pending(), *(app.id for app in platform.apps.all(destroyed=True))}
        for app_id in apps - wire.waiting(CONVERGE):
            wire.converge(app_id)
        builds = {build.id for build in platform.builds.in_state(BuildState.QUEUED)}
        for build_id in builds - wire.waiting(BUILDS):
            wire.build(build_id, platform.settings.build_seconds)
        if unregistered(platform):
            self._upkeep("spread_images")
        building = platform.builds.in_state(BuildState.BUILDING)
        if any((build.lease_until or 0) < now for build in building):
            self._upkeep("give_up_dead_builds")

    def _upkeep(self, job: str) -> None:
        if job not in self._platform.wire.waiting(UPKEEP):
            self._platform.wire.upkeep(job)

    def _due(self, now: float) -> Iterable[str]:
        """The apps for which a deadline has passed, or a retry is due, since the last tick or before."""
        platform = self._platform
        for row in platform.containers.due(now, platform.settings.drain_seconds):
            yield row.dyno.app_id
        for deploy in platform.deploys.all_open():
            if deploy.deadline <= now:
                yield deploy.app_id
        crashed = platform.containers.crashed_since(now - CRASH_MEMORY_SECONDS)
        for dyno, at in retries(crashed).items():
            if self._last < at <= now:
                yield dyno.app_id
