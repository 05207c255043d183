"""A container that is only tried: it starts, and it cannot reach the host it is on."""

import time
from ipaddress import ip_network
from uuid import uuid4

from paas.engine.body import KIND, TOOLS
from paas.engine.engine import Engine
from paas.model.container import ContainerSpec, container_name
from paas.model.host import Host

SECONDS = 10.0
REACHED = 9
"""Its exit code when it could connect to what it must not reach."""
SCRIPT = f'if (exec 3<>"/dev/tcp/$0/$1") 2>/dev/null; then exit {REACHED}; fi'
"""For bash; the address and the port come as its arguments."""


def try_container(
    engine: Engine, platform: str, host: Host, image: str, port: int
) -> tuple[int | None, float]:
    """Its exit code, None when it did not end in time; and the seconds from its creation to its removal.

    It tries to connect to `port` of its host. Raises what `Engine.start` raises.
    """
    started = time.monotonic()
    spec = ContainerSpec(
        name=container_name(platform, f"trial-{uuid4().hex[:12]}"),
        image=image,
        labels={KIND: TOOLS},
        hostname="trial",
        env={},
        command=("/bin/bash", "-c", SCRIPT, str(ip_network(host.subnet)[1]), str(port)),
        memory_mb=64,
        cpus=0.5,
        pids=32,
        is_restarted=False,
    )
    try:
        engine.start(host.name, spec)
        code = engine.wait(host.name, spec.name, SECONDS)
    finally:
        engine.remove(host.name, spec.name)
    return code, time.monotonic() - started
