"""Makes a platform of a backup."""

import json
import os
import random
import shutil
import tarfile
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path, PurePosixPath
from typing import Any

import click

from paas.builds.sources import FILE_MODE
from paas.daemon.backup import FORMAT, MANIFEST
from paas.daemon.folder import Users, check_name, folders, give
from paas.daemon.init import (
    UNFINISHED,
    add_options,
    begin,
    check_empty,
    given_settings,
    host_key,
)
from paas.engine.tunnels import engine_url
from paas.errors import Invalid
from paas.model.host import LOCAL
from paas.needed import check_needed
from paas.settings import SETTINGS, Settings
from paas.store.cipher import Cipher
from paas.store.database import Database
from paas.store.hosts import HostStore
from paas.store.migrate import migrate
from paas.subnet import free_subnet, is_free, routed

PARTS = frozenset({"record", "keys", "door", "repositories", "sources", "registry"})
END = 2 * tarfile.BLOCKSIZE
"""So many zeros end an archive."""
BRIDGES = Path("/sys/class/net")


class NotABackup(Invalid):
    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"{file} is no backup that this program can restore: {why}.")


def restore(file: Path, directory: Path, **given: Any) -> Settings:
    """The same platform, with its id, in an empty folder; `given` are settings by name that are to be others.

    Starts nothing. The record is brought to this program's version. On an engine that has the platform's containers
    they are taken over; images that are not there are made again of the sources. The platform that was backed up
    must not run any more. Raises NotABackup, KeyLost, RecordTooNew, and what `init` raises.
    """
    directory = directory.absolute()
    check_needed()
    check_name(directory)
    check_empty(directory)
    try:
        with tarfile.open(file) as tar:
            _check(tar, file)
            begin(directory)
            _unpack(tar, file, directory)
    except (OSError, tarfile.TarError) as error:
        raise NotABackup(file, str(error)) from None
    settings = _settings(directory, given)
    users = Users.of(settings)
    for folder in folders(settings, users):
        folder.make()
    migrate(settings.record)
    Cipher(settings.keys / "config.key")
    record = Database(settings.record)
    hosts = HostStore(record)
    hosts.note(LOCAL, subnet=settings.subnet, url=settings.engine_url)
    for host in hosts.all():
        if not host.is_local:
            hosts.note(host.name, url=engine_url(host.name, settings))
    record.close()
    _give(settings, users)
    settings.write()
    (directory / UNFINISHED).unlink()
    return settings


def _check(tar: tarfile.TarFile, file: Path) -> None:
    first = tar.next()
    if first is None or first.name != MANIFEST or not first.isreg():
        raise NotABackup(file, f"it does not begin with {MANIFEST}")
    read = tar.extractfile(first)
    assert read is not None
    try:
        told = json.loads(read.read(65536))
        if told["format"] != FORMAT:
            raise NotABackup(file, f"it has format {told['format']}, this program knows {FORMAT}")
    except (ValueError, KeyError, TypeError):
        raise NotABackup(file, f"its {MANIFEST} cannot be read") from None


def _unpack(tar: tarfile.TarFile, file: Path, directory: Path) -> None:
    """Ordinary files, in the folders that a backup has, and nothing else."""
    while (member := tar.next()) is not None:
        parts = PurePosixPath(member.name).parts
        is_settings = parts == (SETTINGS,)
        is_inside = len(parts) > 1 and parts[0] in PARTS and not {"..", "/"} & {*parts}
        if not member.isreg() or not (is_settings or is_inside):
            raise NotABackup(file, f"{member.name[:100]!r} has no place in it")
        target = directory.joinpath(*parts)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        read = tar.extractfile(member)
        assert read is not None
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            shutil.copyfileobj(read, out, 1 << 20)
    # One that ends within a header is no error to the tarfile module.
    size = file.stat().st_size
    with file.open("rb") as whole:
        whole.seek(max(0, size - END))
        if size % tarfile.RECORDSIZE or any(whole.read()):
            raise NotABackup(file, "its end is missing")


def _settings(directory: Path, given: dict[str, Any]) -> Settings:
    settings = replace(Settings.load(directory), **given)
    if "subnet" in given or (BRIDGES / f"pb-{settings.platform}").exists():
        return settings
    taken = routed()
    if is_free(IPv4Network(settings.subnet), taken):
        return settings
    return replace(settings, subnet=str(free_subnet(taken, random.Random())))


def _give(settings: Settings, users: Users) -> None:
    """To each user what is theirs, as `init` and git have made it."""
    web, git, router = users.web, users.git, users.router
    for folder in (settings.record.parent, settings.keys, settings.door):
        for path in folder.iterdir():
            give(path, web.uid, web.gid, 0o600)
    for path in settings.sources.iterdir():
        give(path, web.uid, web.gid, FILE_MODE)
    for path in settings.registry.rglob("*"):
        give(path, web.uid, web.gid, 0o700 if path.is_dir() else 0o600)
    give(settings.router_password, web.uid, router.gid, 0o640)
    for name in ("token", "authorized_keys"):
        give(settings.door / name, web.uid, git.gid, 0o640)
    give(host_key(settings), git.uid, git.gid, 0o600)
    give(host_key(settings).with_suffix(".pub"), git.uid, git.gid, 0o644)
    for path in settings.repositories.rglob("*"):
        give(path, git.uid, web.gid, 0o2770 if path.is_dir() else 0o660)


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("directory", type=click.Path(path_type=Path))
def command(file: Path, directory: Path, **options: Any) -> None:
    """Make the platform of a backup, in an empty folder. The options take the place of its settings."""
    settings = restore(file, directory, **given_settings(options))
    click.echo(f"Platform {settings.platform} is in {settings.directory}.")
    click.echo(f"Start it: paasd run {settings.directory}")


add_options(command)
