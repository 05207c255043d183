from tests.unit.api.served import KEY, Served


def registered(served: Served) -> str:
    with served.by("ben") as client:
        return str(client.post("/account/keys", json={"public_key": KEY}).json()["fingerprint"])


def test_the_door_learns_whose_key_it_is_and_which_app(served: Served) -> None:
    key = registered(served)
    with served.by_door() as door:
        alone = door.get("/door", params={"key": key}).json()
        found = door.get("/door", params={"key": key, "app": "blog"}).json()

    assert alone == {"person": "ben", "app": None, "limits": {"source_mb": 1024}}
    assert found["app"] == {"id": served.blog.id, "name": "blog"}


def test_an_app_that_is_not_theirs_is_not_there(served: Served) -> None:
    key = registered(served)
    with served.by_door() as door:
        others = door.get("/door", params={"key": key, "app": "shop"})
        absent = door.get("/door", params={"key": key, "app": "nothing"})

    assert others.status_code == absent.status_code == 404
    assert others.json()["message"] == "There is no app 'shop'. Type: paas create shop"


def test_the_door_speaks_for_the_person_of_a_key(served: Served) -> None:
    key = registered(served)
    with served.by_door(**{"Paas-Key": key}) as door:
        assert door.get("/apps/blog/builds").json() == []
        assert door.get("/apps/shop/builds").status_code == 404
        assert door.post("/sources").status_code == 201
    with served.by_door(**{"Paas-Key": "SHA256:none"}) as door:
        assert door.get("/apps/blog/builds").status_code == 403
    with served.by_door(**{"Paas-Person": "nobody"}) as door:
        assert door.get("/apps/blog/builds").status_code == 404
