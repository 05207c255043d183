"""The platform's API, asked by one person."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import h11

from paas.cli.address import Address
from paas.cli.connection import Connection
from paas.cli.text import plain
from paas.errors import Failed, Invalid

ACCEPT = "application/vnd.heroku+json; version=3"
ANSWER_SECONDS = 60.0
"""The longest silence of an ordinary request."""
UPLOAD_SECONDS = 300.0
"""For a large source to be on disk."""
STORED_SECONDS = 320.0
"""For a large commit of the app's repository to be on disk. The API itself gives up a little earlier, and says why."""


class ApiRefused(Failed):
    """The API said no. `status` is HTTP's, `kind` the API's word for it: `not_found`."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status, self.kind = status, kind
        super().__init__(message)


class InvalidName(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:60]!r} cannot be a name of anything here.")


class NotUnderstood(Failed):
    """What answers is no platform, or one of another age."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"The answer lacks {missing}. Is it a platform of this version that answers? See: paas login --help"
        )


class Fields(dict[str, Any]):
    """An object of the API's. `get` is for what may be missing."""

    def __missing__(self, key: str) -> Any:
        raise NotUnderstood(f"'{key}'")


@dataclass(frozen=True, slots=True)
class Answer:
    headers: Mapping[str, str]
    body: bytes

    def one(self) -> Fields:
        """The object it holds. Raises NotUnderstood."""
        found = self._json()
        if not isinstance(found, Fields):
            raise NotUnderstood("an object")
        return found

    def many(self) -> list[Fields]:
        """The objects it lists. Raises NotUnderstood."""
        found = self._json()
        if not isinstance(found, list) or not all(isinstance(each, Fields) for each in found):
            raise NotUnderstood("a list of objects")
        return found

    def _json(self) -> Any:
        try:
            return json.loads(self.body, object_hook=Fields)
        except ValueError:
            raise NotUnderstood("any JSON") from None

    @property
    def version(self) -> int | None:
        """What to wait for until a change is live; None when there is nothing to wait for."""
        text = self.headers.get("paas-version", "")
        return int(text) if text.isdecimal() else None

    @property
    def is_stopped(self) -> bool:
        """The app is stopped, so that what was changed runs when it is started."""
        return "paas-stopped" in self.headers


def path(*segments: str) -> str:
    """`path("apps", "shop", "dynos")`. A segment cannot leave its place."""
    return "".join("/" + _quoted(check_name(segment)) for segment in segments)


def check_name(text: str) -> str:
    """What can be a segment of a path, whatever it names."""
    if text in ("", ".", "..") or not text.isprintable():
        raise InvalidName(text)
    return text


def _quoted(segment: str) -> str:
    if segment.isascii() and segment.replace("-", "").replace(".", "").isalnum():
        return segment  # as nearly always; the module that knows the rest takes 3 ms to import
    return str(import_module("urllib.parse").quote(segment, safe="~"))


class Client:
    """Its connection stays open from one request to the next."""

    def __init__(self, address: Address, token: str) -> None:
        self.address = address
        self._token = token
        self._connection: Connection | None = None

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def get(self, target: str) -> Answer:
        return self._ask("GET", target)

    def post(
        self,
        target: str,
        body: Mapping[str, object] | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        return self._ask("POST", target, body if body is not None else {}, seconds)

    def patch(self, target: str, body: Mapping[str, object]) -> Answer:
        return self._ask("PATCH", target, body)

    def put(self, target: str, body: Mapping[str, object]) -> Answer:
        return self._ask("PUT", target, body)

    def upload(self, target: str, body: Iterable[bytes]) -> None:
        """A PUT of bytes, as they come."""
        self.close()
        connection = self._ready()
        given = {"Host": self.address.authority, **self.authorization}
        given |= {"Content-Type": "application/x-tar", "Transfer-Encoding": "chunked"}
        response = connection.upload(self.address.prefix + target, given, body, UPLOAD_SECONDS)
        self._check(response, connection)
        self.close()

    def delete(self, target: str) -> Answer:
        return self._ask("DELETE", target)

    def stream(self, target: str, accept: str = "*/*", **headers: str) -> Iterator[bytes]:
        """The answer as it comes, however long it is silent. A refusal is raised at once, not at the first piece."""
        _, body = self._send("GET", target, b"", {"Accept": accept, **headers}, None)
        return body

    def lines(self, target: str, accept: str = "*/*", **headers: str) -> Iterator[bytes]:
        """The same, line by line."""
        return _lines(self.stream(target, accept, **headers))

    def _ask(
        self,
        method: str,
        target: str,
        body: Mapping[str, object] | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        data = b"" if body is None else json.dumps(body).encode()
        headers, chunks = self._send(method, target, data, {"Accept": ACCEPT}, seconds)
        return Answer(headers, b"".join(chunks))

    def _send(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str], seconds: float | None
    ) -> tuple[Mapping[str, str], Iterator[bytes]]:  # fmt: skip
        connection = self._ready()
        given = {"Host": self.address.authority, **self.authorization, **headers}
        if body:
            given["Content-Type"] = "application/json"
        if body or method != "GET":
            given["Content-Length"] = str(len(body))
        response = connection.send(method, self.address.prefix + target, given, body, seconds)
        return self._check(response, connection), connection.body()

    def _check(self, response: h11.Response, connection: Connection) -> dict[str, str]:
        """Its headers. Raises ApiRefused."""
        answered = {name.decode(): value.decode("latin-1") for name, value in response.headers}
        if response.status_code >= 300:
            raise self._refusal(response.status_code, b"".join(connection.body()), answered)
        return answered

    def _ready(self) -> Connection:
        if self._connection is None or not self._connection.is_idle:
            self.close()
            self._connection = Connection(self.address.connect())
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _refusal(self, status: int, body: bytes, headers: Mapping[str, str]) -> ApiRefused:
        try:
            said = json.loads(body)
            kind, message = str(said["id"]), plain(str(said["message"]))
        except (ValueError, TypeError, KeyError):
            kind = "unknown"
            message = f"{self.address.url} answered with HTTP status {status} and no reason. See: paas doctor"
        if status == 401:
            message = f"{self.address.url} does not accept your token. Type: paas login {self.address.url}"
        elif status >= 500 and "request-id" in headers:
            message += f" (request {plain(headers['request-id'])[:80]})"
        return ApiRefused(status, kind, message)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest
