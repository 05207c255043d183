"""How far a router's registration has come: told through the wire, for whoever asked for it."""

from dataclasses import asdict, dataclass
from enum import StrEnum

from paas.wire import Wire


class Stage(StrEnum):
    QUEUED = "queued"
    SSH = "ssh"
    MOVE = "move"
    RULES = "rules"
    TUNNEL = "tunnel"
    DONE = "done"
    FAILED = "failed"


OVER = frozenset({Stage.DONE, Stage.FAILED})
DOES = {
    Stage.QUEUED: "waits for a worker",
    Stage.SSH: "logs in",
    Stage.MOVE: "brings what runs here to where it is reached from there",
    Stage.RULES: "lets it in, on every host",
    Stage.TUNNEL: "carries the route table there",
    Stage.DONE: "done",
    Stage.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Progress:
    router: str
    stage: Stage
    fingerprint: str | None = None
    """Of the key that was pinned."""
    error: str | None = None
    """One line; with the stage `failed`."""
    waits_for: str | None = None
    """What keeps it in this stage."""

    def tell(self, wire: Wire) -> None:
        wire.tell(_subject(self.router), asdict(self))


def told(router: str, wire: Wire) -> Progress | None:
    """None: nothing within the last hour."""
    given = wire.told(_subject(router))
    return Progress(**{**given, "stage": Stage(given["stage"])}) if given else None


def _subject(router: str) -> str:
    return f"router:{router}"
