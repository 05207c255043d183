import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from paas.logs.store import (
    DISORDER_NS,
    LINE_LIMIT,
    START,
    LogStore,
    LogUnwritable,
    pieces,
    platform_line,
    say,
)
from paas.model.log import LogLine
from tests.full_disk import full_disk

SECOND = 1_000_000_000
WRITER = """
import sys
from pathlib import Path
from paas.logs.store import LogStore
from paas.model.log import LogLine

store, me = LogStore(Path(sys.argv[1]), 1), sys.argv[2]
print("ready", flush=True)
for number in range(int(sys.argv[3])):
    store.append("shop", [LogLine(number, "app", me, f"{number} " + "x" * 500, me)])
"""


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path / "logs", limit_mb=1)


def line(text: str, at_ns: int = 1, dyno: str = "web.1", container: str = "c1") -> LogLine:
    return LogLine(at_ns, "app", dyno, text, container)


def begin_writer(folder: Path, name: str, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WRITER, f"{folder}", name, str(count)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert writer.stdout
    with writer.stdout as output:
        output.readline()
    return writer


def follow(store: LogStore, position: str = START) -> list[LogLine]:
    found: list[LogLine] = []
    while True:
        lines, position = store.after("shop", position, limit=7)
        if not lines:
            return found
        found += lines


def test_a_line_comes_back_as_it_went_in(store: LogStore) -> None:
    given = line('\ttabs, \\n, quotes " and é – 🦉 \x1b[31m\r', at_ns=1_234_567_890_123_456_789)

    store.append("shop", [given])

    assert store.tail("shop", 10)[0] == [given]


def test_an_app_that_said_nothing_has_an_empty_log(store: LogStore) -> None:
    assert store.tail("shop", 10) == ([], START)
    assert store.after("shop", START) == ([], START)
    assert store.kept("shop", "c1").since_ns == 0


def test_tail_gives_the_last_lines_by_time_and_where_to_go_on(store: LogStore) -> None:
    store.append("shop", [line("a", 1), line("b", 3), line("c", 2)])

    lines, position = store.tail("shop", 2)
    store.append("shop", [line("d", 4)])

    assert [found.text for found in lines] == ["c", "b"]
    assert [found.text for found in store.after("shop", position)[0]] == ["d"]


@pytest.mark.parametrize(
    ("dyno", "source", "texts"),
    [
        ("web", None, ["one", "two"]),
        ("web.1", None, ["one"]),
        ("web.", None, []),
        ("router", None, ["request"]),
        (None, "heroku", ["request"]),
        ("web", "heroku", []),
    ],
)
def test_a_log_can_be_narrowed_to_a_dyno_or_a_source(
    store: LogStore, dyno: str | None, source: str | None, texts: list[str]
) -> None:
    request = platform_line("router", "request", at=1.0)
    store.append("shop", [line("one"), line("two", dyno="web.2"), line("x", dyno="webhook.1")])
    store.append("shop", [request])

    tail, _ = store.tail("shop", 10, dyno=dyno, source=source)
    after, _ = store.after("shop", START, dyno=dyno, source=source)

    assert [found.text for found in tail] == [found.text for found in after] == texts


def test_what_cannot_be_one_line_is_stored_in_pieces(store: LogStore) -> None:
    long = "é" * LINE_LIMIT

    store.append("shop", [line("two\nlines\n"), line(long), line("\ud800 no character")])

    texts = [found.text for found in store.tail("shop", 10)[0]]
    assert texts == [
        "two",
        "lines",
        long[: LINE_LIMIT // 2],
        long[LINE_LIMIT // 2 :],
        "? no character",
    ]
    assert len(pieces(line(long))) == 2


def test_a_log_is_bounded_and_keeps_the_newest(store: LogStore, tmp_path: Path) -> None:
    store.append("shop", (line(f"{number:06} " + "x" * 1000) for number in range(5000)))

    kept = follow(store)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.log"))
    assert 0.7 * 1024 * 1024 < size <= 1024 * 1024
    assert [int(found.text[:6]) for found in kept] == list(range(5000 - len(kept), 5000))


def test_a_position_that_was_dropped_goes_on_at_the_oldest_line(store: LogStore) -> None:
    store.append("shop", [line("first")])
    _, position = store.tail("shop", 1)
    store.append("shop", (line(f"{number} " + "x" * 1000) for number in range(5000)))

    lines, _ = store.after("shop", position, limit=1)

    assert lines == follow(store)[:1]


@pytest.mark.parametrize("position", ["", "-1", "abc", "9" * 15, "9" * 5000, "٣", "1 "])
def test_a_position_nobody_gave_out_is_the_oldest_line(store: LogStore, position: str) -> None:
    store.append("shop", [line("first"), line("second")])

    lines, _ = store.after("shop", position)

    assert [found.text for found in lines] in (["first", "second"], ["second"])


def test_a_follower_sees_every_line_of_several_writers_once(tmp_path: Path) -> None:
    store = LogStore(tmp_path, limit_mb=1)
    writers = [begin_writer(tmp_path, name, 300) for name in ("web.1", "web.2", "web.3")]

    found: list[LogLine] = []
    position = START
    while any(writer.poll() is None for writer in writers):
        lines, position = store.after("shop", position, limit=50)
        found += lines
    found += follow(store, position)

    assert Counter(found_line.dyno for found_line in found) == {
        "web.1": 300, "web.2": 300, "web.3": 300,
    }  # fmt: skip
    for name in ("web.1", "web.2", "web.3"):
        assert [one.at_ns for one in found if one.dyno == name] == list(range(300))


def test_a_killed_writer_leaves_whole_lines(tmp_path: Path) -> None:
    store = LogStore(tmp_path, limit_mb=1)
    writer = begin_writer(tmp_path, "web.1", 1_000_000)
    while not store.tail("shop", 1)[0]:
        pass
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()

    store.append("shop", [line("after it", dyno="web.2")])

    *before, last = follow(store)
    assert last.text == "after it"
    assert all(one.text == f"{one.at_ns} " + "x" * 500 for one in before)


def test_half_a_line_is_not_shown_and_goes_with_the_next(store: LogStore, tmp_path: Path) -> None:
    store.append("shop", [line("whole")])
    (segment,) = tmp_path.rglob("*.log")
    segment.write_bytes(segment.read_bytes() + b"2\tc1\tapp\tweb.1\thal")

    shown, position = store.after("shop", START)
    store.append("shop", [line("next")])

    assert [found.text for found in shown] == ["whole"]
    assert [found.text for found in store.tail("shop", 9)[0]] == ["whole", "next"]
    assert [found.text for found in store.after("shop", position)[0]] == ["next"]


def test_what_a_power_failure_left_is_passed_over(store: LogStore, tmp_path: Path) -> None:
    store.append("shop", [line("before")])
    (segment,) = tmp_path.rglob("*.log")
    segment.write_bytes(segment.read_bytes() + b"\0\0\0\n\xff\t\t\t\t\n")

    store.append("shop", [line("later")])

    assert [found.text for found in follow(store)] == ["before", "later"]


def test_the_stored_lines_tell_where_to_go_on(store: LogStore) -> None:
    store.append("shop", [line("long ago", at_ns=1)])
    at = 10 * SECOND
    store.append("shop", [line("twice", at), line("twice", at), line("early", at - 5)])
    store.append("shop", [line("\tc1\t is not its name", at + 9 * SECOND, container="c2")])

    kept = store.kept("shop", "c1")

    assert kept.since_ns == at - DISORDER_NS
    assert kept.lines == {(at, "twice"): 2, (at - 5, "early"): 1}


def test_what_was_dropped_does_not_come_back(store: LogStore) -> None:
    store.append("shop", [line("quiet", at_ns=1)])
    store.append("shop", (line("x" * 1000, 100 + at, container="c2") for at in range(5000)))

    kept = store.kept("shop", "c1")

    assert kept.lines == {}
    assert kept.since_ns == follow(store)[0].at_ns


def test_a_removed_log_is_gone_and_may_begin_again(store: LogStore) -> None:
    store.append("shop", [line("old")])

    store.remove("shop")
    store.remove("shop")
    store.append("shop", [line("new")])

    assert [found.text for found in follow(store)] == ["new"]


def test_writers_and_a_removal_do_not_meet(store: LogStore) -> None:
    writer = threading.Thread(
        target=lambda: [store.append("shop", [line(str(number))]) for number in range(30)]
    )
    writer.start()

    while writer.is_alive():
        store.remove("shop")

    store.append("shop", [line("end")])
    assert follow(store)[-1].text == "end"


def test_a_log_that_cannot_be_written_says_what_was_stored(tmp_path: Path) -> None:
    (tmp_path / "apps").write_text("in the way")
    store = LogStore(tmp_path, limit_mb=1)

    with pytest.raises(LogUnwritable) as raised:
        store.append("shop", [line("lost")])
    say(store, "shop", "api", "Release v1 created by ana", now=1.0)

    assert raised.value.stored == 0
    assert "Free the disk" in str(raised.value)


def test_a_full_disk_keeps_whole_lines_and_tells_how_many(store: LogStore) -> None:
    lines = [line(f"{number:03} " + "x" * 900) for number in range(100)]

    with full_disk(64 * 1024), pytest.raises(LogUnwritable) as raised:
        store.append("shop", lines)

    kept = follow(store)
    assert 0 < raised.value.stored == len(kept) < 100
    store.append("shop", lines[raised.value.stored :])
    assert follow(store) == lines


def test_the_platform_says_a_line_in_herokus_form(store: LogStore) -> None:
    say(store, "shop", "web.1", "State changed from starting to up", now=1284649606.67702)

    (said,) = store.tail("shop", 1)[0]
    assert said.render() == (
        "2010-09-16T15:06:46.677020+00:00 heroku[web.1]: State changed from starting to up"
    )


def test_an_output_is_read_as_it_grows(store: LogStore) -> None:
    store.write_output("b1", "-----> Building\n")
    first, offset = store.read_output("b1", 0)
    store.write_output("b1", "       half a")

    second, offset = store.read_output("b1", offset)

    assert (first, second) == (b"-----> Building\n", b"       half a")
    assert store.read_output("b1", offset) == (b"", offset)
    assert store.read_output("b2", 0) == (b"", 0)


def test_of_a_long_output_both_ends_are_kept(store: LogStore, tmp_path: Path) -> None:
    for number in range(30):
        store.write_output("b1", f"<{number}>" + "x" * 1_000_000)

    shown, offset = b"", 0
    while True:
        part, offset = store.read_output("b1", offset)
        if not part:
            break
        shown += part
    assert shown.startswith(b"<0>") and b"<29>" in shown
    assert shown.count(b"bytes are left out here") == 1
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.log")) <= 10 * 1024 * 1024


def test_a_removed_output_is_gone(store: LogStore) -> None:
    store.write_output("b1", "x")

    store.remove_output("b1")

    assert store.read_output("b1", 0) == (b"", 0)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "a\n"])
def test_a_name_that_is_no_folder_is_refused(store: LogStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a log's name"):
        store.write_output(name, "x")
