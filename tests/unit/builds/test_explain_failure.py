import pytest

from paas.builds.explain_failure import Attempt, explain
from paas.builds.instructions import read_dockerfile
from tests.apps.workshop import APPS

OLD = "20.10.24+dfsg1"
PARSE = "dockerfile parse error line"
MULTI = """\
FROM x AS build
RUN a
FROM scratch AS bare
COPY a b
FROM build
ENV A=b
RUN c
ADD d e
"""


def explained(reason: str, text: str, docker: str = OLD, target: str | None = "web") -> str:
    return explain(
        reason, Attempt("deploy/Dockerfile", read_dockerfile(text), target, docker, 4096)
    )


def test_a_heredoc_is_named_with_its_line_and_the_version_it_needs() -> None:
    text = (APPS / "dockerfile-heredoc/Dockerfile").read_text()

    said = explained(f"{PARSE} 3: unknown instruction: ECHO", text)

    assert said.startswith(
        "deploy/Dockerfile, line 2: a heredoc (<<EOF) needs Docker 23, and this engine is 20.10.24+dfsg1."
    )


def test_a_newer_engine_has_another_trouble_with_it() -> None:
    text = (APPS / "dockerfile-heredoc/Dockerfile").read_text()

    said = explained(f"{PARSE} 6: unknown instruction: CDM", text, docker="26.1.5")

    assert said == "deploy/Dockerfile, line 6: unknown instruction: CDM"


@pytest.mark.parametrize(
    ("reason", "text", "said"),
    [
        ("target stage web could not be found", "FROM x AS a\nFROM y AS B\nFROM z",
         "deploy/Dockerfile has no stage web (build setting target); it has: a, B"),
        ('target stage "web" could not be found', "FROM x",
         "deploy/Dockerfile has no stage web (build setting target); none of its stages has a name"),
        (f"{PARSE} 2: Unknown flag: link", "FROM x\nCOPY --link a b",
         "deploy/Dockerfile, line 2: this engine (Docker 20.10.24+dfsg1) does not know --link here"),
        (f"{PARSE} 2: unexpected key 'env' in 'env=B'", "FROM x\nRUN --mount=type=secret,id=A,env=B x",
         "deploy/Dockerfile, line 2: this engine (Docker 20.10.24+dfsg1) does not know env= in --mount here"),
        (f"{PARSE} 1: unknown instruction: FRM", "FRM x", "deploy/Dockerfile, line 1: unknown instruction: FRM"),
        ("resolve image config for docker.io/docker/dockerfile:1: no such host", "#syntax=docker/dockerfile:1\nFROM x",
         "deploy/Dockerfile, line 1: the image docker/dockerfile:1 that its '# syntax=' names could not be had."),
        ("[2/2] RUN --mount=type=secret,id=K,required x: secret K not found: not found",
         "FROM x\nRUN --mount=type=secret,id=K,required x",
         "deploy/Dockerfile, line 2: [2/2] RUN --mount=type=secret,id=K,required x: it requires the secret K, which "
         "the app does not give: paas builds:config secrets=K"),
        ("something new", "FROM x", "something new"),
    ],
)  # fmt: skip
def test_what_is_known_to_go_wrong_is_told_with_the_way_out(
    reason: str, text: str, said: str
) -> None:
    assert explained(reason, text).startswith(said)
    assert "\n" not in explained(reason, text)


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("[build 2/2] RUN a", 2),
        ("[bare 1/1] COPY a b", 4),
        ("[stage-2 1/2] RUN c", 7),
        ("[stage-2 2/2] ADD d e", 8),
        ("[stage-2 2/3] RUN c", None),  # somebody counts otherwise: an ONBUILD of the base image
        ("[stage-2 2/2] RUN c", None),
        ("[other 2/2] RUN a", None),
    ],
)
def test_a_failed_step_is_named_with_its_line_or_without(step: str, line: int | None) -> None:
    reason = f"{step} failed with exit code 7"

    said = explained(reason, MULTI)

    assert said == (reason if line is None else f"deploy/Dockerfile, line {line}: {reason}")


def test_what_was_killed_is_told_the_limit() -> None:
    said = explained(
        "[2/2] RUN a failed with exit code 137 (killed, perhaps for want of memory)",
        "FROM x\nRUN a",
    )

    assert "memory: all Dockerfile builds together may have 4096 MB" in said


def test_a_single_stage_has_no_name_in_its_steps() -> None:
    text = "FROM x\n" + "RUN a\n" * 11

    said = explained("[ 3/12] RUN a failed with exit code 7", text)

    assert said.startswith("deploy/Dockerfile, line 3: ")
