"""What Heroku's command line asks for and this platform has in part: one line, and nothing changed."""

from tests.unit.api.served import Served

HEROKU = "heroku-cli/11.10.0 linux-x64 node-v20.20.2"


def test_it_is_told_how_to_attach_and_nothing_is_run(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana", **{"User-Agent": HEROKU}) as client:
        attached = client.post("/apps/shop/dynos", json={"command": "ls", "attach": True})
        detached = client.post("/apps/shop/dynos", json={"command": "ls", "attach": False})

    assert attached.status_code == 422
    assert "Type: paas run -a shop -- ls (or: heroku run:detached)" in attached.json()["message"]
    assert detached.status_code == 201
    assert [row.dyno.process for row in served.stage.rows()].count("run") == 1


def test_another_size_of_dyno_is_refused_and_its_own_name_is_not(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        for size, status in (("standard-2x", 422), ("Standard", 200), ("standard", 200)):
            updates = [{"type": "web", "quantity": 1, "size": size}]
            answer = client.patch("/apps/shop/formation", json={"updates": updates})
            assert answer.status_code == status, answer.text
        refused = client.post("/apps/shop/dynos", json={"command": "ls", "size": "standard-2x"})

    assert refused.status_code == 422
    assert "There is one size of dyno, Standard" in refused.json()["message"]


def test_what_there_is_none_of_is_an_empty_list(served: Served) -> None:
    with served.by("eve") as client:
        for path in ("/addons", "/addon-attachments", "/teams"):
            assert client.get(path).json() == []


def test_what_cannot_be_done_is_said_with_its_path(served: Served) -> None:
    with served.by("ana") as client:
        answer = client.post("/apps/shop/log-drains", json={"url": "https://logs.example.com"})

    assert answer.status_code == 405
    assert answer.json() == {
        "id": "method_not_allowed",
        "message": "Nothing can be done so at '/apps/shop/log-drains'. What there is: GET /docs",
    }
