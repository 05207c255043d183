"""The door's own sshd: public keys only, and for each key one command."""

import re
import subprocess
from pathlib import Path

from paas.daemon.folder import Users, give, write
from paas.daemon.init import host_key
from paas.needed import program
from paas.settings import Settings

PENALTIES_SINCE = (9, 8)
"""Older ones refuse to start with the word."""
NO_START_FILE = "SHLVL=1"
"""Below an sshd, Debian's bash reads ~/.bashrc unless another shell is around it; git would get what that prints."""
SEPARATION = Path("/run/sshd")
"""An sshd that runs as root wants this folder; a reboot takes it away."""


def command(settings: Settings) -> tuple[str, ...]:
    return program("sshd"), "-D", "-e", "-f", str(_configuration_file(settings))


def write_configuration(settings: Settings, users: Users) -> None:
    """What sshd reads when it starts."""
    text = configuration(settings, users, openssh_version())
    write(_configuration_file(settings), text, users.git, 0o640)
    if users.git.uid == 0:
        SEPARATION.mkdir(exist_ok=True)
        give(SEPARATION, 0, 0, 0o755)


def configuration(settings: Settings, users: Users, version: tuple[int, int]) -> str:
    lines = {
        "Port": settings.ssh_port,
        "ListenAddress": settings.bind_address,
        "HostKey": host_key(settings),
        "PidFile": "none",
        "AuthorizedKeysFile": settings.door / "authorized_keys",
        "AllowUsers": users.git.name,
        "PermitRootLogin": "forced-commands-only",
        "AuthenticationMethods": "publickey",
        "PubkeyAuthentication": "yes",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "UsePAM": "no",
        "StrictModes": "no",  # the folder is not a home, and only the platform writes to it
        "AcceptEnv": "GIT_PROTOCOL",
        "SetEnv": NO_START_FILE,
        "DisableForwarding": "yes",
        "PermitTTY": "no",
        "PermitTunnel": "no",
        "PermitUserRC": "no",
        "PermitUserEnvironment": "no",
        "PrintMotd": "no",
        "PrintLastLog": "no",
        "UseDNS": "no",
        "LoginGraceTime": 30,
        "MaxStartups": "200:30:500",
        "ClientAliveInterval": 30,
        "ClientAliveCountMax": 10,
    }
    if version >= PENALTIES_SINCE:
        lines["PerSourcePenalties"] = "no"
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def openssh_version() -> tuple[int, int]:
    """Of the client, which is always of one package with the server's."""
    said = subprocess.run(
        [program("ssh"), "-V"],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
        stdin=subprocess.DEVNULL,
    )
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", said.stderr)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _configuration_file(settings: Settings) -> Path:
    return settings.run / "sshd.conf"
