import time

import httpx
import pytest

from paas.model.log import LogLine
from tests.unit.api.served import Served


def states(client: httpx.Client) -> list[tuple[str, str]]:
    return [(dyno["name"], dyno["state"]) for dyno in client.get("/apps/shop/dynos").json()]


def test_a_wanted_place_is_listed_before_anything_fills_it(served: Served) -> None:
    served.stage.releases(web="serve")
    with served.by("ana") as client:
        assert states(client) == [("web.1", "pending")]
        served.stage.converges(1)
        assert states(client) == [("web.1", "starting")]
        served.stage.comes_up()
        assert states(client) == [("web.1", "up")]


def test_a_place_that_cannot_be_filled_says_why(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        client.patch("/apps/shop/formation/web", json={"quantity": 2})
        served.platform.apps.block(served.shop.id, "No host has memory enough.")
        dynos = client.get("/apps/shop/dynos").json()

    assert [(dyno["name"], dyno["state"], dyno["reason"]) for dyno in dynos] == [
        ("web.1", "up", dynos[0]["reason"]), ("web.2", "pending", "No host has memory enough."),
    ]  # fmt: skip


def test_a_dyno_tells_what_fills_it(served: Served) -> None:
    served.stage.deployed(web="serve")
    row = served.stage.row("web.1")
    with served.by("ana") as client:
        dyno = client.get("/apps/shop/dynos/web.1").json()
        by_id = client.get(f"/apps/shop/dynos/{dyno['id']}").json()
        by_container = client.get(f"/apps/shop/dynos/{row.id}").json()

    assert dyno == by_id == by_container
    assert (dyno["host"], dyno["address"], dyno["container"]) == ("local", row.address, row.id)
    assert dyno["release"]["version"] == 1
    assert dyno["command"] == "serve"


def test_a_stopped_app_has_no_places(served: Served) -> None:
    served.stage.releases(web="serve")
    with served.by("ana") as client:
        client.post("/apps/shop/actions/stop")
        assert client.get("/apps/shop/dynos").json() == []


@pytest.mark.parametrize("path", ["dynos", "dynos/web", "dynos/web.1"])
def test_a_restart_is_answered_with_a_version(served: Served, path: str) -> None:
    served.stage.deployed(web="serve")
    before = served.stage.row("web.1")
    with served.by("ana") as client:
        answer = client.delete(f"/apps/shop/{path}")
    served.stage.converges()
    served.stage.comes_up()
    served.stage.converges()

    assert answer.status_code == 202
    assert int(answer.headers["Paas-Version"]) > 0
    assert served.stage.row("web.1").id != before.id


NOT_THERE = [
    "web.2", "worker", "worker.1", "web.0", "web.x", "web.", "..x", "%20", "%00", "%F0%9F%90%8D",
]  # fmt: skip


def test_a_dyno_that_is_not_there_is_told(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        for dyno in NOT_THERE:
            for method in ("GET", "DELETE"):
                answer = client.request(method, f"/apps/shop/dynos/{dyno}")
                assert answer.status_code == 404, (method, dyno)


def test_a_detached_command_runs_when_it_is_answered(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        dyno = client.post("/apps/shop/dynos", json={"command": "sleep 1", "attach": False}).json()
        listed = client.get("/apps/shop/dynos").json()

    assert dyno["state"] == "up"
    assert dyno["type"] == "run"
    assert dyno["attach_url"] is None
    assert dyno["name"] in served.stage.running()
    assert dyno["name"] in [each["name"] for each in listed]


def test_a_command_needs_a_release(served: Served) -> None:
    with served.by("ben") as client:
        answer = client.post("/apps/blog/dynos", json={"command": "ls"})

    assert answer.status_code == 409
    assert "git push paas main" in answer.json()["message"]


IMPOSSIBLE: list[dict[str, object]] = [
    {}, {"command": ""}, {"command": "x" * 70000}, {"command": ["ls"]}, {"command": "ls", "env": {"PATH": "/evil"}},
    {"command": "ls", "env": {"TERM": "x\n"}}, {"command": "ls", "env": {"COLUMNS": "1" * 99}},
]  # fmt: skip


def test_a_command_that_cannot_be_runs_nothing(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        for body in IMPOSSIBLE:
            assert client.post("/apps/shop/dynos", json=body).status_code == 422, body

    assert served.stage.running() == ["web.1"]


def test_an_engine_that_is_away_is_told_and_leaves_nothing(served: Served) -> None:
    served.stage.deployed(web="serve")
    served.stage.engine.world.lose("local")
    with served.by("ana") as client:
        answer = client.post("/apps/shop/dynos", json={"command": "ls"})

    assert answer.status_code == 503
    assert [row.dyno.name for row in served.stage.rows()] == ["web.1"]


def test_a_one_off_can_be_ended(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        name = client.post("/apps/shop/dynos", json={"command": "sleep 9"}).json()["name"]
        answer = client.delete(f"/apps/shop/dynos/{name}")

    assert answer.status_code == 202
    deadline = served.stage.row(name).deadline
    assert deadline is not None and deadline <= time.time()


def test_one_that_crashed_tells_what_it_printed_last(served: Served) -> None:
    served.stage.deployed(web="serve")
    row = served.stage.row("web.1")
    lines = [LogLine(number, "app", "web.1", f"line {number}", row.id) for number in range(1, 9)]
    served.platform.logs.append(served.shop.id, lines)
    for _ in range(3):
        served.stage.observer._exited(row, 3, time.time())
        row = served.stage.row("web.1")
    served.stage.converges(1)
    with served.by("ana") as client:
        (dyno,) = client.get("/apps/shop/dynos").json()

    assert dyno["state"] == "crashed"
    assert dyno["last_lines"] == [f"line {number}" for number in range(4, 9)]
