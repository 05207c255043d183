"""/apps/{app}/versions: how far a change has come. Ours.

Every answer that changes what is wanted names a version; it is live when every router has what it asked for.
"""

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from paas.api.asked import CurrentApp, CurrentNews, CurrentPlatform
from paas.api.news import News
from paas.errors import Unknown
from paas.model.app import App, UnknownApp
from paas.scheduler.live import Outlook, OutlookState, outlook
from paas.wiring import Platform

router = APIRouter(tags=["versions"])
ASKED_BEFORE_SECONDS = 1.0
"""A change is asked about right after it was made; what crashed before that is not its doing."""
SIGN_SECONDS = 15.0
"""After so much silence an empty line is sent: a client that is gone is noticed."""
GOES_ON = "; the change is recorded and goes live when it does (paas doctor)"
"""After what is wrong with Redis."""


class UnknownVersion(Unknown):
    def __init__(self, app: str, number: int) -> None:
        super().__init__(f"{app} has no version {number} yet.")


@router.get("/apps/{app}/versions/{number}")
def follow_version(
    app: CurrentApp,
    platform: CurrentPlatform,
    news: CurrentNews,
    number: Annotated[int, Path(ge=0, lt=2**31)],
    wait: Annotated[bool, Query()] = True,
) -> StreamingResponse:
    """JSON, line by line: `{"text": …}` while it is under way, and last `{"state": "live"}` or `"failed"`.

    `?wait=0` tells how it is now, in one line.
    """
    if number > app.wake:
        raise UnknownVersion(app.name, number)
    since = time.time() - ASKED_BEFORE_SECONDS
    lines = _follow(app, number, since, platform, news, is_patient=wait)
    return StreamingResponse(lines, media_type="application/x-ndjson")


async def _follow(
    app: App, number: int, since: float, platform: Platform, news: News, *, is_patient: bool
) -> AsyncIterator[str]:
    shown, sent_at = "", time.monotonic()
    with news.of(app.id) as waiter:
        while not news.is_closing:
            waiter.forget()
            now = await run_in_threadpool(_look, app, number, platform, since)
            is_over = now.state is not OutlookState.WAITING
            text = f"{news.trouble}{GOES_ON}" if news.trouble and not is_over else now.text
            if is_over or not is_patient:
                yield _line(state=now.state, text=text)
                return
            if text != shown:
                yield _line(text=text)
                shown, sent_at = text, time.monotonic()
            elif time.monotonic() - sent_at > SIGN_SECONDS:
                yield "\n"
                sent_at = time.monotonic()
            await waiter.wait()


def _look(app: App, number: int, platform: Platform, since: float) -> Outlook:
    try:
        return outlook(app.id, number, platform, since)
    except UnknownApp:
        is_meant = app.destroyed_at is not None  # when it was asked
        state = OutlookState.LIVE if is_meant else OutlookState.FAILED
        return Outlook(state, f"{app.name} was destroyed")


def _line(**values: str) -> str:
    return json.dumps(values) + "\n"
