"""What all ssh that the platform begins has in common: its key, whom it trusts, what the supervisor is told of it."""

import os
import pwd
import shlex
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from paas.engine import dial
from paas.model.ssh_url import SSH_PORT, SshUrl
from paas.needed import program as find
from paas.program import Program, User, section
from paas.settings import Settings

TUNNEL, ROUTER, REGISTRY = "tunnel-", "router-", "registry"
"""How the programs are called that other machines need; a tunnel with the name of its host or its router."""
STOP_SECONDS = 10
ORDER = 50


def leads_elsewhere(program_name: str) -> bool:
    """It is there because there is a host, or a router, on another machine."""
    return program_name == REGISTRY or program_name.startswith((TUNNEL, ROUTER))


def was_taken_out(program_name: str, settings: Settings) -> bool:
    """It ran for what is not registered any more; its pid file is there until the next start."""
    return leads_elsewhere(program_name) and not program_file(program_name, settings).exists()


def public_key(settings: Settings) -> str:
    """The line for `authorized_keys` on another machine. The key is made when it is asked for the first time."""
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


def command(
    url: SshUrl,
    address: str,
    source: int,
    known_hosts: Path,
    forwards: Sequence[str],
    settings: Settings,
) -> Sequence[str]:
    """Of an ssh that carries `forwards` and nothing else. It trusts the key in `known_hosts`; see dial for `source`."""
    script = [sys.executable, "-I", "-S", dial.__file__]
    dials = [*script, address, str(url.port), str(source)]
    options = {
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "IdentityFile": settings.hosts_key,
        "GlobalKnownHostsFile": "/dev/null",
        "UserKnownHostsFile": known_hosts,
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
    return [*argv, *forwards, "-p", str(url.port), "-l", url.user, "--", address]


def known_host(address: str, url: SshUrl, host_key: str) -> str:
    """The line for its known_hosts."""
    known = address if url.port == SSH_PORT else f"[{address}]:{url.port}"
    return f"{known} {host_key}\n"


def known_address(line: str) -> str:
    """Of such a line."""
    return line.split()[0].partition("]")[0].strip("[")


def supervised(name: str, argv: Sequence[str], settings: Settings) -> str:
    """The section that tells the supervisor of it. It runs as the platform's own user."""
    runner = settings.run.stat().st_uid
    entry = pwd.getpwnam(settings.web_user) if settings.web_user else pwd.getpwuid(runner)
    user = User(entry.pw_name, entry.pw_uid, entry.pw_gid)
    return section(Program(name, tuple(argv), user, STOP_SECONDS), settings, ORDER, runner)


def program_file(name: str, settings: Settings) -> Path:
    return settings.programs / f"{name}.conf"


def write(path: Path, text: str) -> None:
    """At once, and for the owner of its folder alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(temporary, folder.st_uid, folder.st_gid)
    temporary.replace(path)
