"""What time alone brings: deadlines, retries, and the sweep for intents whose message was lost."""

import time
from collections.abc import Iterable

from paas.model.build import BuildState
from paas.scheduler.plan import CRASH_MEMORY_SECONDS, retries
from paas.scheduler.wake import wake
from paas.wiring import Platform

SWEEP_SECONDS = 15.0
TIDY_SECONDS = 3600.0


class Clock:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._last = time.time()
        self._swept, self._tidied = 0.0, time.time()

    def tick(self) -> None:
        """Once a second."""
        now, platform = time.time(), self._platform
        with platform.record.read():
            due = set(self._due(now))
        wake(due, platform)
        if now - self._swept > SWEEP_SECONDS:
            self._swept = now
            for app_id in platform.apps.pending():
                platform.wire.converge(app_id)
            for app in platform.apps.all(destroyed=True):
                platform.wire.converge(app.id)
            for build in platform.builds.in_state(BuildState.QUEUED):
                platform.wire.build(build.id, platform.settings.build_seconds + 300)
            building = platform.builds.in_state(BuildState.BUILDING)
            if any((build.lease_until or 0) < now for build in building):
                platform.wire.upkeep("give_up_dead_builds")
        if now - self._tidied > TIDY_SECONDS:
            self._tidied = now
            platform.wire.upkeep("tidy_all")
        self._last = now

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
