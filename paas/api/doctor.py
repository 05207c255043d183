"""/doctor: how the platform is. The examination is made where an engine may be asked: by the queue `upkeep`."""

import asyncio
import time
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from paas.api.asked import CurrentPlatform
from paas.api.shapes import moment
from paas.doctor import FACT, examine_without_worker
from paas.model.finding import Examination, Finding
from paas.wiring import Platform

router = APIRouter(tags=["doctor"])
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.1


class FindingOut(BaseModel):
    name: str
    state: str
    text: str
    next: str

    @classmethod
    def of(cls, finding: Finding) -> Self:
        return cls(name=finding.name, state=finding.state, text=finding.text, next=finding.next)


class DoctorOut(BaseModel):
    at: str
    findings: list[FindingOut]

    @classmethod
    def of(cls, found: Examination) -> Self:
        findings = [FindingOut.of(finding) for finding in found.findings]
        return cls(at=moment(found.at), findings=findings)


@router.get("/doctor")
async def examine(platform: CurrentPlatform) -> DoctorOut:
    """What a worker finds, asked now. When none answers within 10 s: what can be found without one."""
    asked_at = time.time()
    found = None
    if await run_in_threadpool(platform.wire.upkeep, "examine"):
        found = await _awaited(asked_at, platform)
    if found is None:
        found = await run_in_threadpool(examine_without_worker, platform)
    return DoctorOut.of(found)


async def _awaited(asked_at: float, platform: Platform) -> Examination | None:
    """An examination that is not older than the question; None when none came in time."""
    while time.time() < asked_at + PATIENCE_SECONDS:
        text = await run_in_threadpool(platform.routers.fact, FACT)
        if text is not None and (found := Examination.load(text)).at >= asked_at:
            return found
        await asyncio.sleep(PAUSE_SECONDS)
    return None
