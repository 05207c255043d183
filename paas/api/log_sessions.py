"""/apps/{app}/log-sessions and /apps/{app}/logs: what builds, dynos, router and platform said, in one stream."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from paas.api.asked import CurrentApp, CurrentNews, CurrentPerson, CurrentPlatform
from paas.api.news import News
from paas.api.passes import pass_for
from paas.api.shapes import moment, uuid_of
from paas.logs.store import LogStore
from paas.model.app import App
from paas.model.log import LogLine

router = APIRouter(tags=["log-sessions"])
LINES = 100
MOST_LINES = 1500
PAUSE_SECONDS = 0.25
SIGN_SECONDS = 15.0
EVENTS = "text/event-stream"
RECONNECT = "retry: 10\n\n"
"""Milliseconds. The official command line waits so long after the end of a stream before it ends itself."""


class LogSessionIn(BaseModel):
    lines: Annotated[int, Field(ge=0, le=10**6)] = LINES
    tail: bool = False
    dyno: Annotated[str, Field(max_length=100)] | None = None
    source: Annotated[str, Field(max_length=100)] | None = None


class LogSessionOut(BaseModel):
    id: str
    logplex_url: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Wanted:
    lines: int
    is_tail: bool
    dyno: str | None
    source: str | None
    after: str | None
    """The last line that the client has."""
    is_events: bool


@router.post("/apps/{app}/log-sessions", status_code=201)
def create_log_session(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    given: LogSessionIn | None = None,
) -> LogSessionOut:
    """A URL that can be read without a token, for a day."""
    given = given or LogSessionIn()
    query = {"lines": str(given.lines), "tail": str(int(given.tail))}
    query |= {"dyno": given.dyno} if given.dyno else {}
    query |= {"source": given.source} if given.source else {}
    url = pass_for("GET", f"/apps/{app.id}/logs", person, platform, **query)
    now = time.time()
    at = moment(now)
    return LogSessionOut(
        id=uuid_of("log-session", app.id, now), logplex_url=url, created_at=at, updated_at=at
    )


@router.get("/apps/{app}/logs")
def read_logs(
    app: CurrentApp,
    platform: CurrentPlatform,
    news: CurrentNews,
    lines: Annotated[int, Query(ge=0)] = LINES,
    tail: Annotated[bool, Query()] = False,
    dyno: Annotated[str | None, Query()] = None,
    source: Annotated[str | None, Query()] = None,
    accept: Annotated[str, Header()] = "",
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Lines of text; server-sent events for who accepts them. `Last-Event-ID` goes on where that one was."""
    is_events = EVENTS in accept
    wanted = Wanted(
        min(lines, MOST_LINES), tail, dyno or None, source or None, last_event_id, is_events
    )
    media_type = EVENTS if is_events else "text/plain"
    return StreamingResponse(_read(app, wanted, platform.logs, news), media_type=media_type)


async def _read(app: App, wanted: Wanted, logs: LogStore, news: News) -> AsyncIterator[str]:
    tail = partial(logs.tail, app.id, wanted.lines, dyno=wanted.dyno, source=wanted.source)
    after = partial(logs.after, app.id, dyno=wanted.dyno, source=wanted.source)
    if wanted.is_events:
        yield RECONNECT
    if wanted.after is None:
        found, position = await run_in_threadpool(tail)
    else:
        found, position = await run_in_threadpool(after, wanted.after)
    sent_at = time.monotonic()
    with news.of(app.id) as waiter:
        while True:
            if found:
                yield _rendered(found, position, wanted)
                sent_at = time.monotonic()
            elif time.monotonic() - sent_at > SIGN_SECONDS and wanted.is_events:
                yield ":\n\n"
                sent_at = time.monotonic()
            if not wanted.is_tail or news.is_closing:
                return
            if not found:
                waiter.forget()
                await waiter.wait(PAUSE_SECONDS)
            found, position = await run_in_threadpool(after, position)


def _rendered(lines: Sequence[LogLine], position: str, wanted: Wanted) -> str:
    """The position is known after the last line only; so it stands there."""
    if not wanted.is_events:
        return "".join(f"{line.render()}\n" for line in lines)
    events = [f"data: {_one_line(line.render())}\n" for line in lines]
    events[-1] = f"id: {quote(position)}\n{events[-1]}"
    return "".join(f"{event}\n" for event in events)


def _one_line(text: str) -> str:
    """To a reader of events a carriage return ends a line, too."""
    return text.replace("\r", " ").replace("\n", " ")
