"""/apps/{app}/dynos/{dyno}/placement: why a dyno is where it is, or why it is nowhere."""

from collections.abc import Mapping
from typing import Any, Self

from fastapi import APIRouter
from pydantic import BaseModel

from paas.api.asked import CurrentApp, CurrentPlatform
from paas.api.dynos import named
from paas.api.shapes import moment
from paas.model.container import Container

router = APIRouter(tags=["dynos"])


class CandidateOut(BaseModel):
    host: str
    memory_unreserved_mb: int
    """When it was compared."""


class RefusedOut(BaseModel):
    host: str
    reason: str


class PlacementOut(BaseModel):
    dyno: str
    state: str
    host: str | None
    placed_at: str | None
    seed: int | None
    """Of the chance that drew the candidates."""
    candidates: list[CandidateOut]
    """One or two of the ready hosts with the fewest of its process type. The one with more memory unreserved got it."""
    refused: list[RefusedOut]
    """The hosts that could not have it."""
    reason: str | None
    """Why it is nowhere."""

    @classmethod
    def of(cls, dyno: str, state: str, row: Container | None, reason: str | None) -> Self:
        kept: Mapping[str, object] = {} if row is None else row.placement
        seed = kept.get("seed")
        return cls(
            dyno=dyno,
            state=state,
            host=None if row is None else row.host,
            placed_at=None if row is None else moment(row.placed_at),
            seed=seed if isinstance(seed, int) else None,
            candidates=[
                CandidateOut(host=host, memory_unreserved_mb=amount)
                for host, amount in _mapping(kept.get("candidates")).items()
            ],
            refused=[
                RefusedOut(host=host, reason=why)
                for host, why in sorted(_mapping(kept.get("refused")).items())
            ],
            reason=reason if row is None else None,
        )


@router.get("/apps/{app}/dynos/{dyno}/placement")
def explain_placement(app: CurrentApp, platform: CurrentPlatform, dyno: str) -> PlacementOut:
    """By name or id. What was compared stands as it was at that time."""
    found = named(dyno, app, platform)
    row = None if found.container is None else platform.containers.get(found.container)
    return PlacementOut.of(found.name, found.state, row, found.reason)


def _mapping(kept: object) -> Mapping[str, Any]:
    return kept if isinstance(kept, dict) else {}
