"""Request lines on their way to the platform, from a router on another machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis import RedisError

from paas.logs.spool import RequestLog
from paas.model.app import AppName
from paas.routes.request_lines import MOST_PIECES, RequestLines
from paas.scheduler.far_lines import FarLines
from paas.wiring import Platform
from router.ship import PIECE_BYTES, Shipper

AT = "2026-03-01T10:20:30.{:09d}Z"


class There:
    """What the platform got."""

    def __init__(self) -> None:
        self.pieces: list[tuple[str, bool]] = []
        self.trouble: RedisError | None = None
        """After what it got has come."""

    def send(self, lines: str, is_first: bool) -> None:
        self.pieces.append((lines, is_first))
        if self.trouble is not None:
            raise self.trouble

    @property
    def text(self) -> str:
        return "".join(lines for lines, _ in self.pieces)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    folder.mkdir()
    return folder


def shipped(spool: Path, there: There) -> None:
    shipper = Shipper(spool, spool.parent / "shipped", there.send, print)
    while shipper.ship_one():
        continue


def test_every_whole_line_is_sent_once_and_in_order(spool: Path) -> None:
    there, first = There(), spool / "0000000001.jsonl"
    first.write_text("one\ntwo\nthr")
    shipped(spool, there)
    with first.open("a") as file:
        file.write("ee\n")
    (spool / "0000000002.jsonl").write_text("four\n")

    shipped(spool, there)

    assert there.text == "one\ntwo\nthree\nfour\n"
    assert [is_first for _, is_first in there.pieces] == [True, True, False]


def test_what_is_sent_again_after_a_lost_answer_is_said_to_be_first(spool: Path) -> None:
    there, first = There(), spool / "0000000001.jsonl"
    shipper = Shipper(spool, spool.parent / "shipped", there.send, print)
    for line in ("one\n", "two\n"):
        with first.open("a") as file:
            file.write(line)
        shipper.ship_one()
    with first.open("a") as file:
        file.write("three\n")
    there.trouble = RedisError("the tunnel is gone")
    with pytest.raises(RedisError):
        shipper.ship_one()
    there.trouble = None

    shipper.ship_one()

    assert there.pieces[-2:] == [("three\n", False), ("three\n", True)]


def test_what_is_long_goes_in_pieces_of_whole_lines(spool: Path) -> None:
    there, text = There(), "".join(f"{number:01000d}\n" for number in range(200))
    (spool / "0000000001.jsonl").write_text(text)

    shipped(spool, there)

    assert there.text == text
    assert len(there.pieces) > 2
    assert all(len(lines) <= PIECE_BYTES and lines.endswith("\n") for lines, _ in there.pieces)


def test_a_file_that_was_dropped_before_it_was_sent_is_passed_over(spool: Path) -> None:
    there, first = There(), spool / "0000000001.jsonl"
    first.write_text("one\n")
    shipped(spool, there)
    first.unlink()
    (spool / "0000000005.jsonl").write_text("five\n")

    shipped(spool, there)

    assert there.text == "one\nfive\n"


@pytest.fixture
def lines(platform: Platform) -> Iterator[RequestLines]:
    yield RequestLines(platform.redis, platform.settings.platform)


def said(app_id: str, *texts: str) -> str:
    return "".join(
        json.dumps({"at": AT.format(number), "app_id": app_id, "text": text}) + "\n"
        for number, text in enumerate(texts)
    )


def logged(platform: Platform, app_id: str) -> list[str]:
    return [line.text for line in platform.logs.tail(app_id, 100)[0]]


def test_they_come_into_the_apps_log_each_once_though_they_are_sent_twice(
    platform: Platform, lines: RequestLines, app_id: str
) -> None:
    lines.send("edge", said(app_id, "one", "two"), is_first=True)
    FarLines(platform).take()
    lines.send("edge", said(app_id, "one", "two"), is_first=True)  # it died before it noted that

    FarLines(platform).take()

    assert logged(platform, app_id) == ["one", "two"]
    assert platform.redis.xlen(f"paas:{platform.settings.platform}:routers:lines") == 0


def test_what_was_stored_before_we_died_is_not_stored_again(
    platform: Platform, lines: RequestLines, app_id: str
) -> None:
    lines.send("edge", said(app_id, "one"), is_first=False)
    RequestLog(platform.logs, platform.apps).store(said(app_id, "one").encode(), is_sure=True)

    FarLines(platform).take()

    assert logged(platform, app_id) == ["one"]


def test_the_stream_is_bounded_and_what_is_no_line_is_left_out(
    platform: Platform, lines: RequestLines, app_id: str
) -> None:
    for number in range(MOST_PIECES + 10):
        lines.send("edge", said(app_id, f"line {number}"), is_first=False)
    far = FarLines(platform)
    platform.redis.xadd(f"paas:{platform.settings.platform}:routers:lines", {"x": "y"})
    lines.send("edge", "no json\n" + said("no app", "lost"), is_first=False)

    while far.take():
        continue

    assert len(platform.logs.tail(app_id, 1000)[0]) == MOST_PIECES - 2


@pytest.fixture
def app_id(platform: Platform) -> str:
    return platform.apps.add(str(uuid4()), AppName("shop"), "ana", 0.0).id
