"""How long an API that is away, say for an upgrade, is waited for by whoever follows something."""

import time

from paas.cli.client import ApiRefused
from paas.errors import PaasError, Unavailable

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5
AWAY = (502, 503)


class Patience:
    def __init__(self) -> None:
        self._away_since: float | None = None

    def heard(self) -> None:
        """It is there."""
        self._away_since = None

    def is_over(self, error: PaasError) -> bool:
        """After `error`: whether to give up, because it was away for too long or has said no."""
        if not isinstance(error, Unavailable) and not (
            isinstance(error, ApiRefused) and error.status in AWAY
        ):
            return True
        self._away_since = self._away_since or time.monotonic()
        return time.monotonic() - self._away_since > PATIENCE_SECONDS

    def pause(self) -> None:
        time.sleep(PAUSE_SECONDS)
