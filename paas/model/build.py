"""A build: one attempt to turn a source into an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from paas.model.build_config import BuildConfig
from paas.model.healthcheck import Healthcheck


class BuildState(StrEnum):
    QUEUED = "queued"
    BUILDING = "building"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self in _OVER


_OVER = frozenset({BuildState.SUCCEEDED, BuildState.FAILED, BuildState.CANCELLED})


class Builder(StrEnum):
    DOCKERFILE = "dockerfile"
    BUILDPACK = "buildpack"
    IMAGE = "image"
    """Nothing was built: somebody named an image that was there already."""


class Purpose(StrEnum):
    """What a build is for. The words are the push options."""

    RELEASE = "release"
    KEEP = "no-release"
    """The image is kept, to be released later."""
    CHECK = "dry-run"
    """It is found out whether it can be built, and nothing is kept."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to build: a tree, kept as a tar under its id in the platform's folder. Or an image, with no tree."""

    id: str
    person: str
    created_at: float
    url: str | None = None
    """Where the tar is to be fetched from; sealed, for there may be a password in it."""
    checksum: str | None = None
    """What the tar that comes must have: SHA-256, in hexadecimal digits."""
    image: str | None = None
    """What the image is called; once it was found, by a name that never means another."""


UNKNOWN = "?"
"""One of ours, and nobody knows which."""


@dataclass(frozen=True, slots=True)
class UsedBuildpack:
    name: str
    """As it was named, without user and password."""
    version: str | None = None
    """Of one that was fetched: the commit, or `sha256:` and the digest of a tarball."""


@dataclass(frozen=True, slots=True)
class Build:
    id: str
    app_id: str
    state: BuildState
    source: str
    """The source's id."""
    commit: str
    """The pushed commit, or the version that an API client named; may be empty."""
    person: str
    created_at: float
    builder: Builder | None = None
    detected: str | None = None
    """What the builder says it found: `Python`, `Dockerfile`."""
    image: str | None = None
    """The image's own id, once there is one; from the beginning when a lost image is built again."""
    release: int | None = None
    reason: str | None = None
    """Why it failed or was cancelled, in one line."""
    worker: str | None = None
    lease_until: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    buildpacks: Sequence[UsedBuildpack] = ()
    """In the order in which they ran."""
    purpose: Purpose = Purpose.RELEASE
    build_config: BuildConfig = field(default_factory=BuildConfig)
    """As it was when the build began."""

    @property
    def container(self) -> str:
        """The id of its container; its others add a word to it."""
        return self.id.replace("-", "")[:12]


@dataclass(frozen=True, slots=True)
class Image:
    """What a build made. `where` maps a host's name to what the engine there calls it: an id or a digest."""

    id: str
    app_id: str
    builder: Builder
    arch: str
    port: int
    """The port a web process is told to listen on."""
    where: Mapping[str, str]
    source: str
    commit: str
    created_at: float
    removed_at: float | None = None
    digest: str | None = None
    """What it is called in the platform's registry: `127.0.0.1:PORT/NAME@sha256:...`; None: it is not there."""
    healthcheck: Healthcheck | None = None
    """The app's own, of its app.json."""
    processes: Mapping[str, str] | None = None
    """What it is to run, where no release says it: it was built to be released later."""
    app_file: str | None = None
    """Of such an image: its app.json, which counts when it is released."""
