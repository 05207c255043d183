"""Who is let in where. Every route there is must be named here."""

import re
import time

import pytest

from paas.api.gate import BODY_LIMIT, RIGHTS, Right
from paas.doctor import FACT
from paas.model.finding import Examination
from paas.web import NOUNS
from paas.web import app as api
from tests.unit.api.served import DOOR_TOKEN, Served


def every_route() -> list[tuple[str, str]]:
    found = [("GET", "/openapi.json")]
    for noun in NOUNS:
        for route in noun.router.routes:
            methods = getattr(route, "methods", None) or {"GET"}  # a WebSocket begins as a GET
            found += [(method, route.path) for method in methods - {"HEAD"}]
    return sorted(found)


def filled(path: str, app: str) -> str:
    return re.sub(r"\{[^}]+\}", "7", path.replace("{app}", app))


def test_every_route_has_a_right() -> None:
    firsts = {path.split("/")[1] for _, path in every_route()}

    assert firsts == set(RIGHTS)


def test_there_are_no_routes_but_those_of_the_nouns(served: Served) -> None:
    others = {getattr(route, "path", "") for route in api(served.platform).routes}

    assert others <= {path for _, path in every_route()} | {""}


def test_no_route_answers_without_a_token(served: Served) -> None:
    every = every_route()
    assert len(every) > 50

    with served.by_nobody() as client:
        answers = {
            (method, path): client.request(method, filled(path, "blog")) for method, path in every
        }

    assert {answer.status_code for answer in answers.values()} == {401}
    for (_, path), answer in answers.items():
        if path.startswith("/{app}.git/"):  # git shows a text
            assert answer.text == "Give a token that is known here. Type: paas login\n"
        else:
            assert answer.json()["id"] == "unauthorized"


NOT_KNOWN = [
    "Bearer", "Bearer " + "0" * 64, f"Bearer {DOOR_TOKEN}", "Basic !!!", "Basic Og==", "Digest x", "Bearer éÿ",
    "Basic " + "A" * 30000, "x",
]  # fmt: skip


def test_no_route_answers_a_token_that_is_not_known(served: Served) -> None:
    with served.by_nobody() as client:
        for authorization in NOT_KNOWN:
            headers = {"Authorization": authorization.encode("latin-1")}
            for method, path in every_route():
                answer = client.request(method, filled(path, "blog"), headers=headers)
                assert answer.status_code == 401, (authorization, method, path)


def test_a_strangers_app_is_not_there(served: Served) -> None:
    below = [route for route in every_route() if "{app}" in route[1]]
    assert len(below) > 30

    with served.by("eve") as client:
        answers = [client.request(method, filled(path, "blog")) for method, path in below]
        absent = [client.request(method, filled(path, "nothing")) for method, path in below]

    assert {answer.status_code for answer in answers} == {404}
    assert [each.text.replace("blog", "X") for each in answers] == [
        each.text.replace("nothing", "X") for each in absent
    ]


def test_an_app_is_reached_by_its_owner_and_by_an_admin(served: Served) -> None:
    below = [route for route in every_route() if "{app}" in route[1] and route[0] != "DELETE"]
    for name in ("ben", "ana"):
        with served.by(name) as client:
            for method, path in below:
                answer = client.request(method, filled(path, "blog"))
                missing = f"There is no app '{'blog'}'"
                assert answer.status_code not in (401, 403), (method, path)
                assert missing not in answer.text, (method, path)
                assert answer.status_code < 500, (method, path, answer.text)


def test_only_an_admin_gets_at_people_and_changes_hosts_and_routers(served: Served) -> None:
    served.platform.routers.set_fact(FACT, Examination(time.time() + 60, []).dump())
    with served.by("ben") as client:
        refused = {
            (method, path)
            for method, path in every_route()
            if client.request(method, filled(path, "blog")).status_code == 403
        }

    assert refused == {
        ("GET", "/doctor"), ("GET", "/people"), ("POST", "/people"), ("DELETE", "/people/{name}"),
        ("POST", "/hosts"), ("POST", "/hosts/{name}/key"), ("PATCH", "/hosts/{name}"), ("DELETE", "/hosts/{name}"),
        ("POST", "/routers"), ("POST", "/routers/{name}/key"), ("DELETE", "/routers/{name}"),
    }  # fmt: skip


