"""Makes a platform of an empty folder."""

import os
import platform as machine
import random
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import click

from paas.daemon.folder import Users, check_name, folders, give, write
from paas.errors import Conflict
from paas.model.host import LOCAL, Host, HostHealth, Schedulable, architecture
from paas.needed import check_needed, program
from paas.settings import SETTINGS, Settings, new_platform_id
from paas.store.cipher import Cipher
from paas.store.database import Database
from paas.store.hosts import HostStore
from paas.store.migrate import migrate
from paas.store.routers import RouterStore
from paas.subnet import free_subnet, routed

UNFINISHED = ".init"


class FolderInUse(Conflict):
    def __init__(self, directory: Path, what: str) -> None:
        super().__init__(f"{directory} {what}. Name an empty folder, or one that is not there yet.")


def init(directory: Path, **given: Any) -> Settings:
    """Makes the platform; `given` are settings by name. Starts nothing.

    A folder that an earlier `init` left unfinished is made anew: it is a platform when its settings.toml is there, and
    that comes last. Raises ProgramMissing, HAProxyTooOld, FolderNameInvalid, FolderInUse, NoSubnetFree, UnknownUser
    or RootNeeded.
    """
    directory = directory.absolute()
    check_needed()
    check_name(directory)
    check_empty(directory)
    now = time.time()
    if "subnet" not in given:
        given["subnet"] = str(free_subnet(routed(), random.Random()))
    settings = Settings(directory=directory, platform=new_platform_id(), **given)
    users = Users.of(settings)

    begin(directory)
    for folder in folders(settings, users):
        folder.make()
    make_keys(settings, users)
    make_record(settings, users, now)
    settings.write()
    (directory / UNFINISHED).unlink()
    return settings


def make_keys(settings: Settings, users: Users) -> None:
    """Every secret of the platform. None is ever made again."""
    config_key = settings.keys / "config.key"
    Cipher.make_key(config_key)
    give(config_key, users.web.uid, users.web.gid, 0o600)
    write(settings.keys / "redis.paas", secrets.token_hex(32) + "\n", users.web, 0o600)
    write(
        settings.router_password,
        secrets.token_hex(32) + "\n",
        users.web,
        0o640,
        gid=users.router.gid,
    )
    write(
        settings.door / "token", secrets.token_hex(32) + "\n", users.web, 0o640, gid=users.git.gid
    )
    write(settings.door / "authorized_keys", "", users.web, 0o640, gid=users.git.gid)
    make_host_key(settings, users)


def make_host_key(settings: Settings, users: Users) -> None:
    key = host_key(settings)
    argv = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", settings.network, "-f"]
    subprocess.run([*argv, str(key)], check=True, stdin=subprocess.DEVNULL, timeout=30)
    give(key, users.git.uid, users.git.gid, 0o600)
    give(key.with_suffix(".pub"), users.git.uid, users.git.gid, 0o644)


def host_key(settings: Settings) -> Path:
    return settings.door / "ssh_host_ed25519_key"


def make_record(settings: Settings, users: Users, now: float) -> None:
    """With this machine as its first host and router."""
    migrate(settings.record)
    record = Database(settings.record)
    HostStore(record).add(local_host(settings, now))
    RouterStore(record).add(LOCAL, now)
    record.close()
    for path in settings.record.parent.iterdir():
        give(path, users.web.uid, users.web.gid, 0o600)


def local_host(settings: Settings, now: float) -> Host:
    """As the machine itself tells; `watch` completes it with what the engine tells."""
    disk = os.statvfs(settings.directory)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Host(
        name=LOCAL,
        url=settings.engine_url,
        is_local=True,
        subnet=settings.subnet,
        arch=architecture(machine.machine()),
        health=HostHealth.UP,
        health_since=now,
        schedulable=Schedulable.OPEN,
        memory_mb=pages >> 20,
        disk_free_mb=disk.f_bavail * disk.f_frsize >> 20,
        engine_version="",
    )


def check_empty(directory: Path) -> None:
    """Raises FolderInUse, unless what is there was never finished."""
    if not directory.exists():
        return
    if not directory.is_dir():
        raise FolderInUse(directory, "is not a folder")
    held = {path.name for path in directory.iterdir()} - {"lost+found"}
    if UNFINISHED in held:
        return
    if SETTINGS in held:
        raise FolderInUse(directory, f"holds a platform already (see {directory / SETTINGS})")
    if held:
        raise FolderInUse(directory, f"is not empty (it holds {min(held)})")


def begin(directory: Path) -> None:
    """Marks it unfinished, and takes away what an earlier unfinished one left: nothing of it was ever in use."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    (directory / UNFINISHED).touch()
    for path in directory.iterdir():
        if path.is_dir() and path.name != "lost+found":
            shutil.rmtree(path)
        elif path.is_file() and path.name != UNFINISHED:
            path.unlink()


OPTIONS = {
    "domain": ("apps_domain", str, "The apps' domain."),
    "http-port": ("http_port", int, "Where the router listens."),
    "api-port": ("api_port", int, "Where the API listens, on 127.0.0.1."),
    "ssh-port": ("ssh_port", int, "Where pushes arrive."),
    "registry-port": ("registry_port", int, "Where the registry listens, on 127.0.0.1."),
    "table-port": (
        "table_port",
        int,
        "Where routers on other machines reach the table, on their 127.0.0.1.",
    ),
    "ssh-host": ("ssh_host", str, "The name people reach the door by."),
    "bind": ("bind_address", str, "The address that router and door listen on."),
    "subnet": ("subnet", str, "Of the platform's network on this machine, in CIDR form."),
    "engine": ("engine_url", str, "Of the Docker engine."),
    "web-user": ("web_user", str, "Who runs web, workers, watch and Redis."),
    "git-user": ("git_user", str, "Who runs the door."),
    "router-user": ("router_user", str, "Who runs the router."),
    "stack-run": ("stack_run", str, "The stack's run image."),
    "stack-small": ("stack_small", str, "The stack's small run image."),
    "stack-build": ("stack_build", str, "The stack's build image."),
    "buildpacks": ("buildpacks_dir", Path, "The folder of the buildpacks."),
}
"""Option -> the setting it gives, its type, what it is."""


def add_options(command: click.Command) -> click.Command:
    """`OPTIONS`, each under its setting's name; None when it is not given."""
    for option, (setting, kind, text) in OPTIONS.items():
        command.params.append(click.Option([f"--{option}", setting], type=kind, help=text))
    return command


def given_settings(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


@click.command("init")
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path, **options: Any) -> None:
    """Make a platform of an empty folder."""
    settings = init(directory, **given_settings(options))
    click.echo(f"Platform {settings.platform} is in {settings.directory}.")
    click.echo(f"Start it: paasd run {settings.directory}")


add_options(command)
