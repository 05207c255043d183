import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paas.builds.secret_mounts import rewrite

IDS = {"TOKEN": "TOKEN.abc", "OTHER": "OTHER.def"}


@pytest.mark.parametrize(
    ("mount", "new"),
    [
        ("type=secret,id=TOKEN", "type=secret,id=TOKEN.abc,target=/run/secrets/TOKEN"),
        ("id=TOKEN,type=secret,required", "type=secret,required,id=TOKEN.abc,target=/run/secrets/TOKEN"),
        ("type=secret,id=TOKEN,target=/x,mode=0444", "type=secret,target=/x,mode=0444,id=TOKEN.abc"),
        ("type=secret,id=TOKEN,dst=/x", "type=secret,dst=/x,id=TOKEN.abc"),
        ("type=secret,target=/x/OTHER", "type=secret,target=/x/OTHER,id=OTHER.def"),
        ("type=secret,id=TOKEN,env=T", "type=secret,env=T,id=TOKEN.abc"),
        ("type=secret,source=TOKEN", "type=secret,id=TOKEN.abc,target=/run/secrets/TOKEN"),
        ("type=SECRET,target=/x/OTHER/", "type=SECRET,target=/x/OTHER/,id=OTHER.def"),
        ('type=secret,"id=TOKEN"', "type=secret,id=TOKEN.abc,target=/run/secrets/TOKEN"),
        ('"type=secret,id=TOKEN"', "type=secret,id=TOKEN.abc,target=/run/secrets/TOKEN"),
        ("type=secret,id='TOKEN',required", "type=secret,required,id=TOKEN.abc,target=/run/secrets/TOKEN"),
        ("type=secret,id=TOK\\EN,target=/x", "type=secret,target=/x,id=TOKEN.abc"),
        ("'type=secret,\"id=TOKEN\",\"target=/a,b c\"'", 'type=secret,\\"target=/a,b\\ c\\",id=TOKEN.abc'),
    ],
)  # fmt: skip
def test_a_secret_that_is_given_is_asked_for_by_its_digest(mount: str, new: str) -> None:
    done = rewrite(f"FROM x\nRUN --mount={mount} y\n", IDS)

    assert done.text == f"FROM x\nRUN --mount={new} y\n"
    assert done.shown(f"[2/2] RUN --mount={new} y") == f"[2/2] RUN --mount={mount} y"


@pytest.mark.parametrize(
    "run",
    [
        "RUN\t{} y",
        "RUN \t --network=none\t{} y",
        "  run {} y",
        "ONBUILD RUN {} y",
        "ONBUILD\trun --network=none {} y",
        "RUN \\\n# a remark\n  # another\n  {} \\\n\n  y",
        "RUN --network=none \\\n  # --mount=type=cache,target=/x\n  {} y",
        'RUN --security="sandbox" {} y',
    ],
)
def test_a_secret_is_given_wherever_buildkit_finds_its_mount(run: str) -> None:
    old = "--mount=type=secret,id=TOKEN,target=/x"

    done = rewrite(f"FROM x\n{run.format(old)}\n", IDS)

    assert done.text == f"FROM x\n{run.format('--mount=type=secret,target=/x,id=TOKEN.abc')}\n"
    assert done.asked == {"TOKEN"}
    assert done.shown(done.text) == f"FROM x\n{run.format(old)}\n"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("RUN\t--MOUNT=TYPE=SECRET,ID=TOKEN.ABC x", "RUN\t--MOUNT=TYPE=SECRET,ID=TOKEN x"),
        ('RUN --mount=type=secret,"target=/a b",id=TOKEN.abc', 'RUN --mount=type=secret,"target=/a b",id=TOKEN'),
        ("  TOKEN.abc", "  TOKEN.abc"),
    ],
)  # fmt: skip
def test_no_id_of_ours_is_shown_however_buildkit_repeats_a_mount(said: str, shown: str) -> None:
    assert rewrite("FROM x\n", IDS).shown(said) == shown


