import io
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from paas.builds.fetched import Fetched, Note, clear_unused
from paas.builds.sources import InvalidSource
from paas.model.buildpack import Buildpack
from tests.make import NOW

APT = Buildpack.parse("https://example.com/apt#main")
PRIVATE = Buildpack.parse("https://ana:secret@example.com/apt#main")
FIRST, SECOND = Note("1" * 40), Note("2" * 40)


def tar(path: Path, link: str = "", size: int = 1) -> Path:
    with tarfile.open(path, "w") as packed:
        member = tarfile.TarInfo("bin/compile")
        member.size = size
        packed.addfile(member, io.BytesIO(b"x" * size))
        if link:
            member = tarfile.TarInfo("link")
            member.type, member.linkname = tarfile.SYMTYPE, link
            packed.addfile(member)
    return path


def test_what_a_name_has_last_led_to_is_remembered_and_older_versions_stay(tmp_path: Path) -> None:
    store = Fetched(tmp_path / "kept", "app-1")
    assert (store.note(APT), store.path(APT, FIRST.version)) == (Note(), None)

    store.put(APT, FIRST, tar(tmp_path / "a"), 1)
    store.put(APT, SECOND, tar(tmp_path / "b"), 1)
    store.put(APT, FIRST, None, 1)

    assert store.note(APT) == FIRST
    assert store.path(APT, FIRST.version) != store.path(APT, SECOND.version)
    assert Fetched(tmp_path / "kept", "app-2").note(APT) == FIRST


def test_what_a_password_opened_is_its_apps_alone(tmp_path: Path) -> None:
    store, other = (Fetched(tmp_path / "kept", app) for app in ("app-1", "app-2"))
    store.put(PRIVATE, FIRST, tar(tmp_path / "a"), 1)

    assert store.note(PRIVATE) == FIRST
    assert other.note(PRIVATE) == other.note(APT) == store.note(APT) == Note()
    assert other.path(APT, FIRST.version) is store.path(APT, FIRST.version) is None


def test_what_a_container_wrote_is_taken_for_what_it_is(tmp_path: Path) -> None:
    store = Fetched(tmp_path / "kept", "app-1")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path / "gone", tmp_path):
        with pytest.raises(OSError):
            store.put(APT, FIRST, path, 1)
    for path in (tar(tmp_path / "out", link="../x"), tar(tmp_path / "big", size=2 << 20)):
        with pytest.raises(InvalidSource):
            store.put(APT, FIRST, path, 1)
    assert list((tmp_path / "kept").iterdir()) == []


def test_many_builds_fetch_the_same_at_once_and_each_finds_it_whole(tmp_path: Path) -> None:
    store, source = Fetched(tmp_path / "kept", "app-1"), tar(tmp_path / "a", size=500_000)

    def put(_: int) -> bool:
        store.put(APT, FIRST, source, 1)
        path = store.path(APT, FIRST.version)
        return path is not None and path.read_bytes() == source.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(put, range(40)))
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_what_is_too_much_goes_and_what_was_used_last_stays(tmp_path: Path) -> None:
    for age in range(4):
        path = tmp_path / f"{age}.tar"
        path.write_bytes(b"x" * 100)
        os.utime(path, (NOW - age, NOW - age))

    clear_unused(tmp_path, NOW, kept_bytes=250)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.tar", "1.tar"]
