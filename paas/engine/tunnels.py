"""The tunnels to hosts elsewhere, and the files that tell the supervisor of them.

A host has one tunnel: one ssh that carries its engine's socket to a socket here, and the registry's port there. With
the first of them comes the registry, and it goes with the last.
"""

import fcntl
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from paas.engine import dial, ssh
from paas.engine.registry import Registry
from paas.engine.ssh import (
    REGISTRY,
    TUNNEL,
    known_address,
    known_host,
    leads_elsewhere,
    program_file,
    public_key,
    supervised,
    write,
)
from paas.model.host import Host
from paas.model.ssh_url import SshUrl
from paas.settings import Settings
from paas.supervision import Supervision


def tunnel_name(host: str) -> str:
    """What the supervisor calls the tunnel."""
    return f"{TUNNEL}{host}"


def engine_url(host: str, settings: Settings) -> str:
    """The near end of the tunnel, for a Host's `url`."""
    return f"unix://{settings.far_engines / host}.sock"


def open_tunnel(host: Host, settings: Settings) -> None:
    """It is supervised from now on; the engine answers as soon as ssh has connected. Safe to repeat.

    Raises NotRunning or SupervisorSilent.
    """
    write_program(host, settings)
    Supervision(settings).follow(leads_elsewhere)


def close_tunnel(host: str, settings: Settings) -> None:
    """Silent when there is none. Raises NotRunning or SupervisorSilent."""
    remove_program(host, settings)
    Supervision(settings).follow(leads_elsewhere)


def free_registry(settings: Settings) -> None:
    """What was removed from the registry is gone from the disk. It is away for a second or two.

    Silent if there is nothing to free, or something is being brought there. Raises NotRunning, SupervisorSilent or
    ProgramFailed.
    """
    with Registry.of(settings).is_to_be_freed() as is_to_be_freed:
        if is_to_be_freed:
            Supervision(settings).restart(REGISTRY)


@contextmanager
def alone(host: str, settings: Settings) -> Iterator[None]:
    """Nobody puts the platform's own things on the host meanwhile, or takes them away: of those who ask here first.

    Without a tunnel, as to the platform's own machine, nobody is waited for.
    """
    try:
        file = program_file(tunnel_name(host), settings).open()
    except FileNotFoundError:
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def own_tunnel(host: Host, settings: Settings) -> Iterator[None]:
    """While the platform does not run. Whether ssh connects is seen when the engine is asked."""
    write_program(host, settings)
    running = subprocess.Popen(
        command(host, settings), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        running.terminate()
        running.wait()


def command(host: Host, settings: Settings) -> Sequence[str]:
    """Of the ssh that is a host's tunnel."""
    url, address = SshUrl.parse(host.ssh_url or ""), str(host.address)
    near, port = settings.far_engines / f"{host.name}.sock", settings.registry_port
    source = dial.source_port(settings.platform, address)
    known = _known_hosts_file(host.name, settings)
    forwards = ["-L", f"{near}:{url.socket}", "-R", f"127.0.0.1:{port}:127.0.0.1:{port}"]
    return ssh.command(url, address, source, known, forwards, settings)


def program(host: Host, settings: Settings) -> str:
    """The section that tells the supervisor of a host's tunnel."""
    return supervised(tunnel_name(host.name), command(host, settings), settings)


def write_program(host: Host, settings: Settings) -> None:
    """Safe to repeat. The supervisor reads it when it is told to: `Supervision.follow`."""
    public_key(settings)
    if not settings.registry_password.exists():
        write(settings.registry_password, f"{secrets.token_urlsafe(32)}\n")
    url = SshUrl.parse(host.ssh_url or "")
    known = known_host(str(host.address), url, host.host_key or "")
    write(_known_hosts_file(host.name, settings), known)
    serve = [sys.executable, "-I", "-m", "paas.serve", "registry", str(settings.directory)]
    write(program_file(REGISTRY, settings), supervised(REGISTRY, serve, settings))
    write(program_file(tunnel_name(host.name), settings), program(host, settings))


def write_programs(hosts: Sequence[Host], settings: Settings) -> None:
    """For these hosts and no others. One that has never been looked at is passed over."""
    reached = [host for host in hosts if host.address is not None and host.host_key is not None]
    for path in settings.programs.glob(f"{TUNNEL}*.conf"):
        name = path.stem.removeprefix(TUNNEL)
        if name not in {host.name for host in reached}:
            remove_program(name, settings)
    for host in reached:
        write_program(host, settings)


def remove_program(host: str, settings: Settings) -> None:
    """Silent when there is none. The registry's goes with the last."""
    program_file(tunnel_name(host), settings).unlink(missing_ok=True)
    _known_hosts_file(host, settings).unlink(missing_ok=True)
    (settings.far_engines / f"{host}.sock").unlink(missing_ok=True)
    if not any(settings.programs.glob(f"{TUNNEL}*.conf")):
        program_file(REGISTRY, settings).unlink(missing_ok=True)


def addresses(settings: Settings) -> Sequence[str]:
    """Of all hosts that a tunnel leads to, without a look into the record."""
    lines = [path.read_text() for path in sorted(settings.programs.glob("*.known_hosts"))]
    return [known_address(line) for line in lines if line.strip()]


def _known_hosts_file(host: str, settings: Settings) -> Path:
    return settings.programs / f"{host}.known_hosts"
