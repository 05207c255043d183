import pytest
from hypothesis import given
from hypothesis import strategies as st

from paas.git.packets import Changes, Command, NotGits, begins, packet, side_band

ONE, TWO = "1" * 40, "2" * 40


def push(*lines: str) -> bytes:
    return b"".join(packet(line.encode()) for line in lines) + b"0000"


def test_what_a_push_asks_for_is_read_and_what_follows_is_left() -> None:
    start = push(f"{ONE} {TWO} refs/heads/main\0 report-status side-band-64k agent=git/2.39.5")

    asked = Changes.read(start + b"PACK...")

    assert asked is not None
    assert asked.commands == (Command(ONE, TWO, "refs/heads/main"),)
    assert asked.has_side_band


def test_a_shallow_push_says_so_before() -> None:
    asked = Changes.read(push(f"shallow {ONE}", f"{ONE} {TWO} refs/heads/main\0report-status\n"))

    assert asked is not None
    assert [command.ref for command in asked.commands] == ["refs/heads/main"]


def test_who_only_asks_whether_they_may_push_asks_for_nothing() -> None:
    asked = Changes.read(b"0000")

    assert asked is not None and asked.commands == ()


def test_what_has_not_come_yet_is_waited_for() -> None:
    start = push(f"{ONE} {TWO} refs/heads/main\0report-status", f"{ONE} {TWO} refs/tags/v1")

    assert [Changes.read(start[:size]) for size in range(len(start))] == [None] * len(start)


@pytest.mark.parametrize(
    "start",
    [b"garbage", b"0004", b"0001", b"fff1", b"-001", b"+0ff", b"00 1", push("no command"), push("1 2 refs/heads/main")],
)  # fmt: skip
def test_what_is_no_push_is_refused(start: bytes) -> None:
    with pytest.raises(NotGits):
        Changes.read(start)


@given(st.binary())
def test_whatever_comes_it_is_a_push_or_not_or_not_yet(start: bytes) -> None:
    for read in (Changes.read, begins):
        try:
            read(start)
        except NotGits as error:
            assert str(error).count("\n") == 0


def test_the_result_says_of_each_ref_what_became_of_it() -> None:
    lines = [f"{ONE} {TWO} refs/heads/main\0report-status", f"{ONE} {TWO} refs/tags/v1"]
    plain, beside = (
        Changes.read(push(lines[0] + more, lines[1])) for more in ("", " side-band-64k")
    )
    assert plain is not None and beside is not None

    said = plain.result({"refs/tags/v1": "not now"})

    assert said == b"000eunpack ok\n0017ok refs/heads/main\n001cng refs/tags/v1 not now\n0000"
    assert beside.result({"refs/tags/v1": "not now"}) == side_band(b"\1", said) + b"0000"


def test_a_long_word_is_said_in_parts_that_git_can_read() -> None:
    said = side_band(b"\2", b"x" * 200_000)

    sizes, at = [], 0
    while at < len(said):
        size = int(said[at : at + 4], 16)
        assert said[at + 4 : at + 5] == b"\2"
        sizes.append(size)
        at += size
    assert max(sizes) <= 65520 and sum(sizes) == 200_000 + 5 * len(sizes)
