"""Finds out when a container that starts has come up."""

import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPException

from paas.logs.store import say
from paas.model.container import STARTING, UP, Container, Kind
from paas.model.healthcheck import SECONDS_LIMIT, Healthcheck
from paas.scheduler.healthcheck import check_health, healthcheck_of, own_check
from paas.scheduler.wake import wake
from paas.wiring import Platform

PROBES_SIDE_BY_SIDE = 64
CONNECT_SECONDS = 1.0
CONTENT_LIMIT = 1024 * 1024
"""Bytes of an answer in which a content is looked for."""
LOOK_AGAIN_SECONDS = 1.0


class Prober:
    """Each starting container is probed by itself: 15 ms apart in the first second, then slower."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._threads = ThreadPoolExecutor(PROBES_SIDE_BY_SIDE, thread_name_prefix="probe")
        self._known: set[str] = set()
        self._lock = threading.Lock()
        self._is_over = threading.Event()

    def look(self, starting: Iterable[Container]) -> None:
        """Begins with each that is not being probed yet."""
        for row in starting:
            if row.kind is not Kind.DYNO:
                continue
            with self._lock:
                if row.id in self._known:
                    continue
                self._known.add(row.id)
            self._threads.submit(self._probe, row)

    def stop(self) -> None:
        self._is_over.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _probe(self, row: Container) -> None:
        try:
            self._until_up(row)
        finally:
            with self._lock:
                self._known.discard(row.id)

    def _until_up(self, row: Container) -> None:
        begun, told = time.time(), 0.0
        deadline = row.deadline or begun
        check = Check(row, self._platform)
        while not self._is_over.is_set():
            now = time.time()
            if row.port is None:
                got, is_up = f"ran {now - row.since:.1f} s without a restart", now >= deadline
            else:
                got, is_up = check.ask()
            if is_up:
                come_up(row, got, self._platform, time.time())
                return
            if now - told > LOOK_AGAIN_SECONDS:
                told = now
                if not self._still_starts(row, got):
                    return
            if now >= deadline and row.port is not None:
                return  # the clock sees that too
            self._is_over.wait(
                _pause(now - begun) if row.port else min(0.2, max(0.01, deadline - now))
            )

    def _still_starts(self, row: Container, got: str) -> bool:
        current = self._platform.containers.get(row.id)
        if current is None or current.state is not STARTING or current.exits:
            return False
        if current.reason != got and row.port is not None:
            self._platform.containers.note(row.id, reason=got)
        return True


def come_up(row: Container, got: str, platform: Platform, now: float) -> None:
    """It answered, or ran for long enough. Silent if it has exited since."""
    current = platform.containers.get(row.id)
    if current is None or current.exits:
        return
    reason = f"{got} after {now - row.since:.1f} s"
    with platform.record.write():
        is_up = platform.containers.move(row.id, UP, now, reason=reason, deadline=None)
    if is_up:
        wake([row.dyno.app_id], platform)
        platform.wire.announce(row.dyno.app_id)
        text = "State changed from starting to up"
        say(platform.logs, row.dyno.app_id, row.dyno.name, text, now)


class Check:
    """What decides that a web container is up: what it answers, and its image's HEALTHCHECK if there is no other."""

    def __init__(self, row: Container, platform: Platform, at_most: float = SECONDS_LIMIT) -> None:
        """`at_most`: seconds that an answer may take, whatever the app says."""
        self._row, self._platform = row, platform
        own = own_check(row, platform)
        self._own = replace(own, seconds=min(own.seconds, at_most))
        self._command: Sequence[str] | None = None

    def ask(self) -> tuple[str, bool]:
        """What came of it, and whether that is enough. Raises HostUnreachable."""
        got, is_up = ask(self._row, self._own, self._platform)
        if is_up and self._command is None:
            self._command = healthcheck_of(self._row, self._platform)
        if is_up and self._command:
            return check_health(self._row, self._command, self._platform)
        return got, is_up


def ask(row: Container, check: Healthcheck, platform: Platform) -> tuple[str, bool]:
    """What it answered, and whether that is enough."""
    assert row.endpoint is not None
    address, port = row.endpoint
    where = f"{address}:{port}"
    name = platform.apps.get(row.dyno.app_id).name
    headers = {
        "Host": f"{name}.{platform.settings.apps_domain}",
        "User-Agent": "paas-health",
        "Connection": "close",
    }
    with closing(HTTPConnection(address, port, timeout=CONNECT_SECONDS)) as connection:
        try:
            connection.connect()
        except OSError as error:
            return f"{where}: {error.strerror or error}", False
        connection.sock.settimeout(check.seconds)
        with _cut_off(connection.sock, check.seconds + 1):
            if check.path:
                return _get(connection, check.path, check.content, headers)
            return _head(connection, where, headers)


@contextmanager
def _cut_off(connection: socket.socket, seconds: float) -> Iterator[None]:
    """Whoever answers a byte at a time keeps nobody for longer."""

    def end() -> None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _get(
    connection: HTTPConnection, path: str, content: str | None, headers: Mapping[str, str]
) -> tuple[str, bool]:
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read(CONTENT_LIMIT) if content is not None else b""
    except (OSError, HTTPException) as error:
        return f"GET {path}: {error}", False
    if content is not None and content.encode() not in body:
        return f"GET {path} answered {answer.status} without {content[:60]!r}", False
    return f"GET {path} answered {answer.status}", 200 <= answer.status < 400


def _head(connection: HTTPConnection, where: str, headers: Mapping[str, str]) -> tuple[str, bool]:
    """A connection is enough if the process behind it is there.

    Servers that fork (gunicorn, puma) listen before the app is loaded, and take the connections with them when that
    fails. So it is asked something: whatever it answers, or that it is silent for as long as it likes, is enough.
    """
    accepted = f"accepted a connection on {where}"
    try:
        connection.request("HEAD", "/", headers=headers)
        status = connection.getresponse().status
    except TimeoutError:
        return f"{accepted} and was silent for {connection.sock.gettimeout():g} s", True
    except OSError:
        return f"{where}: closed the connection without an answer", False
    except HTTPException:
        return f"{accepted} and answered", True
    return f"{accepted} and answered HEAD / with {status}", True


def _pause(seconds: float) -> float:
    """Between two probes, by how long it has been starting."""
    if seconds < 1:
        return 0.015
    return 0.05 if seconds < 5 else 0.25
