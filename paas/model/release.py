"""A release: image + process types + config, numbered and immutable."""

from collections.abc import Mapping
from dataclasses import dataclass

from paas.errors import Unknown
from paas.model.config import Config


class UnknownRelease(Unknown):
    def __init__(self, app: str, number: int | str, why: str = "has no such release") -> None:
        super().__init__(f"{app} {why}: v{number}. See: paas releases -a {app}")


@dataclass(frozen=True, slots=True)
class Release:
    """What an app runs. It never changes; a rollback is a new release of old parts. It holds no quantities."""

    app_id: str
    number: int
    image: str | None
    """The image's own id; None before the first build."""
    processes: Mapping[str, str]
    """Process type -> command. An empty command means the image's own."""
    config: Config
    description: str
    commit: str
    created_at: float
    created_by: str
