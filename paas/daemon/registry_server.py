"""Becomes the platform's registry, Debian's `docker-registry`: images for hosts elsewhere, in `DIR/registry`.

It runs as soon as there is such a host. What it has and nobody needs is freed when it starts: nobody can bring
anything in the meantime.
"""

import hashlib
import os
import subprocess
from pathlib import Path

import bcrypt
import click

from paas.daemon.folder import User, write
from paas.engine.registry import USER
from paas.needed import program
from paas.settings import Settings

ROUNDS = 4
"""Of bcrypt, at every request: the password is no word that could be guessed."""


def registry(settings: Settings) -> None:
    """Does not return. Raises ProgramMissing."""
    server = program("docker-registry")
    write_configuration(settings)
    configuration_file = str(_configuration_file(settings))
    if (settings.registry / "images" / "docker").is_dir():
        # What it says is in the log, and a registry that could not be tidied serves all the same.
        subprocess.run([server, "garbage-collect", configuration_file], check=False)
    os.execv(server, [server, "serve", configuration_file])


def write_configuration(settings: Settings) -> None:
    password = settings.registry_password.read_text().strip()
    digest = bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS)).decode()
    me = User.caller()
    write(_access_file(settings), f"{USER}:{digest}\n", me, 0o600)
    write(_configuration_file(settings), configuration(settings, password), me, 0o600)


def configuration(settings: Settings, password: str) -> str:
    secret = hashlib.sha256(f"registry {password}".encode()).hexdigest()
    return f"""version: "0.1"
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{settings.registry / "images"}"}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: true, age: 24h, interval: 24h, dryrun: false}}}}
http: {{addr: "127.0.0.1:{settings.registry_port}", secret: "{secret}"}}
auth: {{htpasswd: {{realm: paas, path: "{_access_file(settings)}"}}}}
"""


def _configuration_file(settings: Settings) -> Path:
    return settings.registry / "config.yml"


def _access_file(settings: Settings) -> Path:
    return settings.registry / "htpasswd"


@click.command("registry", hidden=True)
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Serve images to hosts elsewhere; started by the supervisor."""
    registry(Settings.load(directory))
