"""With Redis stopped everything that is recorded is told, and what is to be changed is recorded."""

import time

from tests.unit.api.served import Served

PATHS = [
    "/account", "/apps", "/apps/shop", "/apps/shop/dynos", "/apps/shop/config-vars", "/apps/shop/releases",
    "/apps/shop/formation", "/apps/shop/builds", "/apps/shop/domains", "/hosts", "/routers",
]  # fmt: skip


def test_what_is_recorded_is_told(without_redis: Served) -> None:
    without_redis.stage.releases(web="serve")
    with without_redis.by("ana") as client:
        begun = time.monotonic()
        for path in PATHS:
            assert client.get(path).status_code == 200, path
        assert time.monotonic() - begun < 2


def test_what_is_to_be_changed_is_recorded(without_redis: Served) -> None:
    without_redis.stage.releases(web="serve")
    with without_redis.by("ana") as client:
        begun = time.monotonic()
        changed = client.patch("/apps/shop/config-vars", json={"A": "1"})
        scaled = client.patch("/apps/shop/formation/web", json={"quantity": 3})
        restarted = client.delete("/apps/shop/dynos")
        claimed = client.post("/apps/shop/domains", json={"hostname": "www.example.com"})
        made = client.post("/apps", json={"name": "another"})
        destroyed = client.delete("/apps/another")
        seconds = time.monotonic() - begun

    versions = [
        int(answer.headers["Paas-Version"]) for answer in (changed, scaled, restarted, claimed)
    ]
    assert versions == sorted(set(versions))
    assert (made.status_code, destroyed.status_code) == (201, 200)
    assert without_redis.platform.formations.of(without_redis.shop.id).lines["web"].quantity == 3
    assert seconds < 10
