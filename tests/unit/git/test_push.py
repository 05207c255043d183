"""A push through the real door and hook, with real git."""

import io
import os
import signal
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.alone  # its processes take their time


def test_a_push_is_built_and_moves_the_branch_when_its_release_is_live(
    alice: Any, api: Any
) -> None:
    commit = alice.commit()

    push = alice.push()

    assert push.accepted
    assert "remote: -----> Building" in push.output
    assert "paas builds:cancel -a shop" in push.output
    assert alice.stored("main") == commit
    assert api.builds[0]["commit"] == commit


def test_the_source_is_the_whole_tree_whatever_its_attributes_say(alice: Any, api: Any) -> None:
    alice.commit(**{
        ".gitattributes": "Dockerfile export-ignore\nversion export-subst\nsub export-ignore\n",
        "Dockerfile": "FROM x\n", "version": "$Format:%H$\n", "sub__.gitattributes": "* export-ignore\n",
    })  # fmt: skip

    alice.push()

    with tarfile.open(fileobj=io.BytesIO(api.sources[0])) as tar:
        names = tar.getnames()
        version = tar.extractfile("version")
        assert version is not None
        assert version.read() == b"$Format:%H$\n"
    assert {"Dockerfile", "sub/.gitattributes", "app.py"} <= set(names)


def test_a_failed_build_refuses_the_push_and_leaves_the_branch(alice: Any, api: Any) -> None:
    api.outcome = lambda: "failed"

    push = alice.push()

    assert not push.accepted
    assert "pre-receive hook declined" in push.output
    assert "What shop ran before, it runs still." in push.output
    assert alice.stored("main") is None


def test_where_nothing_runs_a_failed_push_does_not_say_that_it_still_does(
    alice: Any, api: Any
) -> None:
    api.outcome, api.serving = (lambda: "failed"), False

    push = alice.push()

    assert "Push refused: see above. Nothing of shop runs." in push.output


def test_master_deploys_too(alice: Any, api: Any) -> None:
    assert alice.push("main:master").accepted

    assert len(api.builds) == 1


def test_another_branch_is_stored_and_the_pusher_told_so(alice: Any, api: Any) -> None:
    push = alice.push("main:try/this")

    assert push.accepted
    assert (
        "try/this is stored, not deployed. To deploy it: git push paas try/this:main" in push.output
    )
    assert alice.stored("try/this") == alice.git("rev-parse", "HEAD")
    assert api.builds == []


def test_tags_are_stored_without_a_word(alice: Any, api: Any) -> None:
    alice.git("tag", "v1")

    push = alice.push("v1")

    assert push.accepted
    assert "remote:" not in push.output
    assert alice.stored("v1")


def test_two_deploy_branches_in_one_push_are_refused(alice: Any, api: Any) -> None:
    push = alice.push("main", "main:master")

    assert not push.accepted
    assert "main and master in one push" in push.output
    assert api.builds == []


def test_the_deploy_branch_cannot_be_deleted_and_any_other_can(alice: Any, api: Any) -> None:
    alice.push("main", "main:other")

    refused, deleted = alice.push(":main"), alice.push(":other")

    assert not refused.accepted
    assert "cannot be deleted" in refused.output
    assert deleted.accepted


def test_a_forced_push_is_taken(alice: Any, api: Any) -> None:
    alice.push()
    alice.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "another")

    assert alice.push("+main").accepted
    assert alice.stored("main") == alice.git("rev-parse", "HEAD")


def test_a_shallow_clone_can_be_pushed(alice: Any, api: Any, tmp_path: Any) -> None:
    alice.commit()
    origin = alice.path.rename(tmp_path / "origin")
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", f"file://{origin}", str(alice.path)], check=True
    )

    assert alice.push().accepted


def test_a_repository_inside_the_repository_is_refused_by_name(alice: Any, api: Any) -> None:
    inner = alice.path / "vendor" / "lib"
    inner.mkdir(parents=True)
    for argv in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", "-C", str(inner), *argv], check=True, env=alice.env())
    alice.commit()

    push = alice.push()

    assert not push.accepted
    assert "vendor/lib is a repository inside the repository" in push.output
    assert api.builds == []


def test_lfs_pointers_are_refused_by_name(alice: Any, api: Any) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    alice.commit(
        **{
            "logo.png": pointer,
            "about.txt": "version https://git-lfs.github.com/spec/v1 is a line" * 4,
        }
    )

    push = alice.push()

    assert not push.accepted
    assert "logo.png is in Git LFS" in push.output
    assert "about.txt" not in push.output


def test_a_tree_over_the_limit_is_refused_with_its_largest_files(alice: Any, api: Any) -> None:
    api.source_mb = 1
    alice.commit(**{"big.txt": "x" * (2 << 20)})

    push = alice.push()

    assert not push.accepted
    assert "1 MB is the most" in push.output
    assert "big.txt (2 MB)" in push.output
    assert api.sources == []


