"""A constant load on one app: new connections, connections that are kept, requests that take their time.

A client of this load never tries again: what a browser would hide is seen.
"""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

PATIENCE_SECONDS = 20.0
BEAT_SECONDS = 0.1
"""Between two requests of one client."""
SLOW_SECONDS = 0.7
P = ParamSpec("P")
REPORTED = 40
BODY = b"x" * 2000


@dataclass(frozen=True, slots=True)
class Answer:
    began: float
    ended: float
    release: str
    dyno: str
    container: str


@dataclass(frozen=True, slots=True)
class Failure:
    began: float
    ended: float
    client: str
    what: str

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.began))
        took = f"{self.ended - self.began:.3f} s"
        return f"{clock}.{self.began % 1 * 1000:03.0f} {self.client}, after {took}: {self.what}"


class Load:
    """Each client asks ten times a second, or as soon as its slow request has ended.

    `is_idempotent` False adds POSTs, which nobody on the way may send a second time. Every answer must name the app.
    """

    def __init__(
        self,
        port: int,
        app: str,
        *,
        new: int = 3,
        kept: int = 4,
        slow: int = 2,
        is_idempotent: bool = False,
        address: str = "127.0.0.1",
    ) -> None:
        self._address, self._app = (address, port), app
        self.answers: list[Answer] = []
        self.failures: list[Failure] = []
        self._is_over = threading.Event()
        methods = ("GET",) if is_idempotent else ("GET", "POST")
        clients = [
            *((f"new {number}", "/", False) for number in range(new)),
            *((f"kept {number}", "/", True) for number in range(kept)),
            *((f"slow {number}", f"/?seconds={SLOW_SECONDS}", True) for number in range(slow)),
        ]
        self._threads = [
            threading.Thread(
                target=self._ask_on,
                args=(f"{name} {methods[number % len(methods)]}", path, is_kept),
                daemon=True,
            )
            for number, (name, path, is_kept) in enumerate(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    @property
    def report(self) -> str:
        """How many failed, and the first of them, each with its time."""
        failures = sorted(self.failures, key=lambda one: one.began)
        counted = f"{len(failures)} of {len(self.answers) + len(failures)} failed"
        return "\n".join([counted, *map(str, failures[:REPORTED])])

    def since(self, moment: float) -> Sequence[Answer]:
        """To requests that began after it."""
        return [answer for answer in list(self.answers) if answer.began > moment]

    def releases(self, moment: float = 0) -> set[str]:
        return {answer.release for answer in self.since(moment)}

    def containers(self, moment: float = 0) -> set[str]:
        return {answer.container for answer in self.since(moment)}

    def goes_on(self, seconds: float = 0.5) -> None:
        """Returns when that much more of it was answered or has failed."""
        begin = time.time()
        while time.time() < begin + seconds or not (self.since(begin) or self.failures):
            assert time.time() < begin + PATIENCE_SECONDS, "nothing is answered, and nothing fails"
            time.sleep(0.05)

    def _ask_on(self, client: str, path: str, is_kept: bool) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE_SECONDS)
        method = client.rpartition(" ")[2]
        next_at = time.monotonic()
        while not self._is_over.is_set():
            began = time.time()
            try:
                answer = self._ask(connection, method, path, began)
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.failures.append(Failure(began, time.time(), client, repr(error)[:300]))
                connection.close()
            else:
                self.answers.append(answer)
            if not is_kept:
                connection.close()
            next_at = max(next_at + BEAT_SECONDS, time.monotonic() - 1)
            self._is_over.wait(max(0.0, next_at - time.monotonic()))
        connection.close()

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, began: float
    ) -> Answer:
        """Raises ValueError or KeyError when it is not the app's own answer."""
        body = BODY if method == "POST" else None
        connection.request(method, path, body, {"Host": f"{self._app}.localhost"})
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            code = response.headers.get("X-Paas-Error", "")
            raise ValueError(f"{response.status} {code} {text[:80]}")
        named = json.loads(text)
        if named["app"] != self._app:
            raise ValueError(f"{named['app']} answered")
        return Answer(began, time.time(), named["release"], named["dyno"], named["container"])


class Talk:
    """A WebSocket to an app that sends back what it gets; a message each tenth of a second."""

    def __init__(self, port: int, app: str) -> None:
        self.said = 0
        self.failure: str | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._talk, args=(port, app), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _talk(self, port: int, app: str) -> None:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection,
                connect(f"ws://{app}.localhost/", sock=connection) as talk,
            ):
                while not self._is_over.wait(BEAT_SECONDS):
                    talk.send(f"word {self.said}")
                    heard = talk.recv(PATIENCE_SECONDS)
                    assert heard == f"word {self.said}", heard
                    self.said += 1
        except (OSError, WebSocketException, AssertionError) as error:
            self.failure = f"after {self.said} words: {error!r}"


def under(load: Load, deed: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> float:
    """Does it with the load before, during and after; when it was done."""
    load.goes_on()
    deed(*args, **kwargs)
    done = time.time()
    load.goes_on()
    return done
