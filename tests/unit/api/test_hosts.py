from tests.unit.api.served import Served


def test_hosts_are_listed_as_they_were_last_seen(served: Served) -> None:
    with served.by("eve") as client:
        (host,) = client.get("/hosts").json()

    assert (host["name"], host["health"], host["schedulable"], host["seen_at"]) == (
        "local",
        "up",
        "open",
        None,
    )


def test_routers_are_listed_with_what_they_have(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("eve") as client:
        (router,) = client.get("/routers").json()

    version = served.platform.routes.version()
    assert version is not None
    assert (router["name"], router["number"], router["epoch"]) == (
        "local",
        version.number,
        version.epoch,
    )


def test_nobody_waits_for_a_router_that_is_removed(served: Served) -> None:
    with served.by("ana") as admin:
        assert admin.delete("/routers/local").status_code == 200
        assert admin.get("/routers").json() == []
        assert admin.delete("/routers/local").status_code == 404
