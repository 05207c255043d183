"""Builds of what an app's repository has; a double of the door says whatever a test told it to say."""

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from paas.model.build import Build, BuildState, Source
from paas.model.git_request import LENGTH_BYTES
from tests.make import NOW
from tests.unit.api.served import Served

COMMIT = "3f2a91c" + "0" * 33
UNKNOWN = {"kind": "Unknown", "message": "blog has no commit."}


@contextmanager
def a_door(served: Served, said: bytes) -> Iterator[list[dict[str, object]]]:
    """Of one request; what it was asked."""
    path, asked = served.platform.settings.git_socket, list[dict[str, object]]()
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(20)

        def answer() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as head:
                size = int.from_bytes(head.read(LENGTH_BYTES), "big")
                asked.append(json.loads(head.read(size)))
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        yield asked
        thread.join()
    path.unlink()


def line(said: dict[str, str]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def built(served: Served, commit: str) -> str:
    """The id of a build of blog that is over, and whose source is gone."""
    build = Build(
        str(uuid.uuid4()), served.blog.id, BuildState.QUEUED, str(uuid.uuid4()), commit, "ben", NOW
    )
    served.platform.builds.add(build)
    served.platform.builds.end(build.id, BuildState.FAILED, NOW)
    return build.id


def retried(client: httpx.Client, build_id: str, **given: str) -> httpx.Response:
    blob = client.get(f"/apps/blog/builds/{build_id}").json()["source_blob"]
    return client.post("/apps/blog/builds", json={"source_blob": blob, **given})


@pytest.mark.parametrize("said", [b"", b"{", b'{"build": "', b'{"build": "x"}'])
def test_a_door_that_dies_while_it_answers_has_said_nothing(served: Served, said: bytes) -> None:
    with a_door(served, said), served.by("ben") as client:
        answer = client.post("/apps/blog/builds", json={"commit": "main"})

    assert answer.status_code == 503
    assert "The door does not answer (it has hung up)" in answer.json()["message"]


@pytest.mark.parametrize("has_row", [False, True])
def test_where_the_source_is_gone_the_repository_has_the_commit(
    served: Served, has_row: bool
) -> None:
    old, new = built(served, COMMIT), built(served, COMMIT)
    build = served.platform.builds.get(old)
    if has_row and build is not None:
        served.platform.builds.add_source(Source(build.source, "ben", NOW))

    with a_door(served, line({"build": new})) as asked, served.by("ben") as client:
        answer = retried(client, old, purpose="dry-run")

    assert (answer.status_code, answer.json()["id"]) == (201, new)
    assert (asked[0]["ref"], asked[0]["purpose"]) == (COMMIT, "dry-run")


def test_where_neither_is_there_the_source_is_what_is_gone(served: Served) -> None:
    old = built(served, COMMIT)

    with a_door(served, line(UNKNOWN)), served.by("ben") as client:
        answer = retried(client, old)

    assert answer.status_code == 422
    assert "is not kept any more" in answer.json()["message"]


@pytest.mark.parametrize("version", ["", "main", "v1.2", "3f2a91c"])
def test_what_may_mean_another_commit_by_now_is_not_built_in_its_place(
    served: Served, version: str
) -> None:
    old = built(served, version)

    with served.by("ben") as client:
        answer = retried(client, old)

    assert answer.status_code == 422  # no door was asked: there is none
    assert "is not kept any more" in answer.json()["message"]
