"""What an engine says, as values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from paas.engine.body import KIND, PLATFORM, TOOLS
from paas.engine.engine import Event, EventKind, HostFacts, ImageSeen, Seen
from paas.model.host import architecture

EVENTS = {
    "start": EventKind.STARTED,
    "die": EventKind.EXITED,
    "oom": EventKind.OOM,
    "destroy": EventKind.REMOVED,
}


def container_seen(inspected: Mapping[str, Any]) -> Seen:
    state = inspected["State"]
    has_exited = state["Status"] in ("exited", "dead", "restarting")
    return Seen(
        name=inspected["Name"].removeprefix("/"),
        is_running=state["Running"] and not state["Restarting"],
        labels=dict(inspected["Config"]["Labels"] or {}),
        address=_address(inspected["NetworkSettings"]["Networks"] or {}),
        started_at=_seconds(state["StartedAt"]),
        exit_code=state["ExitCode"] if has_exited else None,
        is_oom=state["OOMKilled"],
        restarts=inspected["RestartCount"],
    )


def _address(networks: Mapping[str, Any]) -> str | None:
    """The one it has, or will have again when it is started."""
    for endpoint in networks.values():
        fixed = (endpoint.get("IPAMConfig") or {}).get("IPv4Address")
        if found := endpoint.get("IPAddress") or fixed:
            return str(found)
    return None


def is_ours(labels: Mapping[str, str], platform: str) -> bool:
    """A container of the platform; the engine's own tools are not."""
    return labels.get(PLATFORM) == platform and labels.get(KIND) != TOOLS


def event_seen(told: Mapping[str, Any]) -> Event | None:
    """None: of a kind nobody asks for."""
    kind = EVENTS.get(told["Action"])
    attributes = told["Actor"]["Attributes"]
    if kind is None or attributes.get(KIND) == TOOLS:
        return None
    code = attributes.get("exitCode")
    return Event(
        kind=kind,
        name=attributes["name"],
        at=told["timeNano"] / 1e9,
        exit_code=int(code) if kind is EventKind.EXITED and code is not None else None,
    )


def facts_seen(info: Mapping[str, Any], disk_free_mb: int) -> HostFacts:
    return HostFacts(
        arch=architecture(info["Architecture"]),
        engine_version=info["ServerVersion"],
        memory_mb=info["MemTotal"] >> 20,
        disk_free_mb=disk_free_mb,
        cpus=info["NCPU"],
    )


def image_seen(inspected: Mapping[str, Any]) -> ImageSeen:
    config = inspected.get("Config") or {}
    exposed = [port.partition("/") for port in config.get("ExposedPorts") or {}]
    return ImageSeen(
        id=inspected["Id"],
        tags=tuple(inspected["RepoTags"] or ()),
        size=inspected["Size"],
        arch=inspected["Architecture"],
        command=tuple(config.get("Cmd") or ()),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        user=config.get("User") or "",
        ports=tuple(sorted(int(port) for port, _, kind in exposed if kind in ("", "tcp"))),
        labels=dict(config.get("Labels") or {}),
        healthcheck=_healthcheck(config),
        digests=tuple(inspected.get("RepoDigests") or ()),
    )


def _healthcheck(config: Mapping[str, Any]) -> tuple[str, ...]:
    """A shell's line is for the shell that the image names."""
    test = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
    match test[0]:
        case "CMD":
            return tuple(test[1:])
        case "CMD-SHELL":
            return (*(config.get("Shell") or ("/bin/sh", "-c")), *test[1:])
        case _:
            return ()


def parse_ns(moment: str) -> int:
    """Nanoseconds since the epoch of RFC 3339, in UTC, with up to nine digits. Raises ValueError."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])


def _seconds(moment: str) -> float | None:
    """None: it never happened, which the engine tells as the year 1."""
    return None if moment.startswith("0001") else parse_ns(moment) / 1e9
