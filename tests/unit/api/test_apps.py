import getpass

import pytest

from tests.unit.api.served import Served


def test_a_person_sees_their_own_apps_and_an_admin_all(served: Served) -> None:
    with served.by("ben") as ben, served.by("ana") as ana, served.by("eve") as eve:
        assert [app["name"] for app in ben.get("/apps").json()] == ["blog"]
        assert [app["name"] for app in ana.get("/apps").json()] == ["blog", "shop"]
        assert [app["name"] for app in ana.get("/users/~/apps").json()] == ["shop"]
        assert eve.get("/apps").json() == []


def test_a_new_app_says_where_it_is_served_and_where_to_push(served: Served) -> None:
    settings = served.platform.settings
    with served.by("eve") as client:
        made = client.post("/apps", json={"name": "notes"})

    assert made.status_code == 201
    app = made.json()
    assert app["owner"]["email"] == f"eve@{settings.apps_domain}"
    assert app["web_url"] == "http://notes.localhost/"
    assert app["git_url"] == f"ssh://{getpass.getuser()}@localhost:2222/notes"
    assert served.platform.apps.named("notes").owner == "eve"


def test_an_app_without_a_name_gets_one(served: Served) -> None:
    with served.by("eve") as client:
        names = {
            client.post("/apps", json=body).json()["name"]
            for body in ({}, {"name": None}, {"region": "eu"})
        }
        names.add(client.post("/apps").json()["name"])

    assert len(names) == 4


def test_a_name_is_given_once(served: Served) -> None:
    with served.by("eve") as client:
        answer = client.post("/apps", json={"name": "blog"})

    assert answer.status_code == 409
    assert answer.json() == {
        "id": "conflict",
        "message": "The name 'blog' is taken. Choose another: paas create NAME",
    }


def test_who_owns_the_app_is_told_how_to_push_to_it(served: Served) -> None:
    with served.by("ben") as client, served.by("ana") as admin:
        mine = client.post("/apps", json={"name": "blog"})
        others = admin.post("/apps", json={"name": "blog"})

    assert (mine.status_code, others.status_code) == (409, 409)
    assert mine.json()["message"] == (
        "You have an app 'blog' already. To push to it from here: paas git:remote -a blog"
    )
    assert "is taken" in others.json()["message"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "Shop",
        "shop-",
        "1shop",
        "a" * 31,
        "api",
        "localhost",
        "sh/op",
        "sh\nop",
        "\ud800",
        "шоп",
    ],
)
def test_a_name_outside_the_grammar_is_refused(served: Served, name: str) -> None:
    with served.by("eve") as client:
        answer = client.post(
            "/apps",
            content=b'{"name": ' + _json(name) + b"}",
            headers={"Content-Type": "application/json"},
        )

    assert answer.status_code == 422
    assert answer.json()["id"] == "invalid_params"
    assert "\n" not in answer.json()["message"]
    assert len(served.platform.apps.all()) == 2


def test_an_app_is_found_by_name_and_by_id(served: Served) -> None:
    with served.by("ben") as client:
        assert client.get("/apps/blog").json() == client.get(f"/apps/{served.blog.id}").json()


def test_a_destroyed_app_frees_its_name_at_once(served: Served) -> None:
    with served.by("ben") as client:
        assert client.delete("/apps/blog").json()["name"] == "blog"
        assert client.delete("/apps/blog").status_code == 404
        assert client.post("/apps", json={"name": "blog"}).status_code == 201


def test_what_cannot_be_changed_of_an_app_is_told(served: Served) -> None:
    with served.by("ben") as client:
        same = client.patch("/apps/blog", json={"name": "blog", "maintenance": False})
        other = client.patch("/apps/blog", json={"maintenance": True})

    assert same.status_code == 200
    assert other.status_code == 422
    assert "maintenance mode" in other.json()["message"]


def test_a_stopped_app_says_so(served: Served) -> None:
    with served.by("ben") as client:
        stopped = client.post("/apps/blog/actions/stop")
        assert client.get("/apps/blog").json()["stopped"]
        started = client.post("/apps/blog/actions/start")

    assert stopped.json()["stopped"] and not started.json()["stopped"]
    assert int(stopped.headers["Paas-Version"]) < int(started.headers["Paas-Version"])


def _json(text: str) -> bytes:
    return b'"' + text.encode("unicode_escape").replace(b"\\x", b"\\u00") + b'"'
