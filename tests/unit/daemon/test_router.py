"""A router's folder on a machine of its own, and what is told of one. That it serves: tests/multihost."""

import os
import shlex
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from paas.daemon.init import FolderInUse, init
from paas.daemon.router_folder import InvalidRouter, NotARouter, OtherRouter, RouterFolder
from paas.daemon.router_state import examine
from paas.errors import Invalid
from paas.settings import Settings
from tests.share import free_ports

PASSWORD = "0123456789abcdef" * 4


@pytest.fixture
def folder(tmp_path: Path) -> RouterFolder:
    table, http = free_ports(2)
    settings = Settings(
        directory=tmp_path / "r",
        platform="abcd2345",
        table_port=table,
        http_port=http,
        bind_address="127.0.0.1",
    )
    return RouterFolder("edge", settings)


def paasd(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-I", "-m", "paas.serve", "router", *words]
    return subprocess.run(
        argv, input=given, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_folder_says_all_that_its_programs_need(folder: RouterFolder) -> None:
    folder.make(PASSWORD)

    assert RouterFolder.load(folder.settings.directory) == folder
    password = folder.settings.router_password
    assert password.read_text() == f"{PASSWORD}\n"
    assert stat.S_IMODE(password.stat().st_mode) == 0o640
    told = (folder.settings.run / "supervisor.conf").read_text()
    assert PASSWORD not in told
    assert told.count("[program:") == 2


def test_its_follower_goes_to_the_port_and_sends_its_lines(folder: RouterFolder) -> None:
    haproxy, follower = folder.programs()

    assert "--exec-haproxy" in haproxy.argv
    assert follower.argv[follower.argv.index("--redis") + 1] == (
        f"127.0.0.1:{folder.settings.table_port}"
    )
    assert follower.argv[follower.argv.index("--name") + 1] == "edge"
    assert "--ship-lines" in follower.argv


def test_made_again_it_has_the_new_ports_and_password(folder: RouterFolder) -> None:
    folder.make(PASSWORD)
    again = replace(folder, settings=replace(folder.settings, http_port=8088))

    again.make(PASSWORD[::-1])

    assert RouterFolder.load(folder.settings.directory).settings.http_port == 8088
    assert folder.settings.router_password.read_text().strip() == PASSWORD[::-1]


def test_a_folder_of_another_router_or_of_a_platform_is_refused(
    folder: RouterFolder, tmp_path: Path
) -> None:
    folder.make(PASSWORD)
    platform = init(tmp_path / "p", http_port=8080)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").touch()

    with pytest.raises(OtherRouter, match="of router edge of platform abcd2345"):
        replace(folder, name="other").make(PASSWORD)
    for directory in (platform.directory, tmp_path / "full"):
        there = replace(folder, settings=replace(folder.settings, directory=directory))
        before = sorted(path.name for path in directory.iterdir())
        with pytest.raises(FolderInUse):
            there.make(PASSWORD)
        assert sorted(path.name for path in directory.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "changed", "password"),
    [
        ("local", {}, PASSWORD),
        ("../edge", {}, PASSWORD),
        ("edge", {"platform": "x y"}, PASSWORD),
        ("edge", {"http_port": 0}, PASSWORD),
        ("edge", {"http_port": 5002, "table_port": 5002}, PASSWORD),
        ("edge", {}, ""),
        ("edge", {}, "secret"),
    ],
)
def test_what_cannot_be_a_router_leaves_nothing_behind(
    folder: RouterFolder, name: str, changed: dict[str, object], password: str
) -> None:
    given = replace(folder.settings, **changed)  # type: ignore[arg-type]

    with pytest.raises(Invalid):
        RouterFolder(name, given).make(password)

    assert not folder.settings.directory.exists()
    assert issubclass(InvalidRouter, Invalid)


@pytest.mark.parametrize(
    "text", [None, "", "name = 1", 'name = "edge"\nhttp_port = "80"', 'name = "edge"\nx = 1', "["]
)
def test_what_is_no_router_is_told_in_one_line(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "router.toml").write_text(text)

    with pytest.raises(NotARouter) as told:
        RouterFolder.load(tmp_path)

    assert "\n" not in str(told.value)
    said = paasd("status", str(tmp_path))
    assert (said.returncode, said.stderr.count("\n")) == (1, 1)


def test_one_that_does_not_run_is_told_part_by_part(folder: RouterFolder) -> None:
    folder.make(PASSWORD)

    parts = {part.name: part for part in examine(folder)}

    assert not any(part.is_well for part in parts.values())
    assert "paasd router start" in parts["supervisor"].text
    assert f"127.0.0.1:{folder.settings.table_port}" in parts["table"].text
    assert "paas routers" in parts["table"].text


def test_the_password_comes_by_standard_input(folder: RouterFolder) -> None:
    settings = folder.settings
    words = ["--name", "edge", "--platform", settings.platform, "--bind", settings.bind_address]
    words += ["--table-port", str(settings.table_port), "--http-port", str(settings.http_port)]

    made = paasd("init", str(settings.directory), *words, given=f"{PASSWORD}\n")

    assert made.returncode == 0, made.stderr
    assert RouterFolder.load(settings.directory) == folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a program to another user")
def test_its_programs_run_as_the_routers_user(folder: RouterFolder) -> None:
    theirs = replace(folder, settings=replace(folder.settings, router_user="nobody", http_port=80))
    theirs.make(PASSWORD)

    told = (folder.settings.run / "supervisor.conf").read_text()

    assert told.count("--reuid=65534") == 2
    assert "net_bind_service" in told
    assert folder.settings.router.stat().st_uid == 65534
    assert shlex.quote(str(folder.settings.router)) in told
