"""The door that the API knocks at: its own process, and what the API would send it."""

import io
import json
import os
import resource
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from paas.git import listen
from paas.git.listen import MOST, MOST_OF_ONE, Children, begin
from paas.git.lock import PushLock
from paas.git.packets import packet
from paas.git.repos import ensure_repository
from paas.model.git_request import BUILD, HEAD_LIMIT, RECEIVE, UPLOAD, GitRequest
from tests.eventually import eventually
from tests.unit.git.conftest import Clone, FakeApi

COMMANDS = packet(f"{'0' * 40} {'1' * 40} refs/heads/main\0report-status side-band-64k".encode())


def is_alive(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # ended between two looks
        return False


@dataclass
class Door:
    process: "subprocess.Popen[bytes]"
    folder: Path
    opened: ExitStack

    def asked(self, said: bytes) -> socket.socket:
        connection = self.opened.enter_context(socket.socket(socket.AF_UNIX))
        connection.settimeout(20)
        connection.connect(str(self.folder / "run" / "door" / "git.sock"))
        connection.sendall(said)
        return connection

    def asked_to(self, program: str, person: str = "ana", body: bytes = b"") -> socket.socket:
        request = GitRequest(
            program=program, is_advertisement=False, protocol="", app_id="id-of-shop", app="shop",
            person=person, source_mb=16,
        )  # fmt: skip
        return self.asked(request.head() + body)

    def asked_to_build(self, ref: str, purpose: str = "release") -> dict[str, Any]:
        request = GitRequest(
            program=BUILD, is_advertisement=False, protocol="", app_id="id-of-shop", app="shop",
            person="ana", source_mb=16, ref=ref, purpose=purpose,
        )  # fmt: skip
        return line(self.asked(request.head()))

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def alive(self) -> int:
        """Those that it began and that have not ended."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return sum(is_alive(pid) for pid in listed.split())


@pytest.fixture
def door(folder: Path) -> Iterator[Door]:
    (folder / "run" / "door").mkdir()
    ensure_repository(folder, "id-of-shop")
    argv = [sys.executable, "-I", "-S", listen.__file__, str(folder)]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
        ExitStack() as opened,
    ):
        try:
            eventually((folder / "run" / "door" / "git.sock").exists)
            door = Door(process, folder, opened)
            yield door
            opened.close()
            eventually(lambda: door.alive() == 0)
        finally:
            process.kill()


def line(connection: socket.socket) -> dict[str, Any]:
    """The first."""
    with connection.makefile("rb") as file:
        said = json.loads(file.readline())
    assert isinstance(said, dict)
    return said


def until(connection: socket.socket, words: str) -> None:
    """Fails when the end comes first."""
    said = b""
    while words.encode() not in said:
        piece = connection.recv(4096)
        assert piece, said
        said += piece


@pytest.mark.parametrize(
    "said",
    [b"\0\0\0\3{}]", b"\0\0\0\2[]", b"\0\0\0\2{}", (HEAD_LIMIT + 1).to_bytes(4, "big") + b"{",
     b"\0\0\x27\x10" + b"[" * 10_000, b"GET / HTTP/1.1\r\n\r\n"],
)  # fmt: skip
def test_a_head_that_is_none_is_answered_in_one_line(door: Door, said: bytes) -> None:
    assert line(door.asked(said))["kind"] == "Invalid"
    assert door.log() == ""


def test_who_says_nothing_does_not_keep_the_others_out(door: Door) -> None:
    silent = door.asked(b"\0\0")

    assert line(door.asked_to(RECEIVE, body=b"garbage"))["kind"] == "Invalid"
    assert line(silent)["kind"] == "Unavailable"


def test_one_person_has_so_many_at_once_and_all_have_so_many(door: Door) -> None:
    open_ones = [door.asked_to(UPLOAD, "ana") for _ in range(MOST_OF_ONE)]

    assert f"{MOST_OF_ONE} pushes and fetches of ana's" in line(door.asked_to(UPLOAD))["message"]
    for number in range(MOST - MOST_OF_ONE):
        open_ones.append(door.asked_to(UPLOAD, f"p{number // MOST_OF_ONE}"))
    assert f"{MOST} pushes and fetches are under way" in line(door.asked_to(UPLOAD, "z"))["message"]
    for each in open_ones:
        each.close()
    eventually(lambda: door.alive() == 0)
    assert line(door.asked_to(UPLOAD, body=b"0000")) == {}


def test_a_door_that_has_no_more_files_goes_on_when_it_has(door: Door) -> None:
    resource.prlimit(door.process.pid, resource.RLIMIT_NOFILE, (4, 1024))
    waiting = door.asked_to(UPLOAD, body=b"0000")
    eventually(lambda: "Too many open files" in door.log())

    resource.prlimit(door.process.pid, resource.RLIMIT_NOFILE, (1024, 1024))

    assert line(waiting) == {}
    assert door.process.poll() is None


def test_what_no_process_can_be_had_for_is_told_so_and_counts_for_nothing() -> None:
    def fork() -> int:
        raise BlockingIOError(11, os.strerror(11))

    children = Children(fork)
    request = GitRequest(
        program=UPLOAD, is_advertisement=True, protocol="", app_id="1", app="shop", person="ana", source_mb=1
    )  # fmt: skip
    for _ in range(MOST + 1):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(request.head())
            assert begin(ours, children) is None
            said = line(theirs)
        assert said["kind"] == "Unavailable"
        assert "Resource temporarily unavailable" in said["message"]


def test_what_git_complains_of_is_on_the_log(door: Door) -> None:
    asked = door.asked_to(UPLOAD, body=packet(b"want nothing\n"))

    assert line(asked) == {}
    eventually(lambda: "fatal: git upload-pack: protocol error" in door.log())


def test_who_goes_while_they_wait_for_their_turn_does_not_push(door: Door) -> None:
    lock = PushLock(door.folder / "repositories" / "id-of-shop.git")
    assert lock.take()
    lock.describe(person="bob")
    waiting = door.asked_to(RECEIVE, body=COMMANDS + b"0000")
    until(waiting, "bob is pushing to shop. Waiting for it")

    waiting.close()

    eventually(lambda: door.alive() == 0)
    lock.give_back()


def test_a_newer_waiter_takes_the_place_of_an_older(door: Door, api: FakeApi) -> None:
    lock = PushLock(door.folder / "repositories" / "id-of-shop.git")
    assert lock.take()
    older = door.asked_to(RECEIVE, "ana", COMMANDS + b"0000")
    until(older, "Waiting for it")

    newer = door.asked_to(RECEIVE, "eve", COMMANDS + b"0000")

    until(older, "eve is now the next in line; this push has left it")
    lock.give_back()
    eventually(lambda: lock.holder().get("person") == "eve")
    newer.close()


def test_a_commit_that_was_pushed_is_built_by_any_of_its_names(
    door: Door, api: FakeApi, alice: Clone
) -> None:
    first = alice.git("rev-parse", "HEAD")
    alice.push("main", "main:topic", "main:refs/tags/v1")
    second = alice.commit(new="later")
    alice.push()

    for ref, commit in (
        (first, first), (first[:7], first), ("topic", first), ("v1", first), ("main", second),
    ):  # fmt: skip
        told = door.asked_to_build(ref)

        assert told == {"build": api.builds[0]["id"]}
        assert api.builds[0]["commit"] == commit
        with tarfile.open(fileobj=io.BytesIO(api.sources[-1])) as tar:
            assert ("new" in tar.getnames()) == (commit == second)


def test_a_commit_that_was_pushed_is_built_for_what_was_asked(
    door: Door, api: FakeApi, alice: Clone
) -> None:
    alice.push()

    door.asked_to_build("main", "dry-run")

    assert api.builds[0]["purpose"] == "dry-run"


@pytest.mark.parametrize(
    ("ref", "kind"),
    [("1234567", "Unknown"), ("0" * 40, "Unknown"), ("nothing", "Unknown"), ("main:app.py", "Invalid"),
     ("--all", "Invalid"), ("main@{1}", "Invalid"), ("", "Invalid"), ("main^{tree}", "Invalid"), ("a\nb", "Invalid")],
)  # fmt: skip
def test_what_names_no_commit_is_not_built(
    door: Door, api: FakeApi, alice: Clone, ref: str, kind: str
) -> None:
    alice.push()
    before = len(api.builds)

    assert door.asked_to_build(ref)["kind"] == kind
    assert len(api.builds) == before


def test_what_no_push_would_deploy_is_not_built_of_a_stored_branch(
    door: Door, api: FakeApi, alice: Clone
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
    alice.commit(big=pointer)
    alice.push("main:lfs")
    alice.git("rm", "--quiet", "big")
    alice.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    alice.git("commit", "--quiet", "-m", "x")
    alice.push("main:links")

    lfs, links = door.asked_to_build("lfs"), door.asked_to_build("links")

    assert (lfs["kind"], links["kind"]) == ("Invalid", "Invalid")
    assert lfs["message"].startswith("big is in Git LFS")
    assert links["message"].startswith("sub is a repository inside the repository")
    assert api.sources == []