def test_a_mount_without_an_equals_sign_has_its_fields_in_the_next_word() -> None:
    done = rewrite("FROM x\nRUN --network none --mount type=secret,id=TOKEN,env=T y\n", IDS)

    assert done.text == ("FROM x\nRUN --network none --mount=type=secret,env=T,id=TOKEN.abc y\n")


def test_a_mount_that_goes_on_in_the_next_line_is_found() -> None:
    done = rewrite("FROM x\nRUN --mount=type=secret,\\\n# a remark\nid=TOKEN,env=T y\n", IDS)

    assert done.text == ("FROM x\nRUN --mount=type=secret,env=T,id=TOKEN.abc\\\n# a remark\n y\n")


@pytest.mark.parametrize(
    "mount",
    [
        "--mount=type=secret,id=$NAME",
        "--mount=type=secret,target=/run/${NAME}",
        "--mount=type=$KIND,id=TOKEN",
    ],
)
def test_a_secret_that_a_variable_names_is_told_with_its_line(mount: str) -> None:
    done = rewrite(f"FROM x\nRUN \\\n{mount} y\n", IDS)

    assert done.unclear == {mount: 2}
    assert (done.asked, done.was) == (frozenset(), {})


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=type=secret,id=UNKNOWN x",
        "RUN -- --mount=type=secret,id=TOKEN x",
        "RUN '--mount=type=secret,id=TOKEN' x",
        "RUN x \\\n  --mount=type=secret,id=TOKEN",
        "RUNNING --mount=type=secret,id=TOKEN x",
        "RUN --mount=type=secret,'\"id=TOKEN' x",
        "RUN --mount=type=cache,id=$X,target=/x y",
        "RUN --mount= --mount",
        "RUN --mount=type=cache,id=TOKEN,target=/x y",
        "RUN docker run --mount=type=secret,id=TOKEN x",
        "COPY --mount=type=secret,id=TOKEN x",
        "# RUN --mount=type=secret,id=TOKEN x",
        "RUN cat <<EOF\nRUN --mount=type=secret,id=TOKEN x\nEOF",
    ],
)
def test_anything_else_stays_as_it_is(line: str) -> None:
    done = rewrite(f"FROM x\n{line}\n", IDS)

    assert (done.text, done.was, done.unclear) == (f"FROM x\n{line}\n", {}, {})


@pytest.mark.parametrize("line", ["RUN --mount=type=secret,id=TOKEN \\", "--mount='", "\\'a"])
def test_a_long_file_is_read_quickly(line: str) -> None:
    text = "RUN \\\n" + "\n".join([line.rstrip("\\") + "\\"] * 30_000)
    begun = time.monotonic()

    rewrite(text, IDS)

    assert time.monotonic() - begun < 5


@given(st.text(alphabet="RUN --mount=type=secret,id=TOKEN \\\n\r\"'#$`\t", max_size=200))
def test_nothing_makes_it_fail_and_no_line_moves(text: str) -> None:
    done = rewrite(f"FROM x\nRUN --mount=type=secret,id=TOKEN,{text}", IDS)

    assert done.text.count("\n") == text.count("\n") + 1


def test_lines_stay_where_they_are_and_several_mounts_are_seen() -> None:
    text = (
        "FROM x\r\nrun --network=none \\\r\n  --mount=type=secret,id=TOKEN \\\r\n"
        "  --mount=type=secret,id=UNNAMED --mount=type=secret,id=OTHER,target=/o \\\r\n  a && \\\r\n  b\r\nCMD c"
    )

    done = rewrite(text, IDS)

    assert done.asked == {"TOKEN", "OTHER", "UNNAMED"}
    assert "id=TOKEN.abc" in done.text.split("\n")[2]
    assert "id=OTHER.def" in done.text.split("\n")[3]
    assert "id=UNNAMED " in done.text
    assert done.text.count("\n") == text.count("\n")
    assert done.shown(done.text) == text
