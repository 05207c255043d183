"""How long a deploy may take."""

from paas.settings import Settings

DEPLOY_SECONDS = 600.0
"""Beside what its containers may take to start."""


def deploy_deadline(settings: Settings, now: float) -> float:
    """Of one that begins to start its containers now."""
    return now + settings.start_seconds + DEPLOY_SECONDS
