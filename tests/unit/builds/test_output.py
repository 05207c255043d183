"""What of a build's output is shown."""

from hypothesis import given
from hypothesis import strategies as st

from paas.builds.output import OUTPUT_LIMIT, TAIL_LIMIT, Output


def shown(*chunks: bytes, config: tuple[str, ...] = (), indent: str = "") -> str:
    reported: list[str] = []
    output = Output(reported.append, config)
    for chunk in chunks:
        output.feed(chunk, indent)
    output.end(indent)
    return "".join(reported)


def test_titles_and_lines_have_herokus_form() -> None:
    reported: list[str] = []
    output = Output(reported.append)

    output.title("Build succeeded")
    output.line("a line")
    output.complain("a mistake")

    assert reported == ["-----> Build succeeded\n", "       a line\n", " !     a mistake\n"]


def test_lines_are_shown_whole_however_they_come() -> None:
    assert shown(b"on", b"e\ntw", b"o\nthree") == "one\ntwo\nthree\n"


def test_a_progress_bar_is_shown_as_it_was_left() -> None:
    assert shown(b" 10%\r 50%\r100%\r\n") == "100%\n"


def test_colours_pass_and_what_moves_the_cursor_does_not() -> None:
    assert shown(b"\x1b[31mred\x1b[0m \x1b[2Jclear \x1b]0;title\x07 \x00\x08x\n") == (
        "\x1b[31mred\x1b[0m [2Jclear ]0;title x\n"
    )


def test_config_values_never_appear() -> None:
    config = ("hunter2hunter2", "short", "line one\nline two is here\n", "a.b*c(d")

    text = shown(
        b"hunter2hunter2 short\nhunter2",
        b"hunter2!\nline two is here\na.b*c(d aXbc\n",
        config=config,
    )

    assert text == "[REDACTED] short\n[REDACTED]!\n[REDACTED]\n[REDACTED] aXbc\n"


def test_what_no_terminal_shows_does_not_hide_a_value() -> None:
    text = shown(
        b"hun\x00ter2\x07hunter2\n", b"a\x01bcdefg\n", config=("hunter2hunter2", "a\x01bcdefg")
    )

    assert text == "[REDACTED]\n[REDACTED]\n"


def test_a_value_within_another_is_hidden_with_it() -> None:
    assert (
        shown(b"prefix-secret-suffix\n", config=("secret", "prefix-secret-suffix"))
        == "[REDACTED]\n"
    )


def test_a_flood_is_shown_at_its_beginning_and_its_end() -> None:
    line = b"x" * 99 + b"\n"
    lines = 2 * OUTPUT_LIMIT // len(line)

    text = shown(
        *[line * 1000 for _ in range(lines // 1000)], b"hunter2 the error\n", config=("hunter2",)
    )

    assert text.endswith("\n[REDACTED] the error\n")
    assert "lines are left out here]" in text
    assert OUTPUT_LIMIT < len(text) < OUTPUT_LIMIT + TAIL_LIMIT + 200


def test_a_line_without_an_end_is_cut() -> None:
    assert len(shown(*[b"x" * 50_000 for _ in range(100)])) < 5_200_000


def test_a_cut_shows_no_half_of_a_secret() -> None:
    for before in range(65_520, 65_540):
        text = shown(b"x" * before + b"SUPERSECRET", b"VALUE123 and the rest", b" of it\nnext\n",
                     config=("SUPERSECRETVALUE123",))  # fmt: skip

        assert "SUPER" not in text and "VALUE" not in text
        assert text.endswith("x [cut]\nnext\n")


@given(st.lists(st.binary(max_size=40)), st.text(min_size=6, max_size=12, alphabet="abcé"))
def test_no_split_of_the_output_shows_a_secret(chunks: list[bytes], secret: str) -> None:
    data = b"".join(chunks)
    mixed = data + secret.encode() + data

    for size in (1, 3, 1000):
        text = shown(
            *[mixed[at : at + size] for at in range(0, len(mixed), size)], config=(secret,)
        )
        assert secret not in text
