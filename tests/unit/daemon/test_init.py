import stat
from pathlib import Path

import pytest

from paas.daemon.folder import FolderNameInvalid, UnknownUser
from paas.daemon.init import FolderInUse, init
from paas.settings import Settings
from paas.store.cipher import Cipher
from paas.store.database import Database
from paas.store.hosts import HostStore
from paas.store.migrate import newest, version
from paas.store.routers import RouterStore


def test_a_new_platform_has_its_settings_its_keys_and_its_record(tmp_path: Path) -> None:
    settings = init(tmp_path / "p", http_port=8080, apps_domain="apps.example.com")

    assert Settings.load(tmp_path / "p") == settings
    assert (settings.http_port, settings.apps_domain) == (8080, "apps.example.com")
    assert version(settings.record) == newest()
    assert [host.name for host in HostStore(Database(settings.record)).all()] == ["local"]
    assert [router.name for router in RouterStore(Database(settings.record)).all()] == ["local"]
    cipher = Cipher(settings.keys / "config.key")
    assert cipher.open(cipher.seal("secret")) == "secret"


def test_two_platforms_share_no_id_and_no_secret(tmp_path: Path) -> None:
    first, second = init(tmp_path / "a"), init(tmp_path / "b")

    assert first.platform != second.platform
    for name in ("keys/config.key", "keys/redis.paas", "keys/redis.router", "door/token"):
        assert (first.directory / name).read_text() != (second.directory / name).read_text()


def test_nobody_else_can_read_what_is_secret(tmp_path: Path) -> None:
    settings = init(tmp_path / "p")

    secret = [settings.record, settings.door / "ssh_host_ed25519_key", *settings.keys.iterdir()]
    secret.append(settings.door / "token")
    assert all(path.stat().st_mode & stat.S_IRWXO == 0 for path in secret)
    closed = [settings.record.parent, settings.keys, settings.door, settings.sources, settings.logs]
    assert all(path.stat().st_mode & stat.S_IRWXO == 0 for path in closed)


def test_a_folder_that_holds_something_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")

    with pytest.raises(FolderInUse, match="is not empty"):
        init(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_platform_is_never_made_anew(tmp_path: Path) -> None:
    made = init(tmp_path / "p")
    key = (made.keys / "config.key").read_bytes()

    with pytest.raises(FolderInUse, match="holds a platform already"):
        init(tmp_path / "p")

    assert (made.keys / "config.key").read_bytes() == key


def test_an_init_that_was_killed_is_carried_on(tmp_path: Path) -> None:
    first = init(tmp_path / "p")
    (first.directory / "settings.toml").unlink()
    (first.directory / ".init").touch()

    second = init(tmp_path / "p")

    assert second.platform != first.platform
    assert not (tmp_path / "p" / ".init").exists()


def test_a_name_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderNameInvalid, match="sockets in it leave room for 70"):
        init(tmp_path / ("x" * 80))


def test_a_name_that_would_need_quoting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderNameInvalid, match="has ' ' in it"):
        init(tmp_path / "my platform")


def test_a_user_that_the_machine_has_not_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UnknownUser, match="has no user 'nobody-here'"):
        init(tmp_path / "p", web_user="nobody-here")

    assert not (tmp_path / "p").exists()
