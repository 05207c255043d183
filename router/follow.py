"""Follows the route table: subscribe, list, follow; and fail static.

A lost message costs one look at the whole table. A lost Redis costs nothing but news, and so does one that came back
empty, or with an older table than was seen already.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from redis import RedisError

from paas.model.route import RouteInvalid, Version
from paas.routes.table import EVERYTHING, Change, Changes, Resubscribed, RouteTable
from router.clock import Due
from router.keep import Keeper

VERSION_SECONDS = 2
"""How often the table's version is asked for: what a lost message costs at most."""
ALIVE_SECONDS = 10
"""How often a router says that it lives, also when HAProxy does not."""
BACK_OFF_SECONDS = (0.05, 1)
MANY = 50
"""From so many changed apps on the whole table is read."""


class Follower:
    """`lost` says how many lines of the log were lost; `report` gets a line about whatever is out of the ordinary."""

    def __init__(
        self,
        name: str,
        table: RouteTable,
        keeper: Keeper,
        lost: Callable[[], int],
        report: Callable[[str], None],
    ) -> None:
        self._name, self._table, self._keeper = name, table, keeper
        self._lost, self._report = lost, report
        self._due = Due()
        self._is_listed = False
        """The table was read since this process began."""
        self._acknowledged: tuple[Version, Mapping[str, int]] | None = None
        self._is_stopped = False

    def stop(self) -> None:
        """Ends `follow` soon; from any thread, and from a signal."""
        self._is_stopped = True

    def follow(self) -> None:
        """Until `stop`."""
        pause, longest = BACK_OFF_SECONDS
        while not self._is_stopped:
            try:
                with self._table.changes() as changes:
                    pause = BACK_OFF_SECONDS[0]
                    while not self._is_stopped:
                        self._hear(changes)
            except RedisError as error:
                self._report(f"Redis does not answer ({error}); keeping the table there is")
                self._wait(pause)
                pause = min(pause * 2, longest)
        self._keeper.close()

    def _hear(self, changes: Changes) -> None:
        said = [changes.next(self._keeper.patience())]
        while said[-1] is not None:
            said.append(changes.next(0))
        self._take([news for news in said if news is not None])
        self._acknowledge()
        self._keeper.tend()
        if (
            self._due.is_due("version", VERSION_SECONDS)
            and self._table.version() != self._keeper.version
        ):
            self._list()
        self._acknowledge()

    def _wait(self, seconds: float) -> None:
        """HAProxy is looked after without Redis too."""
        until = time.monotonic() + seconds
        while not self._is_stopped and (left := until - time.monotonic()) > 0:
            self._keeper.tend()
            time.sleep(min(left, self._keeper.patience()))

    def _take(self, said: Sequence[Change | Resubscribed]) -> None:
        """All that was said since the last time in one go: the apps named, if nothing is missing in between."""
        version, apps = self._keeper.version, dict[str, None]()
        for news in said:
            if isinstance(news, Resubscribed) or news.app_id == EVERYTHING or not self._is_listed:
                return self._list()
            if version == Version(news.version.epoch, news.previous):
                version = news.version
                apps[news.app_id] = None
            elif version is None or not version.covers(news.version):
                return self._list()
        if len(apps) > MANY:
            return self._list()
        return self._take_apps(list(apps), version) if apps else None

    def _take_apps(self, apps: Sequence[str], version: Version | None) -> None:
        try:
            epoch, routes = self._table.routes(apps)
        except RouteInvalid as error:
            return self._report(f"The table cannot be read ({error}); keeping the one there is")
        if version is None or epoch != version.epoch:
            return self._list()
        return self._keeper.take(version, routes)

    def _list(self) -> None:
        """The whole table, unless it says nothing, or less than was heard already."""
        try:
            snapshot = self._table.snapshot()
        except RouteInvalid as error:
            return self._report(f"The table cannot be read ({error}); keeping the one there is")
        version, held = snapshot.version, self._keeper.version
        if version is None:
            return self._report("The table is empty; keeping the one there is")
        if held is not None and held != version and held.covers(version):
            return self._report("The table is older than the one there is; keeping that")
        self._is_listed = True
        return self._keeper.take_all(version, snapshot.routes)

    def _acknowledge(self) -> None:
        """Once per version and set of busy containers; beside that the last one now and then, as a sign of life."""
        keeper, said = self._keeper, self._acknowledged
        if self._is_listed and keeper.is_true and keeper.version is not None:
            said = (keeper.version, keeper.busy())
        if said is None:
            return
        version, busy = said
        is_new = self._acknowledged is None or (version, busy.keys()) != (
            self._acknowledged[0],
            self._acknowledged[1].keys(),
        )
        if is_new or self._due.is_due("alive", ALIVE_SECONDS):
            status = replace(keeper.status(), log_lines_lost=self._lost())
            self._table.acknowledge(self._name, version, busy, status, time.time(), is_told=is_new)
            self._acknowledged = said
            self._due.did("alive")
