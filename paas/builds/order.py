"""What a builder is told, and what it hands back."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from paas.builds.keep import Keeper
from paas.builds.makers import Makers
from paas.builds.output import Output
from paas.builds.sources import Tree
from paas.engine.engine import Engine
from paas.errors import Failed
from paas.model.app import App
from paas.model.build import Build, Builder, UsedBuildpack
from paas.model.config import Config
from paas.model.healthcheck import Healthcheck
from paas.model.host import Host
from paas.settings import Settings


class BuildFailed(Failed):
    """The source could not be built. The message is the reason, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One build, with what it may use."""

    build: Build
    app: App
    config: Config
    source: Path
    """The checked tar."""
    tree: Tree
    makers: Makers
    folder: Path
    """The build's own, empty; removed afterwards."""
    tag: str
    """What the image is to be called."""
    host: Host
    engine: Engine
    settings: Settings
    output: Output
    keeper: Keeper
    digest: Callable[[str], str]
    """A keyed one: it tells that a secret changed, and nothing of what it is."""
    note_buildpacks: Callable[[Sequence[UsedBuildpack]], None]
    """To be told which ones are used, as soon as that is known."""
    afterwards: ExitStack
    """What is to be undone when the build is over; nobody waits for it."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Of the image."""
        return {"paas.platform": self.settings.platform, "paas.app": self.app.id}


@dataclass(frozen=True, slots=True)
class Built:
    image: str
    """The engine's id of it."""
    processes: Mapping[str, str]
    """Process type -> command; an empty command means the image's own."""
    port: int
    detected: str
    builder: Builder
    healthcheck: Healthcheck | None = None
    """The app's own."""
    app_file: str | None = None
    """The text of its app.json."""
