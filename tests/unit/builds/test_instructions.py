import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paas.builds.instructions import read_dockerfile

WHOLE = """\
# syntax=docker/dockerfile:1
# escape=\\

# a remark
FROM --platform=linux/amd64 debian:12 AS Build
ARG A B=2
run echo one && \\
    # a remark between

    echo two
COPY <<one <<-"two" /x/
run this is no step
one
\ttext
\ttwo
FROM build
WORKDIR /x
FROM scratch AS last
ADD a b
"""


def test_instructions_have_their_lines() -> None:
    read = read_dockerfile(WHOLE)

    assert [(each.keyword, each.line, each.last_line) for each in read.instructions] == [
        ("FROM", 5, 5), ("ARG", 6, 6), ("RUN", 7, 10), ("COPY", 11, 11), ("FROM", 16, 16),
        ("WORKDIR", 17, 17), ("FROM", 18, 18), ("ADD", 19, 19),
    ]  # fmt: skip
    assert read.instructions[2].text.split() == ["echo", "one", "&&", "echo", "two"]
    assert read.instructions[3].heredocs == ("one", "two")
    assert (read.frontend, read.frontend_line) == ("docker/dockerfile:1", 1)
    assert read.args == {"A", "B"}


def test_a_tab_is_as_good_as_a_space() -> None:
    read = read_dockerfile("FROM\tx\tas\ta\n\tRUN\tb\n")

    assert [(each.keyword, each.text) for each in read.instructions] == [
        ("FROM", "x\tas\ta"),
        ("RUN", "b"),
    ]
    assert read.stages[0].name == "a"


def test_stages_have_their_steps() -> None:
    stages = read_dockerfile(WHOLE).stages

    assert [
        (stage.name, stage.is_of_image, [step.keyword for step in stage.steps]) for stage in stages
    ] == [("Build", True, ["RUN", "COPY"]), ("1", False, ["WORKDIR"]), ("last", False, ["ADD"])]


@pytest.mark.parametrize(
    "text",
    [
        "RUN echo $((1<<2))\n",
        "RUN echo <<<word\n",
        "RUN echo 1 << 2\n",
        "RUN bash -c 'cat <<EOF'\n",
        "ENV X=<<EOF\n",
        'CMD ["<<EOF"]\n',
    ],
)
def test_what_only_looks_like_a_heredoc_is_none(text: str) -> None:
    assert [each.heredocs for each in read_dockerfile(text).instructions] == [()]


@pytest.mark.parametrize(
    "text", ["RUN <<EOF\n", "RUN cat <<EOF >/x\n", "COPY <<'EOF' /x\n", "RUN 3<<EOF; x\n"]
)
def test_a_heredoc_is_seen_wherever_it_stands(text: str) -> None:
    assert [each.heredocs for each in read_dockerfile(text).instructions] == [("EOF",)]


def test_another_escape_and_line_ends_of_windows() -> None:
    read = read_dockerfile("# escape=`\r\nFROM x\r\nRUN a `\r\n b\\\r\nCMD c\r\n")

    assert [(each.keyword, each.line) for each in read.instructions] == [
        ("FROM", 2), ("RUN", 3), ("CMD", 5),
    ]  # fmt: skip


def test_a_tab_ends_a_keyword() -> None:
    read = read_dockerfile("FROM\tx\tAS one\nARG\tREV=1\nRUN\techo\n")

    assert [each.keyword for each in read.instructions] == ["FROM", "ARG", "RUN"]
    assert read.args == {"REV"}
    assert [(stage.name, len(stage.steps)) for stage in read.stages] == [("one", 1)]


def test_a_syntax_line_behind_an_instruction_is_a_remark() -> None:
    assert read_dockerfile("FROM x\n# syntax=docker/dockerfile:1\n").frontend is None


@pytest.mark.parametrize("line", ["RUN <<EOF", "FROM x AS a{}", "RUN a \\", "#", "\\"])
def test_a_file_of_many_lines_is_read_quickly(line: str) -> None:
    text = "\n".join(line.format(number) for number in range(60_000))
    begun = time.monotonic()

    read_dockerfile(text)

    assert time.monotonic() - begun < 5


@given(st.text(alphabet="RUNFOMA \\\n\r<-E\"'#=`\t", max_size=200))
def test_nothing_makes_it_fail(text: str) -> None:
    for each in read_dockerfile(text).instructions:
        assert 1 <= each.line <= each.last_line <= text.count("\n") + 1