def test_a_token_may_also_come_as_a_password(served: Served) -> None:
    with served.by_nobody() as client:
        answer = client.get("/account", auth=("", served.tokens["ben"]))

    assert answer.json()["name"] == "ben"


def test_a_page_of_another_site_cannot_use_a_password_that_the_browser_knows(
    served: Served,
) -> None:
    with served.by_nobody() as client:
        auth = ("", served.tokens["ben"])
        host = served.url.removeprefix("http://")
        other = client.post(
            "/apps/blog/actions/stop", auth=auth, headers={"Origin": "http://evil.test"}
        )
        own = client.get("/account", auth=auth, headers={"Origin": f"http://{host}"})

    assert other.status_code == 403
    assert own.status_code == 200


def test_a_path_that_is_nowhere_is_told_so_after_the_token(served: Served) -> None:
    with served.by("ana") as client:
        answers = [
            client.get(path)
            for path in ("/", "/nothing", "//apps", "/apps/", "/.git/config", "/%00", "/Apps")
        ]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["id"] for answer in answers} == {"not_found"}


def test_the_door_is_let_in_by_the_socket_only(served: Served) -> None:
    with served.by_door() as socket, served.by_nobody(Authorization=f"Bearer {DOOR_TOKEN}") as tcp:
        by_socket = socket.get("/door", params={"key": "SHA256:none"})
        by_tcp = tcp.get("/door", params={"key": "SHA256:none"})

    assert by_socket.status_code == 403
    assert "belongs to nobody" in by_socket.json()["message"]
    assert by_tcp.status_code == 401


def test_people_are_not_let_in_by_the_door(served: Served) -> None:
    with served.by("ana") as client:
        assert client.get("/door", params={"key": "x"}).status_code == 404


def test_the_door_may_push_for_a_person_and_nothing_else(served: Served) -> None:
    with served.by_door(**{"Paas-Person": "ben"}) as client:
        may = {
            (method, path)
            for method, path in every_route()
            if client.request(method, filled(path, "blog")).status_code not in (401, 403)
        }
        others = client.get("/apps/shop/builds")

    assert may == {
        ("GET", "/door"), ("POST", "/sources"), ("PUT", "/sources/{source}"), ("GET", "/apps/{app}/builds"),
        ("POST", "/apps/{app}/builds"), ("GET", "/apps/{app}/builds/{build}"),
        ("DELETE", "/apps/{app}/builds/{build}"), ("GET", "/apps/{app}/builds/{build}/output"),
    }  # fmt: skip
    assert others.status_code == 404


def test_a_door_that_speaks_for_nobody_gets_nothing(served: Served) -> None:
    with served.by_door() as client:
        assert client.post("/sources").status_code == 401
        assert client.get("/apps/blog/builds").status_code == 401


@pytest.mark.parametrize("told", [True, False])
def test_a_body_that_is_too_large_is_refused_and_changes_nothing(
    served: Served, told: bool
) -> None:
    body = b'{"A": "' + b"a" * BODY_LIMIT + b'"}'
    content = body if told else iter([body[:1000], body[1000:]])
    with served.by("ben") as client:
        answer = client.patch(
            "/apps/blog/config-vars", content=content, headers={"Content-Type": "application/json"}
        )

    assert answer.status_code == 413
    assert answer.json()["id"] == "too_large"
    assert served.platform.releases.all(served.blog.id) == []


def test_every_answer_has_an_id_of_its_own(served: Served) -> None:
    with served.by("ben") as client:
        ids = [
            client.get(path).headers["Request-Id"] for path in ("/account", "/account", "/nothing")
        ]

    assert len(set(ids)) == 3


def test_every_right_is_used() -> None:
    assert set(RIGHTS.values()) == set(Right)
