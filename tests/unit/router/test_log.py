import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.log import (
    LINES_PER_SECOND,
    RouterLog,
    Spool,
    fair_share,
    open_pipe,
    read_line,
    was_tried_again,
)
from router.names import Names
from tests.eventually import eventually

REST = "GET shop.localhost /"


@pytest.fixture
def names() -> Names:
    names = Names()
    names.apps["s00001"] = "id-shop"
    names.dynos["s00001/i1"] = "web.1"
    return names


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[int]:
    """HAProxy's end."""
    pipe = open_pipe(tmp_path / "log.fifo")
    yield pipe
    os.close(pipe)


def said(folder: Path) -> list[str]:
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line)["text"] for file in files for line in file.read_text().splitlines()]


def line(
    ended: str, status: int, code: str = "-", connect: int = 2, path: str = "/", tries: str = "0"
) -> str:
    return (
        f"s00001 s00001/i1 1.2.3.4 {status} 512 0 1 {connect} 13 {ended} {code} rid-0123456789 {tries}"
        f" GET shop.localhost {path}"
    )


@pytest.mark.parametrize(
    ("ended", "status", "begin", "shown"),
    [
        ("--", 200, "at=info", 200),
        ("--", 500, "at=info", 500),
        ("CD", 101, "at=info", 101),
        ("--", 101, "at=info", 101),
        ("sH", 504, 'at=error code=H12 desc="Request timeout"', 504),
        ("SH", 502, 'at=error code=H13 desc="Connection closed without response"', 502),
        ("PH", 502, 'at=error code=H17 desc="Poorly formatted HTTP response"', 502),
        ("SD", 200, 'at=error code=H18 desc="Server Request Interrupted"', 200),
        ("sD", 200, 'at=error code=H15 desc="Idle connection"', 200),
        ("sD", 101, 'at=error code=H15 desc="Idle connection"', 101),
        ("sC", 503, 'at=error code=H19 desc="Backend connection timeout"', 503),
        ("SC", 503, 'at=error code=H21 desc="Backend connection refused"', 503),
        ("CD", 200, 'at=error code=H27 desc="Client Request Interrupted"', 499),
        ("cD", 200, 'at=error code=H28 desc="Client Connection Idle"', 499),
        ("KD", 200, 'at=error code=H24 desc="Forced close"', 200),
    ],
)
def test_how_a_request_ended_is_said_in_herokus_words(
    names: Names, ended: str, status: int, begin: str, shown: int
) -> None:
    read = read_line(line(ended, status), names)

    assert read == (
        "id-shop",
        f'{begin} method=GET path="/" host=shop.localhost request_id=rid-0123456789 fwd="1.2.3.4" '
        f"dyno=web.1 connect=2ms service=10ms status={shown} bytes=512 protocol=http",
    )


def test_a_request_that_no_container_got_has_no_dyno_and_no_times(names: Names) -> None:
    text = "s00001 closed/<NOSRV> 1.2.3.4 503 512 0 -1 -1 0 LR H14 rid-0123456789 0 " + REST

    _, said = read_line(text, names) or ("", "")

    assert said.startswith('at=error code=H14 desc="No web processes running" method=GET')
    assert " dyno= connect= service= status=503 " in said


@pytest.mark.parametrize(
    "text",
    ["", "s00001", "- edge/<NOSRV> 1.2.3.4 400 187 -1 -1 -1 0 PR - - <BADREQ> - <BADREQ>",
     line("--", 200).replace("s00001 ", "s00009 ", 1)],
)  # fmt: skip
def test_what_is_no_apps_is_left_out(names: Names, text: str) -> None:
    assert read_line(text, names) is None


def test_a_path_cannot_end_its_quotes(names: Names) -> None:
    _, said = read_line(line("--", 200, path='/" status=200 x="'), names) or ("", "")

    assert 'path="/%22 status=200 x=%22"' in said


