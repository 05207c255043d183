import pytest

from paas.model.route import RouterStatus
from paas.routers.progress import Progress, Stage
from paas.wire import UPKEEP
from tests.make import NOW
from tests.unit.api.served import Served

KEY = "SHA256:" + "a" * 43
URL = "ssh://deploy@10.0.0.7"
GIVEN = {"name": "edge", "url": URL, "host_key": KEY}


def is_there(served: Served) -> None:
    served.platform.routers.add("edge", NOW, URL)
    served.platform.routers.pin("edge", "10.0.0.7", "ssh-ed25519 AAAA")


def test_a_registration_is_begun_and_its_job_queued(served: Served) -> None:
    with served.by("ana") as admin:
        answer = admin.post("/routers", json=GIVEN)
        progress = admin.get("/routers/edge/progress").json()

    router = served.platform.routers.get("edge")
    assert (answer.status_code, answer.json()["is_joining"]) == (202, True)
    assert (router.ssh_url, router.host_key, router.address) == (URL, KEY, None)
    assert (progress["stage"], progress["is_over"]) == ("queued", False)
    assert served.platform.wire.waiting(UPKEEP) == {"edge"}


def test_a_router_says_what_it_is_and_when_it_was_heard(served: Served) -> None:
    is_there(served)
    served.stage.deployed()
    version = served.platform.routes.version()
    assert version is not None
    served.platform.routes.acknowledge("edge", version, {}, RouterStatus(haproxy="2.6.12"), NOW)
    with served.by("eve") as client:
        edge, local = client.get("/routers").json()

    assert (edge["address"], edge["is_joining"], edge["haproxy"]) == ("10.0.0.7", True, "2.6.12")
    assert edge["seen_at"] == "2023-11-14T22:13:20Z"
    assert edge["tunnel"] == {"state": "down", "since": None}
    assert (local["address"], local["is_joining"], local["tunnel"]) == (None, False, None)


def test_the_line_with_the_password_is_for_admins_alone(served: Served) -> None:
    is_there(served)
    served.platform.settings.keys.mkdir(exist_ok=True)
    (served.platform.settings.keys / "redis.router").write_text("s3cret\n")
    with served.by("ana") as admin, served.by("eve") as client:
        shown = admin.get("/routers/edge").json()["line"]
        hidden = [client.get("/routers/edge"), client.get("/routers"), admin.get("/routers")]
        own = admin.get("/routers/local").json()["line"]

    assert shown.startswith("sudo ./install.sh --router edge --platform ")
    assert shown.endswith(" --password s3cret")
    assert own is None
    for answer in hidden:
        assert "s3cret" not in answer.text
        assert "deploy" not in answer.text


IMPOSSIBLE: list[dict[str, object]] = [
    {}, {"name": "edge"}, {"url": URL}, {"name": "local", "url": URL}, {"name": "key", "url": URL},
    {"name": "../edge", "url": URL}, {"name": "edge\n", "url": URL}, {"name": "e" * 300, "url": URL},
    {"name": "edge", "url": "10.0.0.7"}, {"name": "edge", "url": "ssh://deploy@-oProxyCommand=id"},
    {"name": "edge", "url": f"{URL};id"}, {"name": "edge", "url": "ssh://" + "a" * 1000},
    {"name": "edge", "url": f"{URL}?socket=/srv/docker.sock"}, {**GIVEN, "host_key": "SHA256:x"},
    {**GIVEN, "name": 2}, {**GIVEN, "url": [URL]},
]  # fmt: skip


def test_what_cannot_be_a_router_is_refused_in_one_line(served: Served) -> None:
    with served.by("ana") as admin:
        for body in IMPOSSIBLE:
            answer = admin.post("/routers", json=body)
            assert answer.status_code == 422, body
            assert "\n" not in answer.json()["message"]

    assert [router.name for router in served.platform.routers.all()] == ["local"]
    assert not served.platform.wire.waiting(UPKEEP)


def test_a_router_is_registered_once(served: Served) -> None:
    is_there(served)
    with served.by("ana") as admin:
        for body in ({**GIVEN, "url": "ssh://deploy@10.0.0.9"}, {**GIVEN, "name": "other"}):
            answer = admin.post("/routers", json=body)
            assert answer.status_code == 409
            assert answer.json()["message"].endswith("Nothing was changed. See: paas routers")


def test_a_router_that_is_not_there_is_told(served: Served) -> None:
    with served.by("ana") as admin:
        for method, path in (
            ("GET", "/routers/edge"),
            ("GET", "/routers/edge/progress"),
            ("DELETE", "/routers/edge"),
        ):
            answer = admin.request(method, path)
            assert answer.status_code == 404, path
            assert answer.json()["message"] == "There is no router 'edge'. See: paas routers"


def test_what_it_waits_for_is_told(served: Served) -> None:
    is_there(served)
    waiting = Progress("edge", Stage.MOVE, waits_for="1 to move: shop web.1")
    waiting.tell(served.platform.wire)
    with served.by("ana") as admin:
        told = admin.get("/routers/edge/progress").json()

    assert (told["stage"], told["waits_for"]) == ("move", "1 to move: shop web.1")


def test_a_router_elsewhere_that_is_removed_has_its_tunnel_closed(served: Served) -> None:
    is_there(served)
    with served.by("ana") as admin:
        answer = admin.delete("/routers/edge")

    assert (answer.status_code, answer.json()["address"]) == (200, "10.0.0.7")
    assert served.platform.wire.waiting(UPKEEP) == {"edge"}


def test_a_key_is_asked_for_before_anything_is_registered(served: Served) -> None:
    with served.by("ana") as admin:
        answer = admin.post("/routers/edge/key", json={"url": URL})

    assert (answer.status_code, answer.json()["stage"]) == (202, "queued")
    assert [router.name for router in served.platform.routers.all()] == ["local"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_an_admin_may_change_routers(served: Served, method: str) -> None:
    with served.by("eve") as client:
        path = "/routers" if method == "POST" else "/routers/local"
        assert client.request(method, path, json=GIVEN).status_code == 403


def test_without_redis_nothing_is_begun(without_redis: Served) -> None:
    with without_redis.by("ana") as admin:
        answer = admin.post("/routers", json=GIVEN)

    assert answer.status_code == 503
    assert "Nothing was changed" in answer.json()["message"]
    assert [router.name for router in without_redis.platform.routers.all()] == ["local"]
