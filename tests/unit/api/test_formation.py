from tests.unit.api.served import Served


def test_a_quantity_is_a_number_or_a_step(served: Served) -> None:
    served.stage.releases(web="serve", worker="work")
    steps = [(5, 5), ("5", 5), ("+2", 7), ("-1", 6), ("+0", 6), (0, 0), ("007", 7)]
    with served.by("ana") as client:
        for quantity, wanted in steps:
            updates = [{"type": "web", "quantity": quantity}]
            answer = client.patch("/apps/shop/formation", json={"updates": updates})

            assert {line["type"]: line["quantity"] for line in answer.json()} == {
                "web": wanted,
                "worker": 0,
            }
            assert int(answer.headers["Paas-Version"]) == served.shop.wake


IMPOSSIBLE: list[object] = [
    101, -1, "-2", "x", "", "1.5", 1.5, "+", "٣", "1e3", 10**30, "9" * 5000, [1], True,
]  # fmt: skip


def test_a_quantity_that_cannot_be_changes_nothing(served: Served) -> None:
    served.stage.releases(web="serve", worker="work")
    wake = served.shop.wake
    with served.by("ana") as client:
        for quantity in IMPOSSIBLE:
            updates = [{"type": "worker", "quantity": 1}, {"type": "web", "quantity": quantity}]
            answer = client.patch("/apps/shop/formation", json={"updates": updates})

            assert answer.status_code == 422, quantity
            assert len(answer.json()["message"]) < 300

    assert served.shop.wake == wake


def test_who_changes_a_stopped_app_is_told_that_it_is(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        before = client.patch("/apps/shop/formation/web", json={"quantity": 2})
        client.post("/apps/shop/actions/stop")
        changes = [
            client.patch("/apps/shop/formation/web", json={"quantity": 3}),
            client.patch("/apps/shop/config-vars", json={"A": "b"}),
            client.post("/apps/shop/domains", json={"hostname": "shop.example.com"}),
            client.delete("/apps/shop/domains/shop.example.com"),
            client.delete("/apps/shop/dynos"),
            client.delete("/apps/shop/dynos/web"),
        ]
        started = client.post("/apps/shop/actions/start")

    assert [answer.headers.get("Paas-Stopped") for answer in changes] == ["1"] * 6
    assert "Paas-Stopped" not in {*before.headers, *started.headers}


def test_one_process_type_is_scaled_by_its_own_path(served: Served) -> None:
    served.stage.releases(web="serve")
    with served.by("ana") as client:
        answer = client.patch("/apps/shop/formation/web", json={"quantity": 3})
        found = client.get("/apps/shop/formation/web").json()

    assert answer.json() == found
    assert found["quantity"] == 3
    assert found["command"] == "serve"


def test_a_process_type_that_is_not_there_is_named_with_those_that_are(served: Served) -> None:
    served.stage.releases(web="serve", release="migrate")
    with served.by("ana") as client:
        answers = [
            client.patch("/apps/shop/formation", json={"updates": [{"type": name, "quantity": 1}]})
            for name in ("worker", "release", "")
        ]
        answers.append(client.get("/apps/shop/formation/worker"))

    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].json()["message"] == "shop has no 'worker' process. It has: web."


def test_an_app_without_a_release_has_an_empty_formation(served: Served) -> None:
    with served.by("ben") as client:
        assert client.get("/apps/blog/formation").json() == []
        assert client.patch("/apps/blog/formation", json={"updates": []}).json() == []
