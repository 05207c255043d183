"""The one place that waits. What becomes of an app it leaves to `converge(app)`, which it queues.

By itself it does what needs no decision: it writes down what it saw of hosts and containers, takes away containers of
ours that no row names, fills an empty route table from the record, and collects logs.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from redis import RedisError

from paas.engine.engine import HostUnreachable
from paas.errors import Failed, PaasError
from paas.logs.collect import Collector
from paas.logs.spool import RequestLog, RouterSpool
from paas.model.container import STARTING
from paas.model.host import Host
from paas.scheduler.clock import SWEEP_SECONDS, Clock
from paas.scheduler.far_lines import FarLines
from paas.scheduler.health import Health
from paas.scheduler.listen import listen
from paas.scheduler.observe import Observer
from paas.scheduler.probe import Prober
from paas.scheduler.wake import wake
from paas.wiring import Platform

AGAIN_SECONDS = 1.0
NEWS_SECONDS = 5.0
log = logging.getLogger(__name__)


class Watch:
    """Threads that each follow one thing, and begin again when it breaks."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._prober = Prober(platform)
        self._clock = Clock(platform)
        self._collector = Collector(
            platform.settings.platform,
            platform.containers,
            platform.engine,
            platform.logs,
            lambda app_id: wake([app_id], platform),
            RouterSpool(
                platform.settings.router / "log",
                platform.settings.logs / "router.position",
                RequestLog(platform.logs, platform.apps),
            ),
        )
        self._far_lines = FarLines(platform)
        self._is_over = threading.Event()
        self._hosts: dict[str, threading.Event] = {}
        """Those that are followed; set: no more."""

    def start(self) -> None:
        self._follow_hosts()
        self._follow("news", self._follow_news)
        self._follow("acknowledgements", lambda: listen(self._platform))
        self._follow("clock", self._follow_clock)
        self._follow("request lines", self._follow_far_lines)
        self._collector.start()

    def stop(self) -> None:
        self._is_over.set()
        self._prober.stop()
        self._collector.stop()

    def _follow_hosts(self) -> None:
        """Each that is registered by now; nobody follows one that is not any more."""
        hosts = {host.name: host for host in self._platform.hosts.all() if host.is_registered}
        for name in self._hosts.keys() - hosts.keys():
            self._hosts.pop(name).set()
        for name in hosts.keys() - self._hosts.keys():
            is_over = self._hosts[name] = threading.Event()
            health = Health(name, self._platform)
            follow = partial(self._follow_host, hosts[name], health, is_over)
            self._follow(f"events of {name}", follow, is_over)

    def _follow(
        self, what: str, follow: Callable[[], None], is_over: threading.Event | None = None
    ) -> None:
        def again() -> None:
            while not self._is_over.is_set() and not (is_over and is_over.is_set()):
                try:
                    follow()
                except (PaasError, RedisError) as error:
                    log.warning("%s: %s", what, error)
                except Exception:
                    log.exception("%s", what)
                self._is_over.wait(AGAIN_SECONDS)

        threading.Thread(target=again, name=what, daemon=True).start()

    def _follow_host(self, host: Host, health: Health, is_over: threading.Event) -> None:
        """Subscribe, then list, then follow; and list again every 15 s, whatever the events say."""
        observer = Observer(host, self._platform)
        try:
            health.prepare()
            with self._platform.engine.events(host.name) as events:
                observer.sweep()
                swept = time.time()
                for event in events:
                    if self._is_over.is_set() or is_over.is_set():
                        return
                    if event is not None:
                        observer.note(event)
                    if time.time() - swept > SWEEP_SECONDS:
                        swept = time.time()
                        health.check()
                        observer.sweep()
        except (HostUnreachable, Failed) as error:
            health.doubt(error)
            raise

    def _follow_news(self) -> None:
        """A new row that starts is probed at once; one that nobody told of is found by the clock."""
        for told in self._platform.wire.news(NEWS_SECONDS):
            if self._is_over.is_set():
                return
            if told is not None:
                rows = self._platform.containers.of(told)
                self._prober.look(row for row in rows if row.state is STARTING)
                for row in rows:
                    if row.state is not STARTING:  # reading its log would take time from it
                        self._collector.follow(row)

    def _follow_far_lines(self) -> None:
        while not self._is_over.is_set():
            self._far_lines.take()

    def _follow_clock(self) -> None:
        while not self._is_over.wait(1.0):
            self._follow_hosts()
            self._clock.tick()
            starting = self._platform.containers.in_states([STARTING])
            self._prober.look(starting)
            for row in starting:
                self._collector.follow(row)
