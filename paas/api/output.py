"""What whoever pushed sees: the build's output, then the deploy of its release, then how it ended.

Silence is filled: every ten seconds a line says what is being waited for. Such lines, and those of the release process,
are written to the build's output itself, by one of those who follow it, so that all see the same bytes, and who was cut
off goes on at the byte where they were.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from paas.api.apps import web_url
from paas.api.fate import Fate, Outcome, builds_before, fate_beside, fate_of
from paas.api.news import News
from paas.api.versions import GOES_ON
from paas.logs.segments import LogUnwritable
from paas.logs.store import LogStore
from paas.model.app import App, UnknownApp
from paas.model.build import Build, BuildState
from paas.model.process import RELEASE
from paas.scheduler.live import checks, crash_is_read, crash_report, outlook
from paas.scheduler.releasing import printed
from paas.wiring import Platform

PAUSE_SECONDS = 0.1
HEARTBEAT_SECONDS = 10.0
WORD_SECONDS = 1.0
"""A stage that is new is told at once, but not more often than so."""
REMEMBERED = 1000
"""Builds, the oldest forgotten first: one who follows may be behind another who has seen the end."""
LAST_BYTES = 8192
"""Of the output: where a build that failed has said why."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What is being waited for, and since when."""

    text: str
    since: float
    is_told: bool
    """It is told when it begins, not only when it lasts: the build tells its own beginning."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the record and the output."""

    data: bytes
    offset: int
    fate: Fate
    stage: Stage
    printed: Sequence[str] | None = None
    """By its release process, so far; None: nobody who follows is to pass it on."""
    is_over: bool = True
    """Nothing more is to come, also not of what a failed container printed."""


