"""The engine's stream of a log, cut anywhere, becomes the same lines."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from paas.engine.engine import RawLine
from paas.engine.log_lines import PIECE, LogLines

AT = "2026-11-21T08:24:53.12345678{}Z "
AT_NS = 1_795_249_493_123_456_780


def frame(text: bytes, last_digit: int = 0, kind: int = 1) -> bytes:
    content = AT.format(last_digit).encode() + text
    return bytes([kind, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


def read(data: bytes, *, has_terminal: bool = False) -> list[RawLine]:
    lines = LogLines(has_terminal=has_terminal)
    return [*lines.feed(data), *lines.finish()]


def test_a_line_has_the_nanosecond_in_which_it_was_printed() -> None:
    assert read(frame(b"hello\n", 9)) == [RawLine(AT_NS + 9, "hello")]


def test_an_empty_line_is_a_line() -> None:
    assert [line.text for line in read(frame(b"\n") + frame(b"a\n", 1))] == ["", "a"]


def test_the_parts_of_a_long_line_are_joined_though_the_other_stream_comes_between() -> None:
    stream = frame(b"one ") + frame(b"err\n", 1, kind=2) + frame(b"line\n")

    assert [line.text for line in read(stream)] == ["err", "one line"]


def test_a_line_that_nothing_ended_is_told_before_the_next_of_its_stream() -> None:
    assert [line.text for line in read(frame(b"cut off") + frame(b"again\n", 1))] == [
        "cut off",
        "again",
    ]


def test_pieces_of_a_long_line_are_a_nanosecond_apart() -> None:
    assert read(frame(b"x" * (2 * PIECE + 1) + b"\n")) == [
        RawLine(AT_NS, "x" * PIECE),
        RawLine(AT_NS + 1, "x" * PIECE),
        RawLine(AT_NS + 2, "x"),
    ]


def test_a_line_of_exactly_one_piece_is_one() -> None:
    assert [len(line.text) for line in read(frame(b"x" * PIECE + b"\n"))] == [PIECE]


def test_no_character_is_cut_in_two() -> None:
    told = read(frame(("x" + "🚀" * 3_000 + "\n").encode()))

    assert "".join(line.text for line in told) == "x" + "🚀" * 3_000
    assert all(len(line.text.encode()) <= PIECE for line in told)


def test_the_log_of_a_terminal_is_plain_text() -> None:
    stream = (AT.format(1) + "one\r\n" + AT.format(2) + "two\r\n").encode()

    assert read(stream, has_terminal=True) == [RawLine(AT_NS + 1, "one"), RawLine(AT_NS + 2, "two")]


def test_what_has_no_time_is_left_out() -> None:
    content = b"no time at all\n"

    assert read(b"\1\0\0\0" + len(content).to_bytes(4, "big") + content) == []


@given(
    printed=some.lists(
        some.binary(max_size=60).map(lambda text: text.replace(b"\n", b"")), max_size=8
    ),
    cuts=some.lists(some.integers(0, 600), max_size=12),
)
def test_it_does_not_matter_where_the_stream_is_cut(printed: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame(text + b"\n", number) for number, text in enumerate(printed))
    bounds = [0, *sorted(cuts), len(stream)]
    lines = LogLines(has_terminal=False)

    told = [line for a, b in pairwise(bounds) for line in lines.feed(stream[a:b])]

    assert [*told, *lines.finish()] == read(stream)
    assert len(told) == len(printed)
