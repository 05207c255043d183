"""A container that is only tried: it answers this machine, and it reaches nothing that it must not."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network
from random import sample
from urllib.parse import urlsplit
from uuid import uuid4

from paas.engine.body import KIND, TOOLS
from paas.engine.engine import PROBE_PORTS, AddressTaken, Engine, EngineFailed, HostUnreachable
from paas.model.container import ContainerSpec, Published, container_name
from paas.model.host import Host

SECONDS = 10.0
"""From its start to its answer."""
LIFE_SECONDS = 60
PORT = 5000
SSH = 22
METADATA = "169.254.169.254:80"
FINE = b"fine\n"
SCRIPT = f"""
import signal, socket, sys
signal.signal(signal.SIGALRM, lambda *_: sys.exit())
signal.alarm({LIFE_SECONDS})  # whoever started it may have been killed
for target in sys.argv[1:]:
    address, _, port = target.rpartition(":")
    try:
        socket.create_connection((address, int(port)), 2).close()
    except OSError:
        continue
    said = f"it reaches {{target}}\\n".encode()
    break
else:
    said = {FINE!r}
with socket.create_server(("0.0.0.0", {PORT})) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            connection.sendall(said)
"""


def probe(engine: Engine, host: Host, platform: str, image: str) -> None:
    """Raises EngineFailed with what is wrong, HostUnreachable, and what `Engine.start` raises. Nothing is left."""
    with _forbidden(host) as targets:
        name = container_name(platform, f"probe-{uuid4().hex[:12]}")
        spec = ContainerSpec(
            name=name,
            image=image,
            labels={KIND: TOOLS},
            hostname="probe",
            env={},
            command=("python3", "-I", "-S", "-c", SCRIPT, *targets),
            entrypoint=(),
            memory_mb=64,
            cpus=0.5,
            pids=32,
            is_restarted=False,
        )
        try:
            said = _hear(host.name, *_start(engine, host, spec))
        finally:
            with suppress(HostUnreachable):
                engine.remove(host.name, name)
    if said != FINE:
        why = said.decode(errors="replace").strip() or "it says nothing"
        raise EngineFailed(host.name, f"its probe container must not, and yet {why}")


@contextmanager
def _forbidden(host: Host) -> Iterator[list[str]]:
    """Addresses and ports that a container must not reach: those of the host answer whoever does."""
    gateway = str(ip_network(host.subnet)[1])
    if not host.is_local:
        port = urlsplit(host.ssh_url or "").port or SSH
        yield [f"{host.address}:{port}", f"{gateway}:{port}", METADATA]
        return
    with socket.create_server(("0.0.0.0", 0)) as server:
        yield [f"{gateway}:{server.getsockname()[1]}", METADATA]


def _start(engine: Engine, host: Host, spec: ContainerSpec) -> tuple[str, int]:
    """Where it is reached."""
    if host.is_local or host.address is None:
        engine.start(host.name, spec)
        seen = engine.inspect(host.name, spec.name)
        if seen is None or seen.address is None:
            raise EngineFailed(host.name, "its probe container ended at once")
        return seen.address, PORT
    taken: AddressTaken | None = None
    for port in sample(PROBE_PORTS, len(PROBE_PORTS)):
        try:
            published = Published(host.address, port, PORT)
            engine.start(host.name, replace(spec, published=published))
            return host.address, port
        except AddressTaken as error:
            taken = error
    raise taken or AssertionError("there are ports")


def _hear(host: str, address: str, port: int) -> bytes:
    """What it says, to the end."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with socket.create_connection((address, port), 2) as connection:
                if said := connection.makefile("rb").read():
                    return said
                why = "nothing was said"
        except OSError as error:
            why = str(error)
        if time.monotonic() > deadline:
            raise EngineFailed(
                host,
                f"its probe container does not answer at {address}:{port} ({why}). Does a firewall let us in?",
            )
        time.sleep(0.05)
