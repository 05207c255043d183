"""A deploy: one attempt to make a release current."""

from dataclasses import dataclass
from enum import StrEnum


class DeployState(StrEnum):
    PULLING = "pulling"
    RELEASING = "releasing"
    STARTING = "starting"
    SWITCHING = "switching"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"


OPEN = frozenset(
    {DeployState.PULLING, DeployState.RELEASING, DeployState.STARTING, DeployState.SWITCHING}
)


@dataclass(frozen=True, slots=True)
class Deploy:
    """At most one of an app is open. `deadline` is when its present state has lasted too long."""

    id: int
    app_id: str
    release: int
    state: DeployState
    created_at: float
    deadline: float
    wake: int
    """The version of the app that began it."""
    reason: str | None = None
    ended_at: float | None = None
