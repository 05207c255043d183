import fcntl
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from paas.builds.sources import SourceStore
from paas.daemon.backup import FileExists, backup, clear_leftovers
from paas.daemon.init import FolderInUse, init
from paas.daemon.restore import NotABackup, restore
from paas.engine.tunnels import engine_url
from paas.model.app import AppName
from paas.settings import Settings
from paas.store.apps import AppStore
from paas.store.cipher import Cipher
from paas.store.database import Database
from paas.store.hosts import HostStore
from tests.eventually import eventually
from tests.make import make_host

SECRETS = (
    "keys/config.key",
    "keys/redis.paas",
    "keys/redis.router",
    "door/token",
    "door/ssh_host_ed25519_key",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A platform with one app that was pushed."""
    settings = init(tmp_path / "p", http_port=8080)
    AppStore(Database(settings.record)).add("a1", AppName("shop"), "ada", 1.0)
    SourceStore(settings.sources).write("s1", [b"a source"], limit_mb=1)
    git("init", "-q", "--bare", "--shared=group", str(settings.repositories / "a1.git"))
    commit(settings.repositories / "a1.git", "one")
    return settings


def git(*argv: str, given: str = "") -> str:
    done = subprocess.run(["git", *argv], input=given, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(repository: Path, text: str) -> None:
    where = ("-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b")
    blob = git(*where, "hash-object", "-w", "--stdin", given=text)
    tree = git(*where, "mktree", given=f"100644 blob {blob}\tfile\n")
    git(*where, "update-ref", "refs/heads/main", git(*where, "commit-tree", tree, "-m", text))


def test_a_restored_platform_is_the_one_that_was_backed_up(
    tmp_path: Path, settings: Settings
) -> None:
    backup(settings, tmp_path / "b.tar", time.time())

    restored = restore(tmp_path / "b.tar", tmp_path / "q")

    assert restored.platform == settings.platform
    assert Settings.load(tmp_path / "q") == restored
    assert [app.name for app in AppStore(Database(restored.record)).all()] == ["shop"]
    for name in SECRETS:
        assert (restored.directory / name).read_bytes() == (settings.directory / name).read_bytes()
        assert (restored.directory / name).stat().st_mode & 0o007 == 0
    source, was = restored.sources / "s1.tar", settings.sources / "s1.tar"
    assert source.read_bytes() == b"a source"
    assert source.stat().st_mode == was.stat().st_mode
    repository = restored.repositories / "a1.git"
    assert git("-C", str(repository), "show", "main:file") == "one"
    assert git("-C", str(repository), "fsck", "--strict") == ""
    Cipher(restored.keys / "config.key")


def test_what_the_restored_platform_is_to_do_otherwise_is_said_when_it_is_restored(
    tmp_path: Path, settings: Settings
) -> None:
    backup(settings, tmp_path / "b.tar", time.time())

    restored = restore(tmp_path / "b.tar", tmp_path / "q", http_port=9090, subnet="10.99.0.0/20")

    assert (restored.http_port, restored.api_port) == (9090, settings.api_port)
    assert HostStore(Database(restored.record)).get("local").subnet == "10.99.0.0/20"


def test_hosts_elsewhere_and_their_images_come_back(tmp_path: Path, settings: Settings) -> None:
    hosts = HostStore(Database(settings.record))
    hosts.add(make_host("h2", url=engine_url("h2", settings), address="10.0.0.2"))
    stored = {
        "repositories/paas/app/_manifests/link": b"sha256:aa",
        "repositories/paas/app/_uploads/half": b"half of a laye",
        "blobs/sha256/aa/data": b"a layer",
    }
    store = Path("registry/images/docker/registry/v2")
    for name, data in stored.items():
        path = settings.directory / store / name
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    backup(settings, tmp_path / "b.tar", time.time())
    backup(settings, tmp_path / "small.tar", time.time(), has_images=False)

    restored = restore(tmp_path / "b.tar", tmp_path / "q")
    small = restore(tmp_path / "small.tar", tmp_path / "r")

    here = restored.directory / store
    kept = {
        str(path.relative_to(here)): path.read_bytes() for path in here.rglob("*") if path.is_file()
    }
    assert kept == {name: data for name, data in stored.items() if "_uploads" not in name}
    assert not list(small.registry.iterdir())
    host = HostStore(Database(restored.record)).get("h2")
    assert host.url == f"unix://{tmp_path}/q/run/engines/h2.sock"


def test_a_backup_is_whole_while_the_platform_works(tmp_path: Path, settings: Settings) -> None:
    database = Database(settings.record)
    with socket.socket(socket.AF_UNIX) as api:
        api.bind(str(settings.api_socket))
        (settings.repositories / "a1.git" / "objects" / "tmp_objdir-incoming-x").mkdir()
        with database.write() as tx:
            tx.exec_driver_sql("INSERT INTO facts VALUES ('half', 'written')")

            backup(settings, tmp_path / "b.tar", time.time())

    restored = restore(tmp_path / "b.tar", tmp_path / "q")
    assert AppStore(Database(restored.record)).named("shop").owner == "ada"
    with Database(restored.record).read() as tx:
        assert tx.exec_driver_sql("SELECT * FROM facts").all() == []
    assert not list(restored.repositories.rglob("tmp_*"))


def test_only_its_maker_can_read_a_backup(tmp_path: Path, settings: Settings) -> None:
    backup(settings, tmp_path / "b.tar", time.time())

    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"p", "b.tar"}


def test_a_backup_never_overwrites_a_file(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "b.tar").write_text("last week's")

    with pytest.raises(FileExists):
        backup(settings, tmp_path / "b.tar", time.time())

    assert (tmp_path / "b.tar").read_text() == "last week's"


def test_a_folder_in_use_is_not_restored_into(tmp_path: Path, settings: Settings) -> None:
    backup(settings, tmp_path / "b.tar", time.time())

    with pytest.raises(FolderInUse):
        restore(tmp_path / "b.tar", settings.directory)

    assert [app.name for app in AppStore(Database(settings.record)).all()] == ["shop"]


def test_a_restore_that_was_killed_can_be_done_again(tmp_path: Path, settings: Settings) -> None:
    backup(settings, tmp_path / "b.tar", time.time())
    cut = tmp_path / "cut.tar"
    cut.write_bytes((tmp_path / "b.tar").read_bytes()[:-30_000])
    with pytest.raises(NotABackup):
        restore(cut, tmp_path / "q")

    restored = restore(tmp_path / "b.tar", tmp_path / "q")

    assert restored.platform == settings.platform


@pytest.mark.parametrize(
    "name",
    ["../outside", "/etc/cron.d/x", "record/../../outside", "run/pids/web", "keys", "elsewhere/x"],
)
def test_a_backup_with_anything_else_in_it_is_refused(tmp_path: Path, name: str) -> None:
    manifest = json.dumps({"format": 1, "platform": "x", "record": None, "at": 0}).encode()
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        for member_name, content in (("backup.json", manifest), (name, b"x")):
            member = tarfile.TarInfo(member_name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

    with pytest.raises(NotABackup, match="has no place in it"):
        restore(tmp_path / "b.tar", tmp_path / "inner" / "q")

    assert not (tmp_path / "inner" / "outside").exists()


def test_a_link_in_a_backup_is_refused(tmp_path: Path, settings: Settings) -> None:
    backup(settings, tmp_path / "b.tar", time.time())
    with tarfile.open(tmp_path / "b.tar", "a") as tar:
        member = tarfile.TarInfo("keys/link")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)

    with pytest.raises(NotABackup, match="'keys/link' has no place"):
        restore(tmp_path / "b.tar", tmp_path / "q")


@pytest.mark.parametrize("content", [b"", b"hello", os.urandom(4096)])
def test_another_file_is_no_backup(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.tar").write_bytes(content)

    with pytest.raises(NotABackup):
        restore(tmp_path / "b.tar", tmp_path / "q")

    assert not (tmp_path / "q").exists()


def test_a_backup_of_a_later_format_is_refused(tmp_path: Path, settings: Settings) -> None:
    backup(settings, tmp_path / "b.tar", time.time())
    shutil.move(tmp_path / "b.tar", tmp_path / "old.tar")
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        member = tarfile.TarInfo("backup.json")
        member.size = len(b'{"format": 2}')
        tar.addfile(member, io.BytesIO(b'{"format": 2}'))

    with pytest.raises(NotABackup, match="it has format 2, this program knows 1"):
        restore(tmp_path / "b.tar", tmp_path / "q")


BACKUP = (
    "import sys; from pathlib import Path; from paas.settings import Settings; "
    "from paas.daemon.backup import backup; "
    "backup(Settings.load(Path(sys.argv[1])), Path(sys.argv[2]), 1.0)"
)


@pytest.fixture
def killed(settings: Settings, tmp_path: Path) -> Path:
    """What a backup left that was killed halfway: it holds the record."""
    with (settings.sources / "large.tar").open("wb") as large:
        large.truncate(4 << 30)
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "b.tar"
    with subprocess.Popen(
        [sys.executable, "-c", BACKUP, str(settings.directory), str(target)]
    ) as process:
        eventually(lambda: list(target.parent.glob(".backup-*/b.tar")), within=20)
        process.kill()
    (settings.sources / "large.tar").unlink()
    (left,) = target.parent.glob(".backup-*")
    assert (left / "paas.db").exists()
    return left


def test_what_a_killed_backup_left_goes_with_the_next(
    killed: Path, settings: Settings, tmp_path: Path
) -> None:
    backup(settings, tmp_path / "b.tar", time.time())

    assert not killed.exists()
    assert list(settings.run.glob("backup-*")) == []


def test_what_a_killed_backup_left_goes_with_the_next_start(
    killed: Path, settings: Settings
) -> None:
    clear_leftovers(settings)

    assert not killed.exists()


def test_a_backup_that_is_being_made_is_left_alone(killed: Path, settings: Settings) -> None:
    held = os.open(killed, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)

    clear_leftovers(settings)

    assert (killed / "paas.db").exists()
    os.close(held)
