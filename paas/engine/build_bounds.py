"""What all Dockerfile builds of an engine may use together.

BuildKit in the engine puts every step below one control group, and not every version can bound a single build. The
limit stands in that group: it holds for whoever else builds there, and the platform that said it last counts. Where
control groups are of version 2, or not driven by Docker itself, nothing is bounded.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from paas.engine.body import PLATFORM, bounds_body
from paas.engine.docker_network import DockerNetwork
from paas.engine.engine import EngineFailed

CGROUPS = "/cgroups"
PERIOD_US = 100_000
SCRIPT = f"""
set -e
memory={CGROUPS}/memory/docker/buildkit
cpu={CGROUPS}/cpu/docker/buildkit
mkdir -p "$memory" "$cpu"
with_swap=$memory/memory.memsw.limit_in_bytes
[ ! -e "$with_swap" ] || echo -1 >"$with_swap"
echo "$1" >"$memory/memory.limit_in_bytes"
[ ! -e "$with_swap" ] || echo "$1" >"$with_swap"
echo {PERIOD_US} >"$cpu/cpu.cfs_period_us"
echo "$2" >"$cpu/cpu.cfs_quota_us"
"""


NO_LIMIT = "-1"


def bound_builds(
    network: DockerNetwork, host: str, info: Mapping[str, Any], memory_mb: int, cpus: float
) -> bool:
    """`info` is the engine's own. False: this engine's builds cannot be bounded."""
    if not _are_known(info):
        return False
    with suppress(EngineFailed):
        write_bounds(network, host, f"{memory_mb << 20}", f"{round(cpus * PERIOD_US)}")
        return True
    return False


def free_builds(network: DockerNetwork, host: str) -> None:
    """When the last platform of its engine goes, whoever else builds there has the whole machine again."""
    if not network.connections.host(host).is_local:
        return
    with network.connections.to(host) as client:
        others = client.containers(all=True, filters={"label": [PLATFORM]})
        is_last = not others and _are_known(client.info())
    if is_last:
        with suppress(EngineFailed):
            write_bounds(network, host, NO_LIMIT, NO_LIMIT)


def write_bounds(network: DockerNetwork, host: str, memory: str, quota: str) -> None:
    """Bytes, and microseconds of each period. Raises EngineFailed."""
    command = ["/bin/sh", "-c", SCRIPT, "bound", memory, quota]
    image = network.tools_on(host)
    network.run_tool(host, bounds_body(network.platform, image, command, CGROUPS))


def _are_known(info: Mapping[str, Any]) -> bool:
    return (info.get("CgroupVersion"), info.get("CgroupDriver")) == ("1", "cgroupfs")
