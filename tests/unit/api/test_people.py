from paas.auth import write_authorized_keys
from tests.unit.api.served import KEY, OTHER_KEY, Served


def test_a_new_person_gets_a_token_that_is_shown_once(served: Served) -> None:
    with served.by("ana") as admin:
        made = admin.post("/people", json={"name": "fay", "key": KEY, "admin": True})
        listed = admin.get("/people").json()

    assert made.status_code == 201
    served.tokens["fay"] = made.json()["token"]
    with served.by("fay") as client:
        account = client.get("/account").json()
        keys = client.get("/account/keys").json()
    assert (account["name"], account["admin"]) == ("fay", True)
    assert len(keys) == 1
    assert "token" not in str(listed)
    assert [person["name"] for person in listed] == ["ana", "ben", "eve", "fay"]
    assert made.json()["url"] == served.url


def test_adding_a_person_is_all_or_nothing(served: Served) -> None:
    with served.by("ana") as admin:
        admin.post("/account/keys", json={"public_key": KEY})
        for body in (
            {"name": "ben"}, {"name": "Fay"}, {"name": ""}, {"name": "fay", "key": "x"}, {"name": "fay", "key": KEY},
            {"name": "a" * 33}, {"name": "fay\n"}, {"name": None}, {}, {"name": "fay", "admin": "perhaps"},
        ):  # fmt: skip
            assert admin.post("/people", json=body).status_code in (409, 422), body

        assert [person["name"] for person in admin.get("/people").json()] == ["ana", "ben", "eve"]


def test_who_is_removed_can_do_nothing_and_their_apps_go_on(served: Served) -> None:
    with served.by("ben") as ben, served.by("ana") as admin:
        ben.post("/account/keys", json={"public_key": OTHER_KEY})
        assert admin.delete("/people/ben").status_code == 200

        assert ben.get("/account").status_code == 401
        assert admin.delete("/people/ben").status_code == 404
        assert admin.get("/apps/blog").json()["owner"]["email"] == "ana@localhost"
    assert (served.platform.settings.door / "authorized_keys").read_text() == ""


def test_nobody_removes_themselves(served: Served) -> None:
    with served.by("ana") as admin:
        assert admin.delete("/people/ana").status_code == 409
        assert admin.get("/account").status_code == 200


def test_what_opens_the_door_is_written_anew_from_the_record(served: Served) -> None:
    with served.by("ben") as client:
        client.post("/account/keys", json={"public_key": KEY})
    path = served.platform.settings.door / "authorized_keys"
    before = path.read_text()
    path.write_text("ssh-ed25519 AAAA intruder\n")

    write_authorized_keys(served.platform)

    assert path.read_text() == before
