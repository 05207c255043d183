"""What the engines tell: their events as they come, and a sweep that finds what no event told."""

import time
from collections.abc import Sequence

from paas.engine.engine import KILLED, Event, EventKind, Seen
from paas.logs.store import say
from paas.model.build import BuildState
from paas.model.container import (
    CRASHED,
    GONE,
    OUT_OF_MEMORY,
    PLACED,
    PULLING,
    RETIRING,
    STARTING,
    STOPPING,
    UP,
    Container,
    Kind,
    container_name,
)
from paas.model.host import Host
from paas.scheduler.apply import crash, signal
from paas.scheduler.wake import wake
from paas.wiring import Platform

EXITS_KEPT = 5
STILL_SECONDS = 40.0
"""A container that should run and has not for so long is taken for crashed: an engine that boots needs its time."""


class Observer:
    """Of one host."""

    def __init__(self, host: Host, platform: Platform) -> None:
        self._host, self._platform = host, platform
        self._still_since: dict[str, float] = {}

    def note(self, event: Event) -> None:
        """An event, into the record."""
        row = self._row(event.name)
        if row is None or row.state is GONE:
            return
        if event.kind is EventKind.EXITED:
            self._exited(row, event.exit_code or 0, event.at)
        elif event.kind is EventKind.STARTED:
            self._runs(row, event.at)
        elif event.kind is EventKind.OOM:
            limit = f"{self._platform.settings.memory_mb} MB"
            self._platform.containers.note(row.id, reason=f"{OUT_OF_MEMORY} (limit {limit})")
            text = f"Error R15 (Memory quota vastly exceeded): the limit is {limit}"
            say(self._platform.logs, row.dyno.app_id, row.dyno.name, text, event.at)

    def sweep(self) -> None:
        """Compares every container of the host with its row. Raises HostUnreachable: then nothing is concluded."""
        now = time.time()
        rows = {row.id: row for row in self._platform.containers.on(self._host.name)}
        seen = {
            container.name: container for container in self._platform.engine.list(self._host.name)
        }
        for row in rows.values():
            found = seen.get(container_name(self._platform.settings.platform, row.id))
            if found is None:
                self._missing(row, now)
            elif not found.is_running:
                self._still(row, found, now)
            else:
                self._still_since.pop(row.id, None)
                self._runs(row, found.started_at or 0)
        for container in seen.values():
            self._remove_orphan(container)

    def _row(self, name: str) -> Container | None:
        prefix = container_name(self._platform.settings.platform, "")
        return (
            self._platform.containers.get(name.removeprefix(prefix))
            if name.startswith(prefix)
            else None
        )

    def _exited(self, row: Container, exit_code: int, at: float) -> None:
        exits = (*row.exits, at)[-EXITS_KEPT:]
        with self._platform.record.write():
            self._platform.containers.note(row.id, exits=exits, exit_code=exit_code, seen_at=at)
        wake([row.dyno.app_id], self._platform)
        if row.kind is Kind.DYNO or not row.is_logged:  # whoever is attached to a one-off says it
            text = (
                f"Process exited with status {exit_code}{self._perhaps_for_memory(row, exit_code)}"
            )
            say(self._platform.logs, row.dyno.app_id, row.dyno.name, text, at)

    def _perhaps_for_memory(self, row: Container, exit_code: int) -> str:
        """Killed, and not by us: not every engine says when it was for want of memory."""
        if exit_code != KILLED or row.state not in (STARTING, UP) or row.was_out_of_memory:
            return ""
        return f" (killed, perhaps for want of memory: the limit is {self._platform.settings.memory_mb} MB)"

    def _runs(self, row: Container, started_at: float) -> None:
        """If its end is noted, it was started again since, by the engine or by somebody: it has yet to end.

        One that is being stopped and was started after that is told to end once more. Its log goes on.
        """
        if row.exit_code is None or row.state not in (UP, RETIRING, STOPPING):
            return
        platform = self._platform
        if row.state is STOPPING and started_at > row.since:
            signal(row, "SIGTERM", platform)
            deadline = time.time() + platform.settings.stop_seconds
            platform.containers.note(row.id, exit_code=None, is_logged=False, deadline=deadline)
        else:
            platform.containers.note(row.id, exit_code=None, is_logged=False)

    def _missing(self, row: Container, now: float) -> None:
        """Its host has answered and does not have it."""
        if row.state in (STARTING, UP) and row.kind is Kind.DYNO and row.since < now - 5:
            if crash(row, "its container is gone from the host", self._platform, now):
                self._platform.containers.note(row.id, is_logged=True)
        elif row.state in (STOPPING, CRASHED) or (
            row.kind is Kind.RELEASE and row.state is UP and row.since < now - 5
        ):
            self._platform.containers.note(row.id, exit_code=_or(row.exit_code, -1), is_logged=True)
        elif row.kind is Kind.RUN and row.state not in (PLACED, PULLING) and row.since < now - 60:
            self._platform.containers.move(row.id, GONE, now, is_logged=True)
        elif row.state not in (PLACED, RETIRING) or row.since > now - 60:
            return
        wake([row.dyno.app_id], self._platform)

    def _still(self, row: Container, found: Seen, now: float) -> None:
        since = self._still_since.setdefault(row.id, now)
        if found.exit_code is None:
            return  # made, and not started yet
        if not row.exits and (row.kind is not Kind.DYNO or row.state is STARTING):
            self._exited(row, found.exit_code, now)
            return
        if row.state in (STOPPING, CRASHED) and row.exit_code is None:
            self._platform.containers.note(row.id, exit_code=found.exit_code)
        elif row.kind is Kind.DYNO and row.state is UP and now - since > STILL_SECONDS:
            crash(
                row, f"stopped with status {found.exit_code}", self._platform, now, found.exit_code
            )
        elif row.kind is Kind.DYNO:
            return
        wake([row.dyno.app_id], self._platform)

    def _remove_orphan(self, container: Seen) -> None:
        """A container of ours that no row tells of: what a lost start or a lost build has left."""
        row_id, kind = container.labels.get("paas.container", ""), container.labels.get("paas.kind")
        row = self._platform.containers.get(row_id)
        if row is not None and row.state is not GONE:
            return
        if kind == Kind.BUILD and row_id in _under_way(self._platform):
            return
        self._platform.engine.remove(self._host.name, container.name)


def _under_way(platform: Platform) -> Sequence[str]:
    """The containers of builds that have not ended."""
    return [build.container for build in platform.builds.in_state(BuildState.BUILDING)]


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
