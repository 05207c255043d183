"""What the contract suite runs on: an engine with one host, and a second platform on the same host."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from paas.engine.engine import Engine
from paas.model.container import ContainerSpec, container_name
from tests.engine import Does

PRINTS = """for line in "$@"; do printf '%s\\n' "$line"; done; """
ECHOES = """while read -r line; do echo "got $line"; done; """
IGNORES = "trap '' TERM; while :; do sleep 0.1; done"


def shell_of(does: Does) -> tuple[str, ...]:
    """The command that does it."""
    script = PRINTS
    if does.echoes:
        script += ECHOES
    if does.ignores_term:
        script += IGNORES
    elif does.exits is None and not does.echoes:
        script += "exec sleep 1000"
    else:
        script += f"sleep {does.after_seconds}; exit {does.exits or 0}"
    return ("sh", "-c", script, "sh", *does.prints)


class LosesRegistry(Protocol):
    def lose_registry(self) -> None:
        """It does not answer any more; what it has it keeps."""

    def heal_registry(self) -> None: ...


@dataclass(slots=True)
class Lab:
    engine: Engine
    platform: str
    image: str
    addresses: str
    """The first three numbers of an address that can be leased."""
    registry: "LosesRegistry | None" = None
    neighbour: "Lab | None" = None
    host: str = "local"
    does: dict[str, Does] = field(default_factory=dict)
    """By the container's name."""

    def spec(
        self, container: str = "web", does: Does | None = None, **fields: Any
    ) -> ContainerSpec:
        """`container` makes its name."""
        does = does or Does()
        name = container_name(self.platform, container)
        self.does[name] = does
        values: dict[str, Any] = {
            "name": name,
            "image": self.image,
            "labels": {"paas.container": container},
            "hostname": container,
            "env": {},
            "command": shell_of(does),
            "memory_mb": 128,
            "cpus": 1.0,
            "pids": 64,
            "is_restarted": False,
        }
        return ContainerSpec(**{**values, **fields})

    def started(self, container: str = "web", does: Does | None = None, **fields: Any) -> str:
        """Its name."""
        spec = self.spec(container, does, **fields)
        self.engine.start(self.host, spec)
        return spec.name
