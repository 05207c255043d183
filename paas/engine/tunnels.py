"""The tunnels to hosts elsewhere: the key they open with, and the files that tell the supervisor of them.

A host has one tunnel: one ssh that carries its engine's socket to a socket here, and the registry's port there. With
the first of them comes the registry, and it goes with the last.
"""

import fcntl
import os
import pwd
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from paas.engine import dial
from paas.engine.registry import Registry
from paas.model.host import Host
from paas.model.ssh_url import SshUrl
from paas.needed import program as find
from paas.program import Program, User, section
from paas.settings import Settings
from paas.supervision import Supervision

TUNNEL, REGISTRY = "tunnel-", "registry"
"""How the programs are called; a tunnel with its host's name."""
STOP_SECONDS = 10
ORDER = 50


def tunnel_name(host: str) -> str:
    """What the supervisor calls the tunnel."""
    return f"{TUNNEL}{host}"


def engine_url(host: str, settings: Settings) -> str:
    """The near end of the tunnel, for a Host's `url`."""
    return f"unix://{settings.far_engines / host}.sock"


def is_for_hosts(program_name: str) -> bool:
    """It is there because there is a host elsewhere."""
    return program_name == REGISTRY or program_name.startswith(TUNNEL)


def was_taken_out(program_name: str, settings: Settings) -> bool:
    """It ran for a host that is not registered any more; its pid file is there until the next start."""
    return is_for_hosts(program_name) and not _program_file(program_name, settings).exists()


def public_key(settings: Settings) -> str:
    """The line for `authorized_keys` on a host. The key is made when it is asked for the first time."""
    private = settings.hosts_key
    if not private.exists():
        made = private.with_name(f".hosts-{os.getpid()}")
        argv = [find("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", settings.network]
        subprocess.run([*argv, "-f", str(made)], check=True, stdin=subprocess.DEVNULL, timeout=30)
        made.with_suffix(".pub").unlink()
        with suppress(FileExistsError):  # another process was quicker
            private.hardlink_to(made)
        made.unlink()
    argv = [find("ssh-keygen"), "-y", "-f", str(private)]
    told = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30)
    kind, key = told.stdout.split()[:2]
    return f"restrict,port-forwarding {kind} {key} {settings.network}"


def open_tunnel(host: Host, settings: Settings) -> None:
    """It is supervised from now on; the engine answers as soon as ssh has connected. Safe to repeat.

    Raises NotRunning or SupervisorSilent.
    """
    write_program(host, settings)
    Supervision(settings).follow(is_for_hosts)


def close_tunnel(host: str, settings: Settings) -> None:
    """Silent when there is none. Raises NotRunning or SupervisorSilent."""
    remove_program(host, settings)
    Supervision(settings).follow(is_for_hosts)


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
        file = _program_file(tunnel_name(host), settings).open()
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
    ssh = subprocess.Popen(
        command(host, settings), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        ssh.terminate()
        ssh.wait()


def command(host: Host, settings: Settings) -> Sequence[str]:
    """Of the ssh that is a host's tunnel."""
    url = SshUrl.parse(host.ssh_url or "")
    near, port = settings.far_engines / f"{host.name}.sock", settings.registry_port
    source = dial.source_port(settings.platform, str(host.address))
    dials = [
        sys.executable,
        "-I",
        "-S",
        dial.__file__,
        str(host.address),
        str(url.port),
        str(source),
    ]
    options = {
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "IdentityFile": settings.hosts_key,
        "GlobalKnownHostsFile": "/dev/null",
        "UserKnownHostsFile": _known_hosts_file(host.name, settings),
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "ControlPath": "none",
        "ExitOnForwardFailure": "yes",
        "StreamLocalBindUnlink": "yes",
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "ConnectTimeout": "10",
        "ProxyUseFdpass": "yes",
        "ProxyCommand": shlex.join(dials).replace("%", "%%"),
    }
    argv = [find("ssh"), "-N", "-T", "-F", "none"]
    argv += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    argv += ["-L", f"{near}:{url.socket}", "-R", f"127.0.0.1:{port}:127.0.0.1:{port}"]
    argv += ["-p", str(url.port), "-l", url.user, "--", str(host.address)]
    return argv


def program(host: Host, settings: Settings) -> str:
    """The section that tells the supervisor of a host's tunnel."""
    return _section(tunnel_name(host.name), command(host, settings), settings)


def write_program(host: Host, settings: Settings) -> None:
    """Safe to repeat. The supervisor reads it when it is told to: `Supervision.follow`."""
    public_key(settings)
    if not settings.registry_password.exists():
        _write(settings.registry_password, f"{secrets.token_urlsafe(32)}\n")
    url = SshUrl.parse(host.ssh_url or "")
    known = str(host.address) if url.port == 22 else f"[{host.address}]:{url.port}"
    _write(_known_hosts_file(host.name, settings), f"{known} {host.host_key}\n")
    serve = [sys.executable, "-I", "-m", "paas.serve", "registry", str(settings.directory)]
    _write(_program_file(REGISTRY, settings), _section(REGISTRY, serve, settings))
    _write(_program_file(tunnel_name(host.name), settings), program(host, settings))


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
    _program_file(tunnel_name(host), settings).unlink(missing_ok=True)
    _known_hosts_file(host, settings).unlink(missing_ok=True)
    (settings.far_engines / f"{host}.sock").unlink(missing_ok=True)
    if not any(settings.programs.glob(f"{TUNNEL}*.conf")):
        _program_file(REGISTRY, settings).unlink(missing_ok=True)


def addresses(settings: Settings) -> Sequence[str]:
    """Of all hosts that a tunnel leads to, without a look into the record."""
    lines = [path.read_text() for path in sorted(settings.programs.glob("*.known_hosts"))]
    return [line.split()[0].partition("]")[0].strip("[") for line in lines if line.strip()]


def _section(name: str, argv: Sequence[str], settings: Settings) -> str:
    runner = settings.run.stat().st_uid
    entry = pwd.getpwnam(settings.web_user) if settings.web_user else pwd.getpwuid(runner)
    user = User(entry.pw_name, entry.pw_uid, entry.pw_gid)
    return section(Program(name, tuple(argv), user, STOP_SECONDS), settings, ORDER, runner)


def _program_file(name: str, settings: Settings) -> Path:
    return settings.programs / f"{name}.conf"


def _known_hosts_file(host: str, settings: Settings) -> Path:
    return settings.programs / f"{host}.known_hosts"


def _write(path: Path, text: str) -> None:
    """At once, and for the owner of its folder alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(temporary, folder.st_uid, folder.st_gid)
    temporary.replace(path)
