"""What door and hook ask the API: HTTP over its unix socket, with the standard library alone.

Every answer that is not good becomes an error whose text is one line for the person who pushes.
"""

import json
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from paas.errors import Refused, Unavailable
from paas.git.answer import Answer

ANSWER_SECONDS = 30.0
STORE_SECONDS = 300.0
"""For a large source to be on disk."""
SILENCE_SECONDS = 45.0
"""A build's output has a heartbeat every 10 s; without a word for this long the stream is taken for broken."""
RESTART_SECONDS = 5.0
"""How long nobody may listen where the API listened a moment ago."""
AGAIN_SECONDS = 0.1


class ApiSilent(Unavailable):
    """No answer. Whether what was asked for has happened is not known."""

    def __init__(self, why: object) -> None:
        super().__init__(
            f"the platform does not answer ({why}). Nothing more is known; push again in a moment. "
            "If it stays so, its operator types: paasd status"
        )


class ApiRefused(Refused):
    """An answer that is an error. `message` is the API's own, in one line."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Api:
    """Asks on behalf of whoever has the key `fingerprint`; where it is empty, of `person`, who has shown a token."""

    def __init__(self, directory: Path, fingerprint: str, person: str = "") -> None:
        self._socket = directory / "run" / "api" / "api.sock"
        self._token_file = directory / "door" / "token"
        self._speaks_for = {"Paas-Key": fingerprint} if fingerprint else {"Paas-Person": person}

    def get(self, path: str, **query: str) -> Any:
        """The JSON of the answer. Raises ApiSilent or ApiRefused, as every other method does."""
        return self._json("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, value: object) -> Any:
        return self._json("POST", path, json.dumps(value).encode(), "application/json")

    def put(self, url: str, content: Iterable[bytes]) -> None:
        """Streams `content`; nothing of it is held."""
        self._answer("PUT", _path(url), content, "application/x-tar", STORE_SECONDS).close()

    def follow(self, url: str, offset: int) -> Iterator[bytes]:
        """A build's output from `offset` on, as it comes. ApiSilent also when the stream breaks off."""
        path = _path(url)
        joint = "&" if "?" in path else "?"
        path = f"{path}{joint}offset={offset}"
        with self._answer("GET", path, seconds=SILENCE_SECONDS) as answer:
            try:
                yield from answer.pieces()
            except OSError as error:
                raise ApiSilent(_why(error)) from error

    def _json(self, method: str, path: str, body: bytes = b"", kind: str = "") -> Any:
        with self._answer(method, path, body, kind) as answer:
            try:
                return json.loads(answer.read())
            except (OSError, ValueError) as error:
                raise ApiSilent(_why(error)) from error

    def _answer(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        kind: str = "",
        seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        headers = {"Accept": "*/*", "Connection": "close", **self._speaks_for}
        if kind:
            headers["Content-Type"] = kind
        try:
            headers["Authorization"] = f"Bearer {self._token_file.read_text().strip()}"
            answer = Answer.ask(_connected(self._socket, seconds), method, path, headers, body)
        except OSError as error:
            raise ApiSilent(_why(error)) from error
        if answer.status >= 300:
            raise ApiRefused(answer.status, _message(answer))
        return answer


def _connected(path: Path, seconds: float) -> socket.socket:
    """Waits a moment for an API that is being started again: nothing was asked yet. Raises OSError.

    `seconds`: how long it may be silent later on.
    """
    deadline = time.monotonic() + RESTART_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(seconds)
        try:
            connection.connect(str(path))
            return connection
        except OSError as error:
            connection.close()
            is_away = isinstance(error, ConnectionRefusedError | FileNotFoundError)
            if not is_away or time.monotonic() > deadline:
                raise
        time.sleep(AGAIN_SECONDS)


def _path(url: str) -> str:
    """The API names its URLs by the address people reach it at; this is the same API."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _message(answer: Answer) -> str:
    with answer:
        try:
            text = str(json.loads(answer.read())["message"])
        except (OSError, ValueError, KeyError, TypeError):
            text = f"the platform answered {answer.status} {answer.reason}"
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """Nothing in it moves a terminal's cursor or turns its text around."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
