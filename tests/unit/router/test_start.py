import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.model.route import Backend, Route, RouteMode, Version
from router.config import Edge
from router.folder import Folder, FolderUnfit, Last
from router.start import born, configure, from_last, living

SHOP = Route("id-shop", "shop", ("shop.localhost",), (Backend("c1", "web.1", "10.0.0.1", 5000),))
BLOG = Route("id-blog", "blog", ("blog.localhost",), (), RouteMode.STOPPED)


@pytest.fixture
def folder() -> Iterator[Folder]:
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/tmp") as path:
        yield Folder(Path(path))


def last(*routes: Route, slots: dict[str, str] | None = None) -> Last:
    texts = {route.app_id: route.to_json() for route in routes}
    return Last(Version("e", 7), texts, slots or {}, 256)


def test_the_last_table_comes_back_from_disk(folder: Folder) -> None:
    folder.write_last(last(SHOP, BLOG, slots={"id-shop": "s00009"}))

    again = folder.read_last()

    assert again == last(SHOP, BLOG, slots={"id-shop": "s00009"})
    assert again.read_routes() == {"id-shop": SHOP, "id-blog": BLOG}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"epoch": "e", "number": 1}', "\x00" * 100])
def test_a_table_on_disk_that_cannot_be_read_is_none(folder: Folder, text: str) -> None:
    folder.last.write_text(text)

    assert folder.read_last() is None


def test_an_app_gets_the_slot_back_that_it_had() -> None:
    running = from_last(last(SHOP, BLOG, slots={"id-shop": "s00009", "id-gone": "s00000"}))

    assert running.slot_of == {"id-shop": "s00009", "id-blog": "s00000"}
    assert running.hostnames == {"shop.localhost": "s00009", "blog.localhost": "s00000"}
    assert [server.container for _, server in running.servers()] == ["c1"]


def test_there_are_slots_for_all_at_a_cold_start() -> None:
    routes = [Route(f"id-{n}", f"app-{n}", (), ()) for n in range(600)]

    running = from_last(last(*routes))

    assert len(running.slot_of) == 600
    assert len(running.slots) == 1024


@pytest.mark.parametrize("edge", [
    Edge(http_port=8080), Edge(http_port=8080, binds=("127.0.0.1", "::1")),
])  # fmt: skip
@pytest.mark.parametrize("routes", [(), (SHOP, BLOG)])
def test_haproxy_takes_the_files_of_a_cold_start(
    folder: Folder, edge: Edge, routes: tuple[Route, ...]
) -> None:
    if routes:
        folder.write_last(last(*routes))

    configure(folder, edge)

    judged = subprocess.run(
        ["haproxy", "-c", "-f", str(folder.config)], capture_output=True, text=True, check=False
    )
    assert judged.returncode == 0, judged.stderr
    assert "WARNING" not in judged.stderr


def test_a_start_with_nothing_known_is_an_empty_table(folder: Folder) -> None:
    configure(folder, Edge(http_port=8080))

    assert folder.hostnames.read_text() == ""
    assert folder.config.read_text().count("\nbackend s") == 256


@pytest.mark.parametrize("name", ["with space", "quote'", "new\nline", "x" * 90, "semi;colon", "ü"])
def test_a_folder_that_haproxy_would_misread_is_refused(name: str) -> None:
    with pytest.raises(FolderUnfit):
        Folder(Path("/tmp") / name)


def test_a_process_is_known_by_pid_and_start(folder: Folder) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        folder.born.write_text(f"{process.pid} {born(process.pid)}\n")
        while_it_lives = living(folder)
        folder.born.write_text(f"{process.pid} 12345\n")
        another = living(folder)
        folder.born.write_text(f"{process.pid} {born(process.pid)}\n")
        process.communicate(b"\n")

    assert while_it_lives == process.pid
    assert another is None
    assert living(folder) is None


def test_the_command_line_says_what_is_missing(folder: Folder) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "router", f"--folder={folder.path}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 2
    assert "--redis and --platform" in run.stderr


def test_a_second_follower_of_the_same_folder_ends(folder: Folder) -> None:
    first = folder.lock("follower")
    assert first is not None
    with first:
        assert folder.lock("follower") is None
