"""The one place where a request is let in. Nothing is reached that its table does not name.

Before anything of a body is read the gate finds out who asks and whether they may, and leaves both in the scope. The
endpoints get person and app from there (`asked.py`) and have no other way to an app.
"""

import base64
import binascii
import hmac
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paas.auth import (
    NotAdmin,
    NotForTheDoor,
    NotKnown,
    person_of_key,
    person_of_pass,
    person_of_token,
    reach_app,
)
from paas.errors import Invalid, PaasError, Refused, Unknown
from paas.model.app import App
from paas.model.person import Person
from paas.wiring import Platform

ASKED = "paas.asked"
"""Where in the scope the gate leaves what it found out."""
BODY_LIMIT = 1024 * 1024
"""Bytes of any body but a source's."""


class Right(StrEnum):
    PERSON = "anybody who is known"
    OWNER = "who owns the app that is named next, or an admin"
    ADMIN = "an admin"
    ADMIN_TO_CHANGE = "anybody who is known may look, an admin change"
    DOOR = "the door alone"


RIGHTS: Mapping[str, Right] = {
    "account": Right.PERSON,
    "addon-attachments": Right.PERSON,
    "addons": Right.PERSON,
    "apps": Right.OWNER,
    "docs": Right.PERSON,
    "doctor": Right.ADMIN,
    "door": Right.DOOR,
    "hosts": Right.ADMIN_TO_CHANGE,
    "openapi.json": Right.PERSON,
    "people": Right.ADMIN,
    "routers": Right.ADMIN_TO_CHANGE,
    "sources": Right.PERSON,
    "teams": Right.PERSON,
    "users": Right.PERSON,
    "{app}.git": Right.OWNER,
}
"""What a path asks for, by its first segment. A route whose first segment is missing here cannot be reached."""
REPOSITORY = re.compile(r"/(?P<app>[^/]+)\.git(/.*)?", re.DOTALL)
"""The one kind of path whose first segment names the app."""


class BodyTooLarge(Invalid):
    def __init__(self) -> None:
        super().__init__(f"The body is larger than {BODY_LIMIT} bytes. Nothing was changed.")


class UnknownPath(Unknown):
    def __init__(self, path: str) -> None:
        super().__init__(f"There is nothing at {path[:100]!r}. What there is: GET /docs")


class OtherOrigin(Refused):
    def __init__(self, origin: str) -> None:
        super().__init__(f"A page of {origin[:100]!r} asked for this; other sites' pages may not.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gate found out."""

    request_id: str
    person: Person | None
    """None: the door, for itself."""
    app: App | None
    """The one that the path names, and that the person may touch."""


class Gate:
    """`answer` turns an error, at a path, into a response."""

    def __init__(
        self, app: ASGIApp, platform: Platform, answer: Callable[[PaasError, str], Response]
    ) -> None:
        self._app, self._platform, self._answer = app, platform, answer
        token = platform.settings.door / "token"
        self._door_token = token.read_bytes().strip() if token.exists() else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = str(uuid.uuid4())

        async def send_with_id(message: Message) -> None:
            if message["type"].endswith("response.start"):
                MutableHeaders(scope=message)["Request-Id"] = request_id
            await send(message)

        try:
            scope[ASKED] = await run_in_threadpool(self._admit, scope, request_id)
            if scope["type"] == "http" and not has_large_body(scope["path"]):
                receive = bounded(receive, Headers(scope=scope))
        except PaasError as error:
            await self._answer(error, scope["path"])(scope, receive, send_with_id)
            return
        await self._app(scope, receive, send_with_id)

    def _admit(self, scope: Scope, request_id: str) -> Asked:
        """Raises what keeps somebody out: NotKnown, NotAdmin, UnknownApp, UnknownPath and others."""
        method = scope.get("method", "GET")
        first, *rest = scope["path"].split("/")[1:] or [""]
        repository = REPOSITORY.fullmatch(scope["path"])
        if repository is not None:
            first, rest = "{app}.git", [repository["app"]]
        person, is_door = self._who(scope, method)
        right = RIGHTS.get(first)
        if right is None or (right is Right.DOOR and not is_door):
            raise UnknownPath(scope["path"])
        if is_door and not _is_the_doors(right, first, rest):
            raise NotForTheDoor
        if person is None:
            if right is not Right.DOOR:
                raise NotKnown
            return Asked(request_id, None, None)
        if not person.is_admin and _needs_admin(right, method):
            raise NotAdmin(person.name)
        app = None
        if right is Right.OWNER and rest:
            is_followed = rest[1:2] == ["versions"]  # to its end, after it was destroyed
            app = reach_app(rest[0], person, self._platform.apps, destroyed=is_followed)
        return Asked(request_id, person, app)

    def _who(self, scope: Scope, method: str) -> tuple[Person | None, bool]:
        """The person, and whether the door speaks for them: by key, or, in a push over HTTP, by the name alone.

        Raises NotKnown.
        """
        people, headers = self._platform.people, Headers(scope=scope)
        given = headers.get("authorization")
        if given is None:
            sealed = parse_qs(scope["query_string"].decode("latin-1")).get("pass", [""])[0]
            cipher, path, now = self._platform.cipher, scope["path"], time.time()
            return person_of_pass(sealed, method, path, cipher, people, now), False
        token, is_basic = _token(given)
        if self._is_door(token, scope):
            name, fingerprint = headers.get("paas-person"), headers.get("paas-key")
            if name is not None:
                return people.get(name), True
            if fingerprint is not None and scope["path"] != "/door":
                return person_of_key(fingerprint, people), True
            return None, True
        if is_basic:
            _check_origin(headers)
        return person_of_token(token, people), False

    def _is_door(self, token: str, scope: Scope) -> bool:
        """The door's token is good on the unix socket only."""
        server = scope.get("server")
        is_socket = server is not None and server[1] is None
        same = hmac.compare_digest(token.encode("utf-8", "replace"), self._door_token)
        return bool(self._door_token) and same and is_socket


def has_large_body(path: str) -> bool:
    """What reads it has a limit of its own."""
    return path.startswith("/sources/") or REPOSITORY.fullmatch(path) is not None


def bounded(receive: Receive, headers: Headers) -> Receive:
    """Raises BodyTooLarge at once when the length is told; else HTTPException while the body is read."""
    told = headers.get("content-length", "0")
    if told.isascii() and told.isdigit() and int(told[:20]) > BODY_LIMIT:
        raise BodyTooLarge
    seen = 0

    async def receive_bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_LIMIT:
            raise HTTPException(413, str(BodyTooLarge()))
        return message

    return receive_bounded


def _needs_admin(right: Right, method: str) -> bool:
    return right is Right.ADMIN or (right is Right.ADMIN_TO_CHANGE and method != "GET")


def _is_the_doors(right: Right, first: str, rest: Sequence[str]) -> bool:
    """All that a push needs: sources and builds."""
    is_builds = first == "apps" and len(rest) > 1 and rest[1] == "builds"
    return right is Right.DOOR or first == "sources" or is_builds


def _token(authorization: str) -> tuple[str, bool]:
    """The token, and whether it came as the password of Basic. Raises NotKnown."""
    scheme, _, credentials = authorization.partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "bearer":
        return credentials, False
    if scheme.lower() != "basic":
        raise NotKnown
    try:
        pair = base64.b64decode(credentials, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise NotKnown from None
    return pair.partition(":")[2], True


def _check_origin(headers: Headers) -> None:
    """A browser sends a password it knows to whoever has it asked, so who has it asked must be our own page."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        raise OtherOrigin(origin)
