"""How far a host's registration, or its removal, has come: told through the wire, for whoever asked for it."""

from dataclasses import asdict, dataclass
from enum import StrEnum

from paas.wire import Wire


class Stage(StrEnum):
    QUEUED = "queued"
    SSH = "ssh"
    TUNNEL = "tunnel"
    ENGINE = "engine"
    REGISTRY = "registry"
    RULES = "rules"
    PROBE = "probe"
    CLEAR = "clear"
    RECORD = "record"
    DONE = "done"
    FAILED = "failed"


OVER = frozenset({Stage.DONE, Stage.FAILED})
DOES = {
    Stage.QUEUED: "waits for a worker",
    Stage.SSH: "logs in",
    Stage.TUNNEL: "opens the tunnel to the engine",
    Stage.ENGINE: "asks the engine what it is",
    Stage.REGISTRY: "puts the image of the tools into the platform's registry",
    Stage.RULES: "fetches that image there, and makes network and packet filter",
    Stage.PROBE: "tries a container",
    Stage.CLEAR: "takes network and packet filter away there",
    Stage.RECORD: "takes it out of the record",
    Stage.DONE: "done",
    Stage.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Progress:
    host: str
    stage: Stage
    fingerprint: str | None = None
    """Of the key that was pinned."""
    error: str | None = None
    """One line; with the stage `failed`."""

    def tell(self, wire: Wire) -> None:
        wire.tell(_subject(self.host), asdict(self))


def told(host: str, wire: Wire) -> Progress | None:
    """None: nothing within the last hour."""
    given = wire.told(_subject(host))
    return Progress(**{**given, "stage": Stage(given["stage"])}) if given else None


def _subject(host: str) -> str:
    return f"host:{host}"
