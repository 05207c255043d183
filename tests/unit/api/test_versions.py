import json
import threading
import time
from typing import Any

import httpx

from paas.api.versions import GOES_ON
from paas.model.deploy import DeployState
from paas.wire import SILENT
from tests.eventually import eventually
from tests.unit.api.served import Served


class Follower(threading.Thread):
    """Follows a version and notes what it is told, and when."""

    def __init__(self, client: httpx.Client, version: int) -> None:
        super().__init__(daemon=True)
        self.told: list[dict[str, Any]] = []
        self.at: list[float] = []
        self._client, self._path = client, f"/apps/shop/versions/{version}"
        self.start()

    def run(self) -> None:
        with self._client.stream("GET", self._path) as answer:
            assert answer.headers["Content-Type"].startswith("application/x-ndjson")
            for line in answer.iter_lines():
                if line:
                    self.at.append(time.monotonic())
                    self.told.append(json.loads(line))


def test_a_version_is_followed_until_it_is_live(served: Served) -> None:
    served.stage.releases(web="serve")
    with served.by("ana") as client:
        follower = Follower(client, served.shop.wake)
        eventually(lambda: follower.told == [{"text": "0 of 1 up; web.1 pending"}])
        served.stage.converges(1)
        eventually(lambda: follower.told[-1] == {"text": "0 of 1 up; web.1 starting"})
        served.stage.comes_up()
        served.stage.converges()
        follower.join(5)

    assert follower.told[-1] == {"state": "live", "text": "live: web=1"}


def test_a_version_that_fails_says_why(served: Served) -> None:
    served.stage.releases(web="serve")
    with served.by("ana") as client:
        follower = Follower(client, served.shop.wake)
        served.stage.converges(1)
        served.stage.crashes("web.1")
        served.stage.converges()
        follower.join(5)

    assert follower.told[-1]["state"] == "failed"
    assert "web.1 exited with status 1 while starting" in follower.told[-1]["text"]


def goes_live(served: Served) -> None:
    """What the deploy that is under way has brought about."""
    deploy = served.platform.deploys.open(served.shop.id)
    assert deploy is not None
    served.platform.deploys.end(deploy, DeployState.SUCCEEDED, time.time())
    served.platform.apps.go_live(served.shop.id, deploy.wake)


def test_who_waits_hears_of_it_at_once(served: Served) -> None:
    served.stage.releases(web="serve")
    version = served.shop.wake
    with served.by("ana") as client:
        follower = Follower(client, version)
        eventually(lambda: follower.told)
        for _ in range(20):
            served.platform.wire.announce(served.shop.id)
            time.sleep(0.01)
        goes_live(served)
        announced = time.monotonic()
        served.platform.wire.announce(served.shop.id)
        follower.join(5)

    assert follower.told[-1]["state"] == "live"
    assert follower.at[-1] - announced < 0.3  # half a second, had nobody told


def test_how_it_is_now_is_told_without_waiting(served: Served) -> None:
    served.stage.releases(web="serve")
    with served.by("ana") as client:
        waiting = client.get(f"/apps/shop/versions/{served.shop.wake}?wait=0").json()
        served.stage.converges()
        served.stage.comes_up()
        served.stage.converges()
        live = client.get("/apps/shop/versions/1?wait=0").json()

    assert waiting == {"state": "waiting", "text": "0 of 1 up; web.1 pending"}
    assert live["state"] == "live"


def test_a_version_that_is_not_there_yet_is_told(served: Served) -> None:
    with served.by("ana") as client:
        for version in ("1", "99999"):
            assert client.get(f"/apps/shop/versions/{version}").status_code == 404
        for version in ("-1", "x", "1.5", "9" * 30, "%00"):
            assert client.get(f"/apps/shop/versions/{version}").status_code == 422


def test_a_destroyed_apps_version_has_failed(served: Served) -> None:
    served.stage.releases(web="serve")
    with served.by("ana") as client:
        follower = Follower(client, served.shop.wake)
        eventually(lambda: follower.told)
        served.platform.apps.destroy(served.shop.id, time.time())
        served.platform.apps.forget(served.shop.id)
        follower.join(5)

    assert follower.told[-1] == {"state": "failed", "text": "shop was destroyed"}


def test_a_destroyed_app_is_followed_by_its_id_until_no_router_knows_it(served: Served) -> None:
    served.stage.deployed()
    shop = served.shop.id
    with served.by("ana") as client, served.by("ben") as other:
        answer = client.delete("/apps/shop")
        where = f"/apps/{shop}/versions/{answer.headers['Paas-Version']}"
        before = client.get(where, params={"wait": 0}).json()
        served.stage.converges()
        after = client.get(where, params={"wait": 0}).json()

        assert other.get(where).status_code == 404
        assert client.get(f"/apps/{shop}").status_code == 404
        assert client.get(where.replace(shop, "shop")).status_code == 404
        served.platform.apps.forget(shop)
        assert client.get(where).status_code == 404

    assert "state" not in before or before["state"] == "waiting"
    assert after["state"] == "live"


def test_without_redis_a_change_is_recorded_and_its_wait_says_so(without_redis: Served) -> None:
    served = without_redis
    served.stage.releases(web="serve")
    with served.by("ana") as client:
        answer = client.patch("/apps/shop/formation/web", json={"quantity": 2})
        assert answer.json()["quantity"] == 2
        follower = Follower(client, int(answer.headers["Paas-Version"]))
        eventually(lambda: {"text": f"{SILENT}{GOES_ON}"} in follower.told)
        served.platform.apps.go_live(served.shop.id, served.shop.wake)
        follower.join(5)

    assert follower.told[-1]["state"] == "live"


def test_a_redis_that_takes_no_writes_is_told_with_its_reason_until_it_does(served: Served) -> None:
    served.stage.releases(web="serve")
    served.platform.redis.config_set("min-replicas-to-write", 1)
    try:
        with served.by("ana") as client:
            follower = Follower(client, served.shop.wake)
            eventually(lambda: "takes no writes" in str(follower.told[-1:]))
            text = follower.told[-1]["text"]
            served.platform.redis.config_set("min-replicas-to-write", 0)
            eventually(lambda: follower.told[-1] == {"text": "0 of 1 up; web.1 pending"})
            goes_live(served)
            follower.join(5)
    finally:
        served.platform.redis.config_set("min-replicas-to-write", 0)

    reason = "Not enough good replicas to write."
    assert text == f"Redis takes no writes (NOREPLICAS {reason}){GOES_ON}"
    assert follower.told[-1]["state"] == "live"
