"""The ASGI app: the gate before all, the nouns of the API behind it, and errors as HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from paas.api import (
    absent,
    account,
    actions,
    apps,
    attach,
    build_config,
    buildpacks,
    builds,
    config_vars,
    docs,
    doctor,
    domains,
    door,
    dynos,
    formation,
    git,
    hosts,
    keys,
    log_sessions,
    new_builds,
    people,
    placement,
    releases,
    routers,
    sources,
    versions,
)
from paas.api.gate import ASKED, REPOSITORY, BodyTooLarge, Gate, UnknownPath
from paas.api.listen import listen
from paas.api.news import News
from paas.api.output import Narrator
from paas.auth import NotKnown, write_authorized_keys
from paas.errors import Conflict, Failed, Invalid, PaasError, Refused, Unavailable, Unknown
from paas.settings import Settings
from paas.wiring import Platform, connect

NOUNS = (
    absent, account, actions, apps, attach, build_config, buildpacks, builds, config_vars, docs, doctor, domains,
    door, dynos, formation, git, hosts, keys, log_sessions, new_builds, people, placement, releases, routers, sources,
    versions,
)  # fmt: skip
HTTP_STATUS: Mapping[type[PaasError], tuple[HTTPStatus, str]] = {
    BodyTooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large"),
    NotKnown: (HTTPStatus.UNAUTHORIZED, "unauthorized"),
    sources.UploadSilent: (HTTPStatus.REQUEST_TIMEOUT, "timeout"),
    Invalid: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_params"),
    Unknown: (HTTPStatus.NOT_FOUND, "not_found"),
    Refused: (HTTPStatus.FORBIDDEN, "forbidden"),
    Conflict: (HTTPStatus.CONFLICT, "conflict"),
    Unavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    Failed: (HTTPStatus.INTERNAL_SERVER_ERROR, "failed"),
}
"""Each error, or what it is a kind of: the status, and the word for programs."""
WORDS: Mapping[int, str] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
}
"""For what is found out before any code of ours is asked."""


def app(platform: Platform) -> FastAPI:
    """Everything the API answers. Behind the gate, so also its documentation."""
    made = FastAPI(
        title="paas",
        description="The Heroku Platform API v3, and what it has no path for.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    made.state.platform = platform
    made.state.news = News(platform.wire)
    made.state.narrator = Narrator()
    made.state.one_offs = attach.OneOffs(platform)
    made.state.arriving = set()
    for noun in NOUNS:
        made.include_router(noun.router)
    made.add_exception_handler(PaasError, _on_error)
    made.add_exception_handler(RequestValidationError, _on_invalid)
    made.add_exception_handler(HTTPException, _on_http)
    made.add_exception_handler(Exception, _on_accident)
    made.add_middleware(Gate, platform=platform, answer=answer)
    return made


def serve(settings: Settings) -> None:
    """Until SIGTERM. On the folder's unix socket, and on 127.0.0.1."""
    platform = connect(settings)
    write_authorized_keys(platform)
    made = app(platform)
    listen(made, settings, made.state.news)


def answer(error: PaasError, path: str) -> Response:
    """git shows its user what a text says; everybody else gets JSON."""
    status, word = status_of(type(error))
    headers = (
        {"WWW-Authenticate": 'Basic realm="paas"'} if status is HTTPStatus.UNAUTHORIZED else {}
    )
    if REPOSITORY.fullmatch(path):
        return PlainTextResponse(f"{_line(str(error))}\n", status, headers)
    return _told(status, word, str(error), headers)


def status_of(kind: type[PaasError]) -> tuple[HTTPStatus, str]:
    """Raises LookupError for an error that is of no kind; a test looks for such."""
    for each in kind.__mro__:
        if issubclass(each, PaasError) and each in HTTP_STATUS:
            return HTTP_STATUS[each]
    raise LookupError(kind)


@asynccontextmanager
async def _lifespan(made: FastAPI) -> AsyncIterator[None]:
    made.state.writers = CapacityLimiter(sources.WRITERS)
    made.state.news.listen(asyncio.get_running_loop())
    yield
    made.state.news.close()


async def _on_error(connection: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, PaasError)
    return answer(error, connection.url.path)


async def _on_invalid(connection: HTTPConnection, error: Exception) -> Response:
    """The first of what is wrong, without the value: that may be a secret."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part)[:40] for part in first["loc"])
    if first["type"] == "json_invalid":
        return _told(
            HTTPStatus.BAD_REQUEST, WORDS[400], "The body is not JSON. Nothing was changed."
        )
    status, word = HTTP_STATUS[Invalid]
    is_get = connection.scope.get("method") in ("GET", "HEAD")
    harm = (
        "" if is_get or connection.url.path.endswith("/log-sessions") else " Nothing was changed."
    )
    return _told(status, word, f"{place}: {first['msg']}.{harm}")


async def _on_http(connection: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return answer(UnknownPath(connection.url.path), connection.url.path)
    word = WORDS.get(error.status_code, "error")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        path = connection.url.path[:100]
        text = f"Nothing can be done so at {path!r}. What there is: GET /docs"
        return _told(error.status_code, word, text, error.headers)
    return _told(error.status_code, word, str(error.detail), error.headers)


async def _on_accident(request: Request, _: Exception) -> Response:
    """A mistake of ours. It is logged by whoever called, with its traceback."""
    asked = request.scope.get(ASKED)
    number = "" if asked is None else f" (request {asked.request_id})"
    text = f"The platform made a mistake{number}. Its operator finds it in run/log/web.log."
    return _told(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_server_error", text)


def _told(
    status: int, word: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse({"id": word, "message": _line(message)}, status, headers=headers)


def _line(message: str) -> str:
    return " ".join(message.encode("utf-8", "replace").decode().split())