def test_too_much_history_is_refused_with_the_ways_out_and_may_come_in_parts(
    alice: Any, api: Any
) -> None:
    api.source_mb = 1
    first = alice.git("rev-parse", "HEAD")
    for _ in range(3):
        (alice.path / "big").write_bytes(os.urandom(900_000))
        first, last = alice.git("rev-parse", "HEAD"), alice.commit()
    (alice.path / "big").unlink()
    alice.commit()

    push = alice.push()
    older, newer = alice.push(f"{first}:refs/heads/history"), alice.push()

    assert not push.accepted
    assert (
        "it brings 2 MB of history; 2 MB is the most (2 times the setting source_mb)" in push.output
    )
    assert "Push it in parts" in push.output
    assert older.accepted and newer.accepted, newer.output
    assert last


def test_what_would_fill_the_disk_is_broken_off(alice: Any, api: Any) -> None:
    api.source_mb = 1
    (alice.path / "big").write_bytes(os.urandom(6 << 20))
    alice.commit()

    push = alice.push()

    assert not push.accepted
    assert "pack exceeds maximum allowed size" in push.output
    assert alice.stored("main") is None


def test_a_branch_that_points_to_no_commit_is_refused_before_the_build(
    alice: Any, api: Any
) -> None:
    alice.git("tag", "-a", "v1", "-m", "x")

    for pushed in (
        "v1:refs/heads/main",
        "HEAD^{tree}:refs/heads/main",
        "HEAD:app.py:refs/heads/main",
    ):
        push = alice.push(pushed)
        assert not push.accepted

    assert api.builds == []


def test_an_unknown_push_option_is_refused_with_those_that_there_are(alice: Any, api: Any) -> None:
    unknown = alice.push(options=["-o", "env=staging"])
    both = alice.push(options=["-o", "dry-run", "-o", "no-release"])

    assert not unknown.accepted and not both.accepted
    assert "there is no push option 'env=staging'. There are: -o dry-run (" in unknown.output
    assert "-o no-release (" in unknown.output
    assert "-o dry-run and -o no-release do not go together" in both.output
    assert api.builds == []


def test_a_dry_run_succeeds_and_moves_no_branch(alice: Any, api: Any) -> None:
    alice.push()
    before = alice.stored("main")
    commit = alice.commit(new="x")
    api.outcome = lambda: "built"

    push = alice.push("main", "main:topic", "main:refs/tags/v1", options=["-o", "dry-run"])

    assert push.accepted, push.output
    assert "Dry run: nothing was released, and no branch has moved here" in push.output
    assert (api.builds[0]["commit"], api.builds[0]["purpose"]) == (commit, "dry-run")
    assert alice.stored("main") == before
    assert alice.stored("topic") is None and alice.stored("v1") is None
    api.outcome = lambda: "live"
    assert alice.push().accepted
    assert (alice.stored("main"), len(api.builds)) == (commit, 3)


def test_a_first_push_may_be_a_dry_run_and_one_that_fails_is_refused(alice: Any, api: Any) -> None:
    api.outcome = lambda: "built"
    good = alice.push(options=["-o", "dry-run"])
    api.outcome = lambda: "failed"
    bad = alice.push(options=["-o", "dry-run"])

    assert good.accepted and not bad.accepted
    assert alice.stored("main") is None


def test_what_is_not_to_be_released_moves_the_branch(alice: Any, api: Any) -> None:
    api.outcome = lambda: "built"

    push = alice.push(options=["-o", "no-release"])

    assert push.accepted, push.output
    assert api.builds[0]["purpose"] == "no-release"
    assert alice.stored("main") == api.builds[0]["commit"]


def test_a_build_that_is_under_way_for_something_else_is_not_this_one(alice: Any, api: Any) -> None:
    commit = alice.git("rev-parse", "HEAD")
    api.add_build(commit)["purpose"] = "dry-run"

    assert alice.push().accepted
    assert [build["purpose"] for build in api.builds] == ["release", "dry-run"]


def test_a_commit_whose_release_is_live_moves_the_branch_without_a_build(
    alice: Any, api: Any
) -> None:
    commit = alice.git("rev-parse", "HEAD")
    api.add_build(commit, "live", current=True)

    push = alice.push()

    assert push.accepted
    assert "is live already" in push.output
    assert alice.stored("main") == commit
    assert len(api.builds) == 1


def test_a_commit_that_was_live_once_is_built_again(alice: Any, api: Any) -> None:
    api.add_build(alice.git("rev-parse", "HEAD"), "live", current=False)

    alice.push()

    assert len(api.builds) == 2


def test_a_commit_that_is_being_built_is_followed_and_not_built_twice(alice: Any, api: Any) -> None:
    api.add_build(alice.git("rev-parse", "HEAD"))

    push = alice.push()

    assert push.accepted
    assert "-----> Building" in push.output
    assert len(api.builds) == 1


def test_a_stream_that_breaks_is_taken_up_where_it_broke(alice: Any, api: Any) -> None:
    api.broken_after = 20

    push = alice.push()

    assert push.accepted
    assert push.output.count("-----> Building") == 1
    assert push.output.count("done") == 1