@dataclass(slots=True)
class Narrator:
    """What was last told about each build that is followed. Of the event loop."""

    told: dict[str, tuple[str, float]] = field(default_factory=dict)
    passed_on: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of a build: the release, and how many lines of its process are in the output."""

    def line(self, build_id: str, stage: Stage, silent_since: float) -> str | None:
        """What is to be told now, if anything."""
        now = time.time()
        text, at = self.told.get(build_id, ("", 0.0))
        is_new = stage.is_told and stage.text != text and now - at > WORD_SECONDS
        if is_new:
            line = f"       {stage.text}\n"
        elif now - max(silent_since, at) > HEARTBEAT_SECONDS:
            line = f"       {stage.text} … ({now - stage.since:.0f} s)\n"
        else:
            return None
        self.told[build_id] = (stage.text, now)
        return line

    def new_lines(self, build_id: str, release: int, printed: Sequence[str]) -> str:
        """What a release process has printed and nobody has passed on; from now on it is."""
        known, count = self.passed_on.get(build_id, (release, 0))
        self.passed_on[build_id] = release, len(printed)
        if len(self.passed_on) > REMEMBERED:
            del self.passed_on[next(iter(self.passed_on))]
        new = printed[count if known == release else 0 :]
        return "".join(f"       {line}\n" for line in new)

    def end(self, build_id: str) -> None:
        self.told.pop(build_id, None)


async def _narrator(connection: HTTPConnection) -> Narrator:
    narrator: Narrator = connection.app.state.narrator
    return narrator


CurrentNarrator = Annotated[Narrator, Depends(_narrator)]


async def follow(
    build_id: str, app: App, offset: int, platform: Platform, news: News, narrator: Narrator
) -> AsyncIterator[bytes]:
    """To the end; or until this process ends, and then whoever follows asks again, from the byte they have."""
    silent_since = time.time()
    with news.of(app.id) as waiter:
        while not news.is_closing:
            waiter.forget()
            is_known = build_id in narrator.passed_on
            look = await run_in_threadpool(_look, build_id, app, offset, platform, is_known)
            if look.data:
                yield look.data
                offset, silent_since = look.offset, time.time()
                continue
            if look.printed is not None and look.fate.release is not None:
                new = narrator.new_lines(build_id, look.fate.release, look.printed)
                if new:
                    if not await run_in_threadpool(_write, build_id, new, platform.logs):
                        yield new.encode("utf-8", "replace")
                    continue
            if look.is_over:
                narrator.end(build_id)
                lines = await run_in_threadpool(_ending, build_id, app, look, platform)
                yield "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
                return
            stage = look.stage
            if news.trouble:
                stage = Stage(f"{news.trouble}{GOES_ON}", stage.since, True)
            is_told = look.fate.outcome is Outcome.PENDING
            line = narrator.line(build_id, stage, silent_since) if is_told else None
            if line is None:
                await waiter.wait(PAUSE_SECONDS)
            elif not await run_in_threadpool(_write, build_id, line, platform.logs):
                yield line.encode()


def _look(build_id: str, app: App, offset: int, platform: Platform, is_known: bool) -> Look:
    """The state first: what was printed before it ended is then all there. What ended before anybody here followed it
    has its lines in the output, or in `releases:output`."""
    build = platform.builds.get(build_id)
    try:
        app = platform.apps.get(app.id)
    except UnknownApp:
        build = None
    if build is None or app.destroyed_at is not None:
        gone = Fate(Outcome.CANCELLED, f"{app.name} was destroyed")
        return Look(b"", offset, gone, Stage("", 0.0, False))
    if build.state is BuildState.SUCCEEDED:
        fate = fate_of(build, app, platform)
    else:
        fate = fate_beside(build, app, None, platform)
    if build.state is BuildState.QUEUED:
        stage = _queued(build, platform)
    elif fate.deploy is None:
        stage = Stage("building", build.started_at or build.created_at, False)
    else:
        text = outlook(app.id, fate.deploy.wake, platform, build.created_at).text
        stage = Stage(text, fate.deploy.created_at, True)
    data, offset = platform.logs.read_output(build_id, offset)
    lines = None
    if fate.release is not None and (is_known or fate.outcome is Outcome.PENDING):
        lines = _printed(app.id, fate.release, platform)
    return Look(data, offset, fate, stage, lines, _is_over(fate, app, platform))


def _queued(build: Build, platform: Platform) -> Stage:
    """Its place is told at once if it waits at all: most builds do not."""
    before = builds_before(build, platform)
    text = "waiting for a builder"
    if before:
        text += f": {before} build{'' if before == 1 else 's'} before this one"
    is_waiting = before > 0 and time.time() - build.created_at > WORD_SECONDS
    return Stage(text, build.created_at, is_waiting)


def _printed(app_id: str, release: int, platform: Platform) -> Sequence[str] | None:
    has_process = RELEASE in platform.releases.get(app_id, release).processes
    return printed(app_id, release, platform) if has_process else None


def _is_over(fate: Fate, app: App, platform: Platform) -> bool:
    if fate.outcome is Outcome.FAILED and fate.release is not None:
        return crash_is_read(app.id, fate.release, platform, time.time())
    return fate.outcome is not Outcome.PENDING


def _write(build_id: str, line: str, logs: LogStore) -> bool:
    """False: the disk does not take it."""
    try:
        logs.write_output(build_id, line)
    except LogUnwritable:
        return False
    return True


def _ending(build_id: str, app: App, look: Look, platform: Platform) -> Sequence[str]:
    fate, version = look.fate, f"v{look.fate.release}"
    if fate.outcome is Outcome.BUILT:
        return []  # the build has said what it was for
    if fate.release is None:  # the build did not get so far; mostly it has said why
        last, _ = platform.logs.read_output(build_id, max(0, look.offset - LAST_BYTES))
        is_told = (fate.reason or "").encode("utf-8", "replace") in last
        return [] if is_told else [f" !     {fate.reason}"]
    match fate.outcome:
        case Outcome.LIVE:
            url = web_url(app, platform.settings)
            told = [f"       {line}" for line in checks(app.id, fate.release, platform)]
            return [*told, f"-----> {url} deployed ({version})"]
        case Outcome.SUPERSEDED:
            return [f" !     {version}: {fate.reason}"]
        case _:
            report = crash_report(app.id, fate.release, platform)
            lines = [f" !     {version} did not go live: {fate.reason}"]
            return [*lines, *(f"       {line}" for line in report)]
