"""/sources: trees to build, uploaded as a tar."""

import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from paas.api.asked import CurrentPerson, CurrentPlatform
from paas.api.passes import pass_for
from paas.errors import Conflict, Failed, Invalid
from paas.model.build import Source
from paas.model.person import Person
from paas.store.builds import UnknownSource
from paas.wiring import Platform

router = APIRouter(tags=["sources"])
CHUNK = 1024 * 1024
SILENCE_SECONDS = 60.0
WRITERS = 4
"""Uploads that write to the disk at one time. Beside the thread pool that all other requests share."""


class SourceThere(Conflict):
    def __init__(self, source_id: str) -> None:
        super().__init__(
            f"The source {source_id} was uploaded before, or just is. Ask for a new one."
        )


class UploadSilent(Failed):
    def __init__(self) -> None:
        super().__init__(f"The upload was silent for {SILENCE_SECONDS:.0f} s. Nothing was kept.")


class NotASource(Invalid):
    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url[:100]!r} is no source of this platform. Ask for one with POST /sources, put a tar at its put_url, "
            "and name its get_url here."
        )


class SourceBlobOut(BaseModel):
    get_url: str
    put_url: str


class SourceOut(BaseModel):
    source_blob: SourceBlobOut


@router.post("/sources", status_code=201)
def create_source(person: CurrentPerson, platform: CurrentPlatform) -> SourceOut:
    """Where to put a tar, and how to name it in a build."""
    source = Source(str(uuid.uuid4()), person.name, time.time())
    platform.builds.add_source(source)
    path = f"/sources/{source.id}"
    put_url = pass_for("PUT", path, person, platform)
    get_url = f"http://127.0.0.1:{platform.settings.api_port}{path}"
    return SourceOut(source_blob=SourceBlobOut(get_url=get_url, put_url=put_url))


@router.put("/sources/{source}")
async def upload_source(
    request: Request, person: CurrentPerson, platform: CurrentPlatform, source: str
) -> Response:
    """A tar, plain or gzipped. Nothing is there before all of it is."""
    arriving: set[str] = request.app.state.arriving
    writers: CapacityLimiter = request.app.state.writers
    found = await to_thread.run_sync(source_of, source, person, platform, limiter=writers)
    if found.id in arriving or platform.sources.has(found.id):
        raise SourceThere(found.id)
    arriving.add(found.id)
    try:
        async with _writing(found.id, platform, writers) as write:
            async for chunk in _chunks(request):
                await to_thread.run_sync(write, chunk, limiter=writers)
    except ClientDisconnect:
        return Response(status_code=400)
    finally:
        arriving.discard(found.id)
    return Response(status_code=200)


def source_of(source_id: str, person: Person, platform: Platform) -> Source:
    """Raises UnknownSource, also for somebody else's."""
    source = platform.builds.source(source_id)
    if source.person != person.name and not person.is_admin:
        raise UnknownSource(source_id)
    return source


@asynccontextmanager
async def _writing(
    source_id: str, platform: Platform, writers: CapacityLimiter
) -> AsyncIterator[Callable[[bytes], int]]:
    """The disk is never waited for in the event loop, also not when all is written down at the end."""
    writing = platform.sources.writing(source_id, platform.settings.source_mb)
    write = await to_thread.run_sync(writing.__enter__, limiter=writers)
    try:
        yield write
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            leave = partial(writing.__exit__, type(error), error, error.__traceback__)
            await to_thread.run_sync(leave, limiter=writers)
        raise
    await to_thread.run_sync(writing.__exit__, None, None, None, limiter=writers)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """Of about 1 MB. Raises UploadSilent."""
    gathered: list[bytes] = []
    size = 0
    body = request.stream().__aiter__()
    while True:
        try:
            with anyio.fail_after(SILENCE_SECONDS):
                chunk = await anext(body, None)
        except TimeoutError:
            raise UploadSilent from None
        if chunk is None:
            break
        gathered.append(chunk)
        size += len(chunk)
        if size >= CHUNK:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)
