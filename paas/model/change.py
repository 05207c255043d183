"""A change of what is wanted, recorded."""

from dataclasses import dataclass

from paas.model.release import Release


@dataclass(frozen=True, slots=True)
class Change:
    """It is live once the app's `live_wake` has reached `version`."""

    version: int
    release: Release | None = None
    """The release that it made, if it made one."""
