"""Keeps HAProxy true to the table that was given last, whatever happens to either of them."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from paas.model.route import Route, RouterStatus, Version
from router.clock import Due
from router.config import Edge, render
from router.folder import Folder, Last
from router.haproxy import HAProxy, HAProxyGone, HAProxyRefused, Worker, check
from router.names import Names
from router.plan import plan_apps, plan_table, plan_upkeep
from router.running import Running
from router.steps import Grow, Park, Shut, Step

GLANCE_SECONDS = 0.5
"""How often HAProxy is asked who it is."""
SEARCH_SECONDS = 0.1
"""How often it is looked for while it does not answer."""
DRAIN_SECONDS = (0.02, 0.2)
"""How often parked servers are looked at: in the first tenth of a second after one was parked, and later."""
UPKEEP_SECONDS = 1
COMPARE_SECONDS = 60
COUNT_SECONDS = 5
WRITE_SECONDS = 0.5
GROW_SECONDS = 30
"""Between two attempts."""
RELOAD_SECONDS = 5


class Keeper:
    """One per HAProxy. Its methods are called by one thread; none raises for what HAProxy or the disk does."""

    def __init__(
        self, folder: Folder, edge: Edge, names: Names, report: Callable[[str], None]
    ) -> None:
        self._folder, self._edge, self._names, self._report = folder, edge, names, report
        self._haproxy = HAProxy(folder)
        self._running: Running | None = None
        """None while HAProxy does not answer."""
        self._worker: Worker | None = None
        self._last = folder.read_last()
        self._routes: dict[str, Route] = self._last.read_routes() if self._last else {}
        self._texts: dict[str, str] = dict(self._last.routes) if self._last else {}
        """The same, as they are written to disk."""
        self._is_given = False
        """A table was given since this process began. Before, HAProxy knows better than the file does."""
        self._due = Due()
        self._parked_at = 0.0
        self._is_written = True
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._writing: Future[None] | None = None
        self._growing: tuple[int, subprocess.Popen[bytes]] | None = None
        self.version: Version | None = self._last.version if self._last else None
        """Of the table there is; the file's at first."""
        self.is_true = False
        """HAProxy has everything that this version says."""
        self.drift = 0
        self.unwritten = 0
        """Lines of the log that HAProxy left out."""
        self._counted = 0

    def take_all(self, version: Version, routes: Mapping[str, Route]) -> None:
        self.version, self._routes, self._is_given = version, dict(routes), True
        self._texts = {app_id: route.to_json() for app_id, route in routes.items()}
        self._is_written = False
        self._serve_all()

    def take(self, version: Version, routes: Mapping[str, Route | None]) -> None:
        """The table differs in these alone; None has left it."""
        self.version = version
        for app_id, route in routes.items():
            if route is None:
                self._routes.pop(app_id, None)
                self._texts.pop(app_id, None)
            else:
                self._routes[app_id] = route
                self._texts[app_id] = route.to_json()
        self._is_written = False
        if self._running is not None and self.is_true:
            self._serve(plan_apps(routes, self._running, time.time()))
        else:
            self._serve_all()

    def busy(self) -> Mapping[str, int]:
        """Containers out of the table that may have requests in flight."""
        return {} if self._running is None else self._running.busy()

    def status(self) -> RouterStatus:
        worker, running = self._worker, self._running
        return RouterStatus(
            haproxy=worker.version if worker else "",
            started_at=worker.started_at if worker else 0,
            slots=len(running.slots) if running else 0,
            slots_free=len(running.free) if running else 0,
            drift=self.drift,
        )

    def patience(self) -> float:
        """How many seconds `tend` can wait."""
        if self._running is None:
            return SEARCH_SECONDS
        if self._growing is not None:
            return DRAIN_SECONDS[0]
        return self._drain_seconds() if self._running.draining else GLANCE_SECONDS

    def tend(self) -> None:
        """What is due by the clock."""
        try:
            self._glance()
            self._drain()
            self._keep_up()
            self._continue_growth()
            self._compare()
            self._count()
        except HAProxyGone as error:
            self._lose(f"HAProxy does not answer ({error})")
        except HAProxyRefused as error:
            self._lose_for_drift(error)
        self._write()

    def close(self) -> None:
        """The last table is on disk afterwards."""
        self._write(is_last=True)
        self._writer.shutdown()

    def _serve_all(self) -> None:
        self.is_true = False
        if self._running is not None and self._is_given:
            self._serve(plan_table(self._routes, self._running, time.time()))

    def _serve(self, steps: Sequence[Step]) -> None:
        self.is_true = False
        growth = [step for step in steps if isinstance(step, Grow)]
        try:
            self._tell([step for step in steps if not isinstance(step, Grow)])
        except HAProxyGone as error:
            self._lose(f"HAProxy does not answer ({error})")
        except HAProxyRefused as error:
            self._lose_for_drift(error)
        else:
            self.is_true = not growth
            for step in growth:
                self._begin_growth(step.slots)

    def _tell(self, steps: Sequence[Step]) -> None:
        assert self._running is not None
        self._names.learn(steps)
        self._haproxy.apply(steps, self._running)
        if any(isinstance(step, Park) for step in steps):
            self._parked_at = time.monotonic()
            self._due.did("drain")

    def _lose(self, why: str) -> None:
        self._report(why)
        self._running = self._worker = None
        self.is_true = False
        self._due.did("search")

    def _lose_for_drift(self, error: HAProxyRefused) -> None:
        self.drift += 1
        self._lose(f"HAProxy differs from what it was told, reading it again ({error})")

    def _glance(self) -> None:
        if self._running is None:
            if self._due.is_due("search", SEARCH_SECONDS):
                self._find()
        elif self._due.is_due("glance", GLANCE_SECONDS) and self._haproxy.worker() != self._worker:
            self._report("HAProxy was started again")
            self._find()

    def _find(self) -> None:
        """Reads what HAProxy runs, and brings it to what it should."""
        self.is_true = False
        try:
            self._worker, self._running = self._haproxy.worker(), self._haproxy.read()
        except HAProxyGone:
            self._running = self._worker = None
            return
        self._names.learn_all(self._running)
        self._is_written = False
        self._parked_at = time.monotonic()
        self._serve_all()

    def _drain_seconds(self) -> float:
        soon, later = DRAIN_SECONDS
        return soon if time.monotonic() - self._parked_at < 0.1 else later

    def _drain(self) -> None:
        """Looks whether parked servers still have requests in flight."""
        running = self._running
        if running is None or not running.draining:
            return
        if not self._due.is_due("drain", self._drain_seconds()):
            return
        draining = sorted(running.draining)
        seen = self._haproxy.requests_in_flight(sorted({slot for slot, _ in draining}))
        for slot, name in draining:
            server = running.slots[slot].servers[name]
            running.look(slot, name, seen.get((server.address, server.port), 0))

    def _keep_up(self) -> None:
        if self._running is None or not self._due.is_due("upkeep", UPKEEP_SECONDS):
            return
        for step in plan_upkeep(self._running, time.time()):
            if isinstance(step, Shut):
                self._haproxy.shut(step.slot, self._running.slots[step.slot].servers[step.server])
            elif isinstance(step, Grow):
                self._begin_growth(step.slots)
            else:
                self._tell([step])

    def _compare(self) -> None:
        """What HAProxy runs against the table, without believing ourselves."""
        if not self.is_true or self._growing is not None:
            return
        if (
            not self._due.is_due("compare", COMPARE_SECONDS)
            or self._haproxy.worker() != self._worker
        ):
            return
        differences = plan_table(self._routes, self._haproxy.read(), time.time())
        if differences:
            raise HAProxyRefused(f"{len(differences)} steps away from the table")

    def _count(self) -> None:
        """HAProxy counts from its own start."""
        if self._running is not None and self._due.is_due("count", COUNT_SECONDS):
            counted = self._haproxy.unwritten()
            is_anew = counted < self._counted
            self.unwritten += counted if is_anew else counted - self._counted
            self._counted = counted

    def _begin_growth(self, slots: int) -> None:
        """HAProxy judges the larger configuration meanwhile; only the reload itself is waited for."""
        if self._running is None or self._growing is not None:
            return
        if not self._due.is_due("grow", GROW_SECONDS):
            return
        candidate = self._folder.path / "haproxy.candidate.cfg"
        texts = render(self._running, self._edge, self._folder, slots)
        try:
            self._folder.write({**texts, candidate: texts[self._folder.config]})
            self._growing = (slots, check(candidate))
        except OSError as error:
            self._report(f"HAProxy cannot be given more slots ({error})")

    def _continue_growth(self) -> None:
        if self._growing is None or self._growing[1].poll() is None:
            return
        (slots, judged), self._growing = self._growing, None
        if judged.returncode != 0 or self._running is None:
            self._report(f"HAProxy refuses a configuration with {slots} slots")
            return
        try:
            self._folder.write(render(self._running, self._edge, self._folder, slots))
        except OSError as error:
            self._report(f"HAProxy cannot be given more slots ({error})")
            return
        self._haproxy.reload(RELOAD_SECONDS)
        self._due.forget("grow")
        self._report(f"HAProxy has {slots} slots now")
        self._find()

    def _write(self, *, is_last: bool = False) -> None:
        """The table, beside the way of requests. A disk that is full costs nothing but that."""
        if self._writing is not None and (self._writing.done() or is_last):
            error = self._writing.exception()
            if error is not None:
                self._report(f"The last table cannot be written ({error})")
                self._is_written = False
            self._writing = None
        if self._is_written or self._writing is not None or self.version is None:
            return
        if not is_last and not self._due.is_due("write", WRITE_SECONDS):
            return
        self._is_written = True
        running = self._running
        slots = dict(running.slot_of) if running else self._last.slots if self._last else {}
        count = len(running.slots) if running else self._last.slot_count if self._last else 0
        self._last = Last(self.version, dict(self._texts), slots, count)
        self._writing = self._writer.submit(self._folder.write_last, self._last)
        if is_last:
            self._write(is_last=True)
