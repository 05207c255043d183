import pytest

from paas.hosts.progress import Progress, Stage
from paas.model.host import HostHealth, Schedulable
from paas.running import note_self
from paas.wire import UPKEEP
from tests.make import make_container, make_dyno, make_host
from tests.unit.api.served import Served

ELSEWHERE = {
    "is_local": False,
    "address": "10.0.0.2",
    "ssh_url": "ssh://deploy@10.0.0.2",
    "host_key": "ssh-ed25519 AAAA",
}


def test_hosts_are_listed_as_they_were_last_seen(served: Served) -> None:
    with served.by("eve") as client:
        (host,) = client.get("/hosts").json()

    assert (host["name"], host["health"], host["schedulable"], host["seen_at"]) == (
        "local",
        "up",
        "open",
        None,
    )
    assert (host["address"], host["tunnel"], host["containers"]) == (None, None, 0)


def test_a_host_tells_what_is_there_and_what_room_is_left(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("eve") as client:
        host = client.get("/hosts/local").json()

    memory_mb = served.platform.settings.memory_mb
    assert host["containers"] == 1
    assert host["memory_unreserved_mb"] == 4096 * 4 // 5 - memory_mb
    assert host["staying"] == []  # whose apps they are is for admins


def test_a_host_elsewhere_has_an_address_and_a_tunnel(served: Served) -> None:
    served.platform.hosts.add(make_host("h2", **ELSEWHERE))
    with served.by("eve") as client:
        before = client.get("/hosts/h2").json()
        (served.platform.settings.run / "pids").mkdir(exist_ok=True)
        note_self(served.platform.settings, "tunnel-h2")
        after = client.get("/hosts/h2").json()

    assert before["address"] == "10.0.0.2"
    assert before["tunnel"] == {"state": "down", "since": None}
    assert after["tunnel"]["state"] == "up"
    assert after["tunnel"]["since"]


def test_where_to_log_in_is_told_to_nobody(served: Served) -> None:
    served.platform.hosts.add(make_host("h2", **ELSEWHERE))
    with served.by("ana") as admin:
        for path in ("/hosts", "/hosts/h2"):
            assert "deploy" not in admin.get(path).text


def test_a_host_that_is_not_there_is_told(served: Served) -> None:
    with served.by("ana") as admin:
        for method, path in (
            ("GET", "/hosts/h2"),
            ("GET", "/hosts/h2/progress"),
            ("DELETE", "/hosts/h2"),
        ):
            answer = admin.request(method, path)
            assert answer.status_code == 404, path
            assert answer.json()["message"] == "There is no host 'h2'. See: paas hosts"
        answer = admin.patch("/hosts/h2", json={"schedulable": "draining"})
        assert answer.status_code == 404


def test_a_draining_host_says_what_stays_and_why(served: Served) -> None:
    served.stage.deployed(web="serve")
    served.platform.hosts.add(make_host("h2"))
    before = served.shop.wake
    with served.by("ana") as admin:
        answer = admin.patch("/hosts/local", json={"schedulable": "draining"})
        served.platform.apps.block(served.shop.id, "No host can take web.1.")
        host = admin.get("/hosts/local").json()

    assert answer.status_code == 200
    assert host["schedulable"] == "draining"
    assert host["staying"] == [
        {"app": "shop", "dynos": ["web.1"], "blocked": "No host can take web.1."}
    ]
    assert served.shop.wake > before


def test_a_host_that_is_drained_by_force_is_down(served: Served) -> None:
    served.platform.hosts.add(make_host("h2"))
    with served.by("ana") as admin:
        admin.patch("/hosts/h2", json={"schedulable": "draining", "force": True})
        drained = admin.get("/hosts/h2").json()
        admin.patch("/hosts/h2", json={"schedulable": "open"})
        opened = admin.get("/hosts/h2").json()

    assert (drained["schedulable"], drained["health"]) == ("draining", "down")
    assert drained["health_reason"] == "given up by ana: it was drained by force"
    assert (opened["schedulable"], opened["health"]) == ("open", "suspect")


def test_the_only_host_that_takes_containers_is_neither_drained_nor_removed(served: Served) -> None:
    others = {
        "h2": make_host("h2", schedulable=Schedulable.DRAINING),
        "h3": make_host("h3", health=HostHealth.DOWN),
        "h4": make_host("h4", schedulable=Schedulable.JOINING),
    }
    for host in others.values():
        served.platform.hosts.add(host)
    with served.by("ana") as admin:
        answers = [
            admin.patch("/hosts/local", json={"schedulable": "draining"}),
            admin.patch("/hosts/local", json={"schedulable": "draining", "force": True}),
            admin.delete("/hosts/local"),
        ]

    for answer in answers:
        assert answer.status_code == 409
        assert answer.json()["message"].startswith("local is the only host that takes containers")
    assert served.platform.hosts.get("local").schedulable is Schedulable.OPEN


@pytest.mark.parametrize("on_its_way", [Schedulable.JOINING, Schedulable.LEAVING])
def test_a_host_on_its_way_in_or_out_is_neither_drained_nor_opened(
    served: Served, on_its_way: Schedulable
) -> None:
    served.platform.hosts.add(make_host("h2", schedulable=on_its_way))
    with served.by("ana") as admin:
        for word in ("draining", "open"):
            assert admin.patch("/hosts/h2", json={"schedulable": word}).status_code == 409
    assert served.platform.hosts.get("h2").schedulable is on_its_way


def test_what_cannot_become_of_a_host_is_refused(served: Served) -> None:
    served.platform.hosts.add(make_host("h2"))
    with served.by("ana") as admin:
        for body in ({}, {"schedulable": "joining"}, {"schedulable": "gone"}, {"schedulable": 1}):
            assert admin.patch("/hosts/h2", json=body).status_code == 422, body


def test_how_far_a_registration_has_come_is_told(served: Served) -> None:
    wire = served.platform.wire
    with served.by("ana") as admin:
        Progress("h2", Stage.TUNNEL, "SHA256:x").tell(wire)
        under_way = admin.get("/hosts/h2/progress").json()
        Progress("h2", Stage.FAILED, "SHA256:x", "h2 was not registered.").tell(wire)
        failed = admin.get("/hosts/h2/progress").json()

    assert (under_way["stage"], under_way["fingerprint"]) == ("tunnel", "SHA256:x")
    assert (under_way["is_over"], under_way["error"]) == (False, None)
    assert (failed["is_over"], failed["error"]) == (True, "h2 was not registered.")


def test_a_placement_is_explained(served: Served) -> None:
    placement = {
        "seed": 7,
        "candidates": {"h2": 1500, "local": 1000},
        "refused": {"h3": "is suspect"},
    }
    row = make_container(
        make_dyno("web.1", app_id=served.shop.id), host="h2", placement=placement, placed_at=0
    )
    served.stage.releases(web="serve")
    served.platform.containers.add([row])
    with served.by("ana") as client:
        told = client.get("/apps/shop/dynos/web.1/placement").json()

    assert told == {
        "dyno": "web.1",
        "state": "up",
        "host": "h2",
        "placed_at": "1970-01-01T00:00:00Z",
        "seed": 7,
        "candidates": [
            {"host": "h2", "memory_unreserved_mb": 1500},
            {"host": "local", "memory_unreserved_mb": 1000},
        ],
        "refused": [{"host": "h3", "reason": "is suspect"}],
        "reason": None,
    }


def test_what_converge_has_placed_can_be_explained(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        told = client.get("/apps/shop/dynos/web.1/placement").json()

    assert told["host"] == "local"
    assert [each["host"] for each in told["candidates"]] == ["local"]
    assert isinstance(told["seed"], int)


def test_a_place_that_nothing_fills_is_explained_by_what_is_in_the_way(served: Served) -> None:
    served.stage.releases(web="serve")
    served.platform.apps.block(served.shop.id, "No host can take web.1: local: is draining.")
    with served.by("ana") as client:
        told = client.get("/apps/shop/dynos/web.1/placement").json()
        missing = client.get("/apps/shop/dynos/web.9/placement")

    assert (told["state"], told["host"], told["candidates"]) == ("pending", None, [])
    assert told["reason"] == "No host can take web.1: local: is draining."
    assert missing.status_code == 404


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


KEY = "SHA256:" + "a" * 43


def test_a_registration_is_begun_and_its_job_queued(served: Served) -> None:
    given = {"name": "h2", "url": "ssh://deploy@10.0.0.2?socket=/srv/docker.sock", "host_key": KEY}
    with served.by("ana") as admin:
        answer = admin.post("/hosts", json=given)
        progress = admin.get("/hosts/h2/progress").json()

    host = served.platform.hosts.get("h2")
    assert (answer.status_code, answer.json()["schedulable"]) == (202, "joining")
    assert (host.ssh_url, host.host_key, host.is_local) == (given["url"], KEY, False)
    assert progress["stage"] == "queued"
    assert served.platform.wire.waiting(UPKEEP) == {"h2"}


IMPOSSIBLE: list[dict[str, object]] = [
    {}, {"name": "h2"}, {"url": "ssh://deploy@10.0.0.2"}, {"name": "local", "url": "ssh://deploy@10.0.0.2"},
    {"name": "key", "url": "ssh://deploy@10.0.0.2"}, {"name": "../h2", "url": "ssh://deploy@10.0.0.2"},
    {"name": "h2\n", "url": "ssh://deploy@10.0.0.2"}, {"name": "h" * 300, "url": "ssh://deploy@10.0.0.2"},
    {"name": "h2", "url": "10.0.0.2"}, {"name": "h2", "url": "ssh://deploy@-oProxyCommand=id"},
    {"name": "h2", "url": "ssh://deploy@10.0.0.2;id"}, {"name": "h2", "url": "ssh://" + "a" * 1000},
    {"name": "h2", "url": "ssh://deploy@10.0.0.2", "host_key": "SHA256:x"},
    {"name": "h2", "url": "ssh://deploy@10.0.0.2", "host_key": "ssh-ed25519 AAAA"},
    {"name": 2, "url": "ssh://deploy@10.0.0.2"}, {"name": "h2", "url": ["ssh://deploy@10.0.0.2"]},
]  # fmt: skip


def test_what_cannot_be_a_host_is_refused_in_one_line(served: Served) -> None:
    with served.by("ana") as admin:
        for body in IMPOSSIBLE:
            answer = admin.post("/hosts", json=body)
            assert answer.status_code == 422, body
            assert "\n" not in answer.json()["message"]

    assert [host.name for host in served.platform.hosts.all()] == ["local"]
    assert not served.platform.wire.waiting(UPKEEP)


TWICE = {
    "its name": {"name": "h2", "url": "ssh://deploy@10.0.0.9"},
    "its address and socket": {"name": "h3", "url": "ssh://other@10.0.0.2:2222"},
    "the name of its address": {"name": "h3", "url": "ssh://deploy@h2.internal"},
    "the platform's own engine": {"name": "h3", "url": "ssh://root@127.0.0.1"},
}


@pytest.mark.parametrize("what", TWICE)
def test_an_engine_is_registered_once(served: Served, what: str) -> None:
    fields = {**ELSEWHERE, "ssh_url": "ssh://deploy@h2.internal"}
    served.platform.hosts.add(make_host("h2", **fields))
    with served.by("ana") as admin:
        answer = admin.post("/hosts", json=TWICE[what])

    assert answer.status_code == 409
    assert " is registered already, as host " in answer.json()["message"]
    assert answer.json()["message"].endswith("Nothing was changed. See: paas hosts")
    assert [host.name for host in served.platform.hosts.all()] == ["h2", "local"]


def test_another_engine_of_a_registered_machine_is_another_host(served: Served) -> None:
    served.platform.hosts.add(make_host("h2", **ELSEWHERE))
    with served.by("ana") as admin:
        given = {"name": "h3", "url": "ssh://deploy@10.0.0.2?socket=/run/user/1000/docker.sock"}
        assert admin.post("/hosts", json=given).status_code == 202


def test_without_redis_nothing_is_begun(without_redis: Served) -> None:
    served = without_redis
    served.platform.hosts.add(make_host("h2"))
    with served.by("ana") as admin:
        given = {"name": "h3", "url": "ssh://deploy@10.0.0.3"}
        answers = [admin.post("/hosts", json=given), admin.delete("/hosts/h2")]

    for answer in answers:
        assert answer.status_code == 503
        assert "Nothing was changed" in answer.json()["message"]
    assert [host.name for host in served.platform.hosts.all()] == ["h2", "local"]
    assert served.platform.hosts.get("h2").schedulable is Schedulable.OPEN


def test_a_removal_is_begun_and_nothing_is_placed_there_any_more(served: Served) -> None:
    served.platform.hosts.add(make_host("h2", **ELSEWHERE))
    with served.by("ana") as admin:
        answer = admin.delete("/hosts/h2")

    assert (answer.status_code, answer.json()["schedulable"]) == (202, "leaving")
    assert served.platform.wire.waiting(UPKEEP) == {"h2"}


def test_a_host_with_containers_is_not_removed(served: Served) -> None:
    served.platform.hosts.add(make_host("h2", **ELSEWHERE))
    row = make_container(make_dyno("web.1", app_id=served.shop.id), host="h2")
    served.platform.containers.add([row])
    with served.by("ana") as admin:
        answers = [admin.delete("/hosts/h2"), admin.delete("/hosts/h2?lost=true")]
        served.platform.hosts.note("h2", health=str(HostHealth.DOWN))
        lost = admin.delete("/hosts/h2?lost=true")

    assert [answer.status_code for answer in answers] == [409, 409]
    assert (
        answers[0]
        .json()["message"]
        .startswith(
            "h2 cannot be removed: 1 container is there. Nothing was changed. Type: paas hosts:drain h2 "
        )
    )
    assert answers[1].json()["message"].startswith("h2 is not lost: it is up.")
    assert lost.status_code == 202


def test_the_platforms_own_machine_is_removed_but_never_lost(served: Served) -> None:
    served.platform.hosts.add(make_host("h2", **ELSEWHERE))
    with served.by("ana") as admin:
        lost = admin.delete("/hosts/local?lost=true")
        removed = admin.delete("/hosts/local")

    assert (lost.status_code, removed.status_code) == (409, 202)
    assert lost.json()["message"].startswith("local is not lost: it is the platform's own machine.")


def test_a_machine_is_asked_for_its_key(served: Served) -> None:
    with served.by("ana") as admin:
        answer = admin.post("/hosts/h2/key", json={"url": "ssh://deploy@10.0.0.2"})
        for name, url in (("h2", "10.0.0.2"), ("local", "ssh://deploy@10.0.0.2"), ("h2", "")):
            assert admin.post(f"/hosts/{name}/key", json={"url": url}).status_code == 422

    assert (answer.status_code, answer.json()["stage"]) == (202, "queued")
    assert [host.name for host in served.platform.hosts.all()] == ["local"]
    assert served.platform.wire.waiting(UPKEEP) == {"h2"}
