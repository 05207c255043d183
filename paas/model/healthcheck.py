"""What a web dyno that starts is asked, and what it has to answer."""

from dataclasses import dataclass

ANSWER_SECONDS = 5.0
SECONDS_LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class Healthcheck:
    path: str | None = None
    """GET this must be answered with 200 to 399; None: whatever answers is up."""
    seconds: float = ANSWER_SECONDS
    """How long an answer may take, up to its end."""
    content: str | None = None
    """What the answer must hold."""
