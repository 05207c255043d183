import pytest

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
    ],
)  # fmt: skip
def test_a_secret_that_is_given_is_asked_for_by_its_digest(mount: str, new: str) -> None:
    done = rewrite(f"FROM x\nRUN --mount={mount} y\n", IDS)

    assert done.text == f"FROM x\nRUN --mount={new} y\n"
    assert done.shown(f"[2/2] RUN --mount={new} y") == f"[2/2] RUN --mount={mount} y"


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=type=secret,id=UNKNOWN x",
        "RUN --mount=type=cache,id=TOKEN,target=/x y",
        "RUN docker run --mount=type=secret,id=TOKEN x",
        "COPY --mount=type=secret,id=TOKEN x",
        "# RUN --mount=type=secret,id=TOKEN x",
        "RUN cat <<EOF\nRUN --mount=type=secret,id=TOKEN x\nEOF",
    ],
)
def test_anything_else_stays_as_it_is(line: str) -> None:
    assert rewrite(f"FROM x\n{line}\n", IDS).text == f"FROM x\n{line}\n"


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