def test_an_api_that_is_restarted_in_between_is_waited_for(alice: Any, api: Any) -> None:
    def output() -> Iterator[bytes]:
        yield b"-----> Building\n"
        api.stop()
        time.sleep(0.5)
        api.start()
        yield b"       done\n"

    api.output, api.broken_after = output, 16

    push = alice.push()

    assert push.accepted
    assert "remote:        done" in push.output


def test_a_platform_that_does_not_answer_is_said_in_one_line(alice: Any, api: Any) -> None:
    api.stop()

    push = alice.push()

    assert not push.accepted
    lines = push.output.splitlines()
    assert lines[0].startswith("paas: the platform does not answer (")
    assert lines[0].endswith("paasd status")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_pusher_who_goes_away_stops_nothing(alice: Any, api: Any, number: int) -> None:
    gone = threading.Event()

    def output() -> Iterator[bytes]:
        yield b"-----> Building\n"
        gone.wait(10)
        for _ in range(50):
            yield b"       still here\n"
            time.sleep(0.01)

    api.output = output
    process = alice.pushing()
    _wait(lambda: bool(api.builds and api.builds[0].get("said")))

    os.killpg(process.pid, number)
    process.communicate()
    gone.set()

    _wait(lambda: alice.stored("main") is not None)


def test_what_a_killed_push_left_is_gone_after_the_next(alice: Any, api: Any) -> None:
    alice.push()
    left = alice.folder / "repositories/id-of-shop.git/objects/tmp_objdir-incoming-x"
    left.mkdir()
    (left / "pack").write_text("x")
    alice.commit()

    assert alice.push().accepted

    assert not left.exists()


def test_the_second_pusher_is_told_who_pushes_and_sees_the_output(
    alice: Any, bob: Any, api: Any
) -> None:
    go_on = threading.Event()

    def output() -> Iterator[bytes]:
        yield b"-----> Building\n"
        go_on.wait(10)

    api.output = output
    first = alice.pushing()
    _wait(lambda: bool(api.builds))
    commit = alice.git("rev-parse", "HEAD")

    threading.Timer(1.5, go_on.set).start()
    second = bob.push("+main")

    first.communicate(timeout=10)
    assert first.returncode == 0
    assert second.accepted
    assert f"paas: alice is pushing {commit[:7]} to shop since" in second.output
    assert second.output.index("-----> Building") < second.output.index("remote: -----> Building")
    assert len(api.builds) == 2


def test_the_newest_waiter_takes_the_place_of_an_older_one(alice: Any, bob: Any, api: Any) -> None:
    go_on = threading.Event()

    def output() -> Iterator[bytes]:
        yield b"-----> Building\n"
        go_on.wait(20)

    api.output = output
    first = alice.pushing()
    _wait(lambda: bool(api.builds))
    waiting = bob.pushing("+main")
    _wait(lambda: (alice.folder / "repositories/id-of-shop.git/paas-push.waiter").exists())

    newest = alice.pushing()
    text, _ = waiting.communicate(timeout=10)
    go_on.set()

    assert waiting.returncode != 0
    assert "paas: alice is now the next in line" in text
    first.communicate(timeout=10)
    newest.communicate(timeout=10)
    assert (first.returncode, newest.returncode) == (0, 0)
    assert len(api.builds) == 1  # the newest pushed the same commit: nothing was left to do


def test_a_waiter_who_goes_away_leaves_the_line(alice: Any, bob: Any, api: Any) -> None:
    go_on = threading.Event()
    api.output = lambda: iter([b"x\n"] if go_on.wait(20) else [])
    first = alice.pushing()
    _wait(lambda: bool(api.builds))
    waiting = bob.pushing("+main")
    _wait(lambda: (alice.folder / "repositories/id-of-shop.git/paas-push.waiter").exists())

    os.killpg(waiting.pid, signal.SIGKILL)
    waiting.communicate()
    _wait(lambda: not _doors(bob.key))
    go_on.set()

    first.communicate(timeout=10)
    assert first.returncode == 0
    assert len(api.builds) == 1


def test_a_waiter_does_not_repeat_the_build_it_saw_fail(alice: Any, api: Any) -> None:
    go_on = threading.Event()
    api.outcome = lambda: "failed"

    def output() -> Iterator[bytes]:
        yield b"-----> Building\n"
        go_on.wait(10)

    api.output = output
    first = alice.pushing()
    _wait(lambda: bool(api.builds))

    threading.Timer(1, go_on.set).start()
    second = alice.push()

    first.communicate(timeout=10)
    assert first.returncode != 0
    assert not second.accepted
    assert len(api.builds) == 1


def _wait(seen: Any, within: float = 10) -> None:
    deadline = time.monotonic() + within
    while not seen():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def _doors(key: str) -> list[str]:
    """Door processes of this key that live."""
    listed = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    return [
        line
        for line in listed.splitlines()
        if "door.py" in line and key in line and "ssh-" not in line
    ]
