import time
from pathlib import Path

import pytest

from paas.git.repos import GitFailed, finished
from tests.eventually import eventually


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_git_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    slow = f"!echo $$ > {note}; sleep 100"
    begun = time.monotonic()

    with pytest.raises(GitFailed, match="longer than 1 s"):
        finished(["-c", f"alias.slow={slow}", "slow"], 1.0)

    assert time.monotonic() - begun < 10
    eventually(lambda: not is_alive(int(note.read_text())))


def test_what_git_says_is_in_the_error() -> None:
    with pytest.raises(GitFailed, match="nosuch"):
        finished(["nosuch"], 10)
