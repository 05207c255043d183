import json
from pathlib import Path

import pytest

from paas.logs.segments import LogUnwritable
from paas.logs.spool import RequestLog, RouterSpool
from paas.logs.store import LogStore
from paas.model.app import AppName
from paas.store.apps import AppStore
from paas.store.database import Database
from router.log import Spool
from tests.full_disk import full_disk
from tests.make import APP_ID

AT_NS = 1_700_000_000_123_456_789


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "router"


@pytest.fixture
def logs(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path / "logs", limit_mb=1)


@pytest.fixture
def apps(record: Database) -> AppStore:
    apps = AppStore(record)
    apps.add(APP_ID, AppName("shop"), "ana", now=1.0)
    return apps


@pytest.fixture
def spool(folder: Path, tmp_path: Path, logs: LogStore, apps: AppStore) -> RouterSpool:
    return RouterSpool(folder, tmp_path / "position", RequestLog(logs, apps))


def says(spool: Spool, *texts: str, app_id: str = APP_ID) -> None:
    for text in texts:
        spool.add(AT_NS, app_id, text)
    spool.flush()


def take_all(spool: RouterSpool) -> None:
    # at the end of a file the first finds nothing but the next file
    while spool.take() or spool.take():
        pass


def texts(logs: LogStore) -> list[str]:
    return [line.text for line in logs.tail(APP_ID, 10_000)[0]]


def test_what_the_router_says_is_in_the_apps_log(
    folder: Path, spool: RouterSpool, logs: LogStore
) -> None:
    says(Spool(folder), 'at=info method=GET path="/é"')

    take_all(spool)

    (line,), _ = logs.tail(APP_ID, 9)
    assert line.render() == (
        '2023-11-14T22:13:20.123456+00:00 heroku[router]: at=info method=GET path="/é"'
    )


def test_a_router_that_said_nothing_yet_is_waited_for(spool: RouterSpool) -> None:
    assert spool.take() == 0


def test_lines_are_taken_once_over_files_and_starts(
    folder: Path, tmp_path: Path, logs: LogStore, apps: AppStore
) -> None:
    router = Spool(folder, file_bytes=1000)

    for round_ in range(10):
        says(router, *(f"{round_}-{number}" for number in range(3)))
        take_all(RouterSpool(folder, tmp_path / "position", RequestLog(logs, apps)))

    assert texts(logs) == [f"{round_}-{number}" for round_ in range(10) for number in range(3)]


def test_what_was_stored_before_a_kill_is_not_stored_again(
    folder: Path, tmp_path: Path, spool: RouterSpool, logs: LogStore, apps: AppStore
) -> None:
    # given lines that were stored, while the place of the line before them was still kept
    router = Spool(folder)
    says(router, "one")
    take_all(spool)
    before = (tmp_path / "position").read_text()
    says(router, "two", "three")
    take_all(spool)
    (tmp_path / "position").write_text(before)
    says(router, "four")

    take_all(RouterSpool(folder, tmp_path / "position", RequestLog(logs, apps)))

    assert texts(logs) == ["one", "two", "three", "four"]


def test_a_line_that_a_kill_tore_is_left_when_the_router_begins_another_file(
    folder: Path, spool: RouterSpool, logs: LogStore
) -> None:
    says(Spool(folder), "one")
    with (folder / "0000000001.jsonl").open("a") as file:
        file.write('{"at": "20')
    take_all(spool)
    says(Spool(folder), "two")

    take_all(spool)

    assert texts(logs) == ["one", "two"]


def test_files_that_were_dropped_unread_are_passed_over(
    folder: Path, spool: RouterSpool, logs: LogStore
) -> None:
    router = Spool(folder, file_bytes=1)
    says(router, "first")
    take_all(spool)
    for number in range(8):
        says(router, str(number))

    take_all(spool)

    assert texts(logs) == ["first", "4", "5", "6", "7"]


def test_an_app_that_is_gone_gets_no_log(
    folder: Path, spool: RouterSpool, logs: LogStore, tmp_path: Path
) -> None:
    says(Spool(folder), "late", app_id=APP_ID.replace("1", "2"))

    take_all(spool)

    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "null",
        "{}",
        "not json",
        "[" * 100_000,
        json.dumps({"at": "2023-11-14T22:13:20.1Z", "app_id": APP_ID, "text": "x"}),
        json.dumps({"at": "9999-99-14T22:13:20.123456789Z", "app_id": APP_ID, "text": "x"}),
        json.dumps({"at": "2023-11-14T22:13:20.123456789Z", "app_id": "../../etc", "text": "x"}),
        json.dumps({"at": "2023-11-14T22:13:20.123456789Z", "app_id": APP_ID, "text": 7}),
        json.dumps({"at": 7, "app_id": APP_ID, "text": "x"}),
    ],
)
def test_what_the_router_cannot_have_meant_is_passed_over(
    folder: Path, spool: RouterSpool, logs: LogStore, line: str
) -> None:
    router = Spool(folder)
    says(router, "one")
    with (folder / "0000000001.jsonl").open("a") as file:
        file.write(f"{line}\n")
    says(router, "two")

    take_all(spool)

    assert texts(logs) == ["one", "two"]


def test_a_log_that_cannot_be_written_is_tried_again(
    folder: Path, spool: RouterSpool, logs: LogStore
) -> None:
    says(Spool(folder), "one", "two")

    with full_disk(50), pytest.raises(LogUnwritable):
        spool.take()
    take_all(spool)

    assert texts(logs) == ["one", "two"]
