"""BuildKit's own words, and what is shown of them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from paas.engine.buildkit import ImageBuild, Progress, Recipe, docker_program

FAILED_STEP = """\
#1 [internal] load build definition from Dockerfile
#1 sha256:a3872c2ff83430659bfb23a047bc0cc01ff0d3ca9d1a9f534a540c813270df88
#1 transferring dockerfile: 98B done
#1 DONE 0.0s

#5 [1/3] FROM docker.io/library/python:3.12
#5 sha256:0f1e 10.49MB / 49.55MB 0.3s
#5 extracting sha256:0f1e
#5 CACHED

#4 [2/3] RUN make && ./x
#4 sha256:347da9e02c4a07c4112b18c65dc9825172301eb27233ee5024b080273e78abb0
#4 0.127 compiling
#4 0.130 #7 fake
#4 ...

#6 [3/3] COPY . .
#6 DONE 0.1s

#4 [2/3] RUN make && ./x
#4 9.127 [output clipped, log limit 200KiB/s reached]
#4 ERROR: executor failed running [/bin/sh -c make && ./x]: exit code: 137
------
 > [2/3] RUN make && ./x:
#4 0.127 compiling
------
executor failed running [/bin/sh -c make && ./x]: exit code: 137
"""
NEWER = """\
#6 [2/2] RUN false
#6 0.191 oh
#6 ERROR: process "/bin/sh -c false" did not complete successfully: exit code: 1
------
 > [2/2] RUN false:
0.191 oh
------
Dockerfile:2
--------------------
   2 | >>> RUN false
--------------------
ERROR: failed to build: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1
"""


def read(text: str) -> tuple[list[str], str]:
    progress = Progress()
    shown = [line for given in text.splitlines() for line in progress.read(given)]
    return shown, progress.reason


def test_steps_and_what_they_print_are_shown_and_nothing_else() -> None:
    shown, reason = read(FAILED_STEP)

    assert shown == [
        "[1/3] FROM docker.io/library/python:3.12",
        "  (from the cache)",
        "[2/3] RUN make && ./x",
        "  compiling",
        "  #7 fake",
        "[3/3] COPY . .",
        "[2/3] RUN make && ./x",
        "  [the engine cut this step's output here: log limit 200KiB/s reached]",
        "  ERROR: executor failed running [/bin/sh -c make && ./x]: exit code: 137",
    ]
    assert (
        reason
        == "[2/3] RUN make && ./x failed with exit code 137 (killed, perhaps for want of memory)"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (NEWER, "[2/2] RUN false failed with exit code 1"),
        (
            "#3 [internal] load metadata for no.such/x:1\n#3 ERROR: no such host\nERROR: failed to solve: no such host",
            "the base image no.such/x:1 could not be had: no such host",
        ),
        (
            "failed to solve with frontend dockerfile.v0: failed to create LLB definition: "
            "dockerfile parse error line 1: unknown instruction: FRM",
            "dockerfile parse error line 1: unknown instruction: FRM",
        ),
        (
            '#6 [2/2] COPY a /x\n#6 ERROR: "/a" not found: not found\n',
            '[2/2] COPY a /x: "/a" not found: not found',
        ),
        ("", "the docker program failed"),
    ],
)
def test_the_reason_is_one_line_that_names_the_step(text: str, reason: str) -> None:
    assert read(text)[1] == reason


@pytest.mark.docker
def test_the_docker_program_that_is_chosen_drives_buildkit() -> None:
    said = subprocess.run([docker_program(), "build", "--help"], capture_output=True, text=True,
                          env={"DOCKER_BUILDKIT": "1", "PATH": "/usr/bin:/bin"}, check=True)  # fmt: skip

    assert "--iidfile" in said.stdout


def hostile_tree(folder: Path, mark: Path) -> Path:
    """A repository; git that looks at it runs what its configuration names."""
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    subprocess.run(
        ["git", "-C", folder, "config", "core.fsmonitor", f"touch {mark}; false"], check=True
    )
    return folder


def test_the_docker_program_starts_no_other_whatever_the_tree_and_the_arguments_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a client with a plug-in that asks git about the tree, as buildx does
    mark = tmp_path / "mark"
    tree = hostile_tree(tmp_path / "tree", mark)
    program = tmp_path / "bin/docker"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$1" = buildx ] && exit 0\nexport -p > "$HOME/environment"\n'
        f"git -C {tree} status\n{shutil.which('git')} -C {tree} status\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    subprocess.run(["git", "-C", tree, "status"], check=True, capture_output=True)
    assert mark.exists()
    mark.unlink()

    # when it builds it
    building = ImageBuild(
        Recipe(
            context=tree, dockerfile=tree / "Dockerfile", engine_url="unix:///nowhere", tag="x", labels={},
            scratch=tmp_path, args={"PATH": os.environ["PATH"], "GIT_DIR": ".git", "BUILDX_GIT_INFO": "1"},
        )
    )  # fmt: skip
    list(building.lines())

    # then nothing of the tree has run, neither by a search for git nor by its path
    assert not mark.exists()
    told = (tmp_path / "environment").read_text()
    assert re.search(r"BUILDX_GIT_INFO=\W?false", told)
    assert re.search(r"BUILDX_GIT_LABELS=\W?false", told)
