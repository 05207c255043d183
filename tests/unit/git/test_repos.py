import time
from pathlib import Path

import pytest

from paas.git.repos import GitFailed, Repo, finished
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


def test_trees_that_name_each_other_are_not_listed_to_their_end(tmp_path: Path) -> None:
    finished(["init", "--quiet", "--bare", str(tmp_path)], 10)
    blob = finished(["hash-object", "-w", "--stdin"], 10, cwd=tmp_path).decode().strip()
    below = f"100644 blob {blob}"
    for _ in range(8):  # ten to the eighth files in eight trees
        lines = "".join(f"{below}\t{number}\n" for number in range(10))
        tree = finished(["mktree"], 10, lines.encode(), cwd=tmp_path).decode().strip()
        below = f"040000 tree {tree}"
    begun = time.monotonic()

    listed = Repo(tmp_path).entries(tree, 1000)

    assert 1000 < len(listed) < 20_000
    assert listed[0].path == "0/0/0/0/0/0/0/0"
    assert time.monotonic() - begun < 10


def test_a_tree_is_listed_whole(tmp_path: Path) -> None:
    finished(["init", "--quiet", "--bare", str(tmp_path)], 10)
    blob = finished(["hash-object", "-w", "--stdin"], 10, b"four", cwd=tmp_path).decode().strip()
    tree = finished(["mktree"], 10, f"100644 blob {blob}\ta b\n".encode(), cwd=tmp_path)

    (entry,) = Repo(tmp_path).entries(tree.decode().strip(), 1000)

    assert (entry.path, entry.size, entry.mode, entry.object_id) == ("a b", 4, "100644", blob)