def test_lines_wait_in_the_pipe_for_a_reader(tmp_path: Path, pipe: int, names: Names) -> None:
    for n in range(3000):
        os.write(pipe, line("--", 200, path=f"/{n}").encode() + b"\n")

    log = RouterLog(tmp_path / "log.fifo", Spool(tmp_path / "log"), names, lambda _: None)
    log.start()
    eventually(lambda: len(said(tmp_path / "log")) + log.lost == 3000)
    log.stop()

    assert log.lost <= 3000 - LINES_PER_SECOND


def test_a_line_that_comes_in_two_pieces_is_one(tmp_path: Path, pipe: int, names: Names) -> None:
    log = RouterLog(tmp_path / "log.fifo", Spool(tmp_path / "log"), names, lambda _: None)
    log.start()
    whole = line("--", 200).encode() + b"\n"
    os.write(pipe, whole + whole[:40])
    eventually(lambda: len(said(tmp_path / "log")) == 1)

    os.write(pipe, whole[40:])

    eventually(lambda: len(said(tmp_path / "log")) == 2)
    log.stop()
    assert len(set(said(tmp_path / "log"))) == 1


def test_what_is_too_much_is_counted_and_not_written(
    tmp_path: Path, pipe: int, names: Names
) -> None:
    log = RouterLog(tmp_path / "log.fifo", Spool(tmp_path / "log"), names, lambda _: None)
    for _ in range(2 * LINES_PER_SECOND):
        os.write(pipe, line("--", 200).encode() + b"\n")

    log.start()
    eventually(lambda: len(said(tmp_path / "log")) + log.lost == 2 * LINES_PER_SECOND)
    log.stop()

    assert log.lost > 0


def test_a_line_of_a_haproxy_from_before_an_upgrade_is_read_and_casts_no_doubt(
    names: Names,
) -> None:
    old = line("--", 200).replace(" rid-0123456789 0 ", " rid-0123456789 ")

    assert read_line(old, names) == read_line(line("--", 200), names) is not None
    assert not was_tried_again(old.encode())


def test_what_was_tried_again_casts_doubt_on_its_slot(
    tmp_path: Path, pipe: int, names: Names
) -> None:
    doubted: list[str] = []
    for ended, status, tries in (("--", 200, "0"), ("--", 200, "+1"), ("SC", 503, "3")):
        os.write(pipe, line(ended, status, tries=tries).encode() + b"\n")
        os.write(pipe, b"what is no line 1 2 3 4 5 6 7 8 9\n")
    log = RouterLog(tmp_path / "log.fifo", Spool(tmp_path / "log"), names, doubted.append)

    log.start()
    eventually(lambda: len(said(tmp_path / "log")) == 3)
    log.stop()

    assert doubted == ["s00001"]


def test_who_writes_little_loses_nothing_to_who_writes_much() -> None:
    lines = [b"s1 a", *[b"s2 b%d" % n for n in range(50)], b"s3 c", b"s1 d"]

    kept = fair_share(lines, 10)

    assert kept == [b"s1 a", *[b"s2 b%d" % n for n in range(7)], b"s3 c", b"s1 d"]
    assert fair_share(lines, len(lines)) == lines
    assert fair_share(lines, 0) == []


def test_the_spool_keeps_the_four_newest_files(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "log", file_bytes=1)

    for n in range(9):
        spool.add(n, "id-shop", f"line {n}")
        spool.flush()

    assert sorted(file.name for file in (tmp_path / "log").iterdir()) == [
        f"000000000{n}.jsonl" for n in (6, 7, 8, 9)
    ]
    assert said(tmp_path / "log") == ["line 5", "line 6", "line 7", "line 8"]


def test_a_new_spool_goes_on_in_a_file_of_its_own(tmp_path: Path) -> None:
    for text in ("one", "two"):
        spool = Spool(tmp_path / "log")
        spool.add(1_700_000_000_123_456_789, "id-shop", text)
        spool.flush()

    second = tmp_path / "log" / "0000000002.jsonl"
    assert json.loads(second.read_text()) == {
        "at": "2023-11-14T22:13:20.123456789Z",
        "app_id": "id-shop",
        "text": "two",
    }
