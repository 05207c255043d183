import json
import stat
import subprocess

from tests.unit.api.served import KEY, OTHER_KEY, Served

AS_JSON = {"Content-Type": "application/json"}


def admitted(served: Served) -> list[str]:
    return (served.platform.settings.door / "authorized_keys").read_text().splitlines()


def test_a_key_opens_the_door_when_its_adding_is_answered(served: Served) -> None:
    with served.by("ben") as client:
        answer = client.post("/account/keys", json={"public_key": f" {KEY}\n"})

    fingerprint = answer.json()["fingerprint"]
    told = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=KEY, text=True, capture_output=True, check=True
    )
    assert answer.status_code == 201
    assert fingerprint == told.stdout.split()[1]
    assert answer.json()["comment"] == "ana@laptop"
    (line,) = admitted(served)
    assert line.startswith('restrict,command="') and line.endswith(
        f'{fingerprint}" {" ".join(KEY.split()[:2])}'
    )


def test_only_the_platform_and_the_door_read_what_opens_it(served: Served) -> None:
    with served.by("ben") as client:
        client.post("/account/keys", json={"public_key": KEY})

    mode = (served.platform.settings.door / "authorized_keys").stat().st_mode
    assert stat.S_IMODE(mode) == 0o640


def test_a_key_opens_nothing_when_its_removal_is_answered(served: Served) -> None:
    with served.by("ben") as client:
        for by in ("fingerprint", "id"):
            key = client.post("/account/keys", json={"public_key": KEY}).json()
            assert client.get(f"/account/keys/{key[by]}").json() == key
            assert client.delete(f"/account/keys/{key[by]}").status_code == 200
            assert client.delete(f"/account/keys/{key[by]}").status_code == 404

    assert admitted(served) == []


def test_a_key_is_one_persons(served: Served) -> None:
    with served.by("ben") as ben, served.by("eve") as eve:
        key = ben.post("/account/keys", json={"public_key": KEY}).json()
        again = ben.post("/account/keys", json={"public_key": KEY})
        by_another = eve.post("/account/keys", json={"public_key": KEY})
        removed = eve.delete(f"/account/keys/{key['id']}")

        assert (again.status_code, by_another.status_code, removed.status_code) == (409, 409, 404)
        assert eve.get("/account/keys").json() == []
    assert len(admitted(served)) == 1


def test_what_is_no_key_is_told_in_one_line(served: Served) -> None:
    kind, data = KEY.split()[:2]
    hostile = [
        "", "x", "ssh-ed25519", f"{kind} !!!", f"ssh-rsa {data}", f"{kind} {data[:-8]}\n{kind} {data}",
        f'command="sh" {kind} {data}', f"{kind} {data}\r\nx", "-----BEGIN OPENSSH PRIVATE KEY-----", "ssh-dss AAAA",
        f"{kind} {'A' * 200000}", "\x00", "\ud800",
    ]  # fmt: skip
    with served.by("ben") as client:
        for text in hostile:
            content = json.dumps({"public_key": text})
            answer = client.post("/account/keys", content=content, headers=AS_JSON)
            assert answer.status_code == 422, text
            assert "\n" not in answer.json()["message"]

        assert client.get("/account/keys").json() == []


def test_a_comment_that_could_do_harm_stays_out_of_the_door(served: Served) -> None:
    with served.by("ben") as client:
        client.post(
            "/account/keys",
            json={"public_key": f'{OTHER_KEY.rsplit(" ", 1)[0]} "; rm -rf / \u202e'},
        )

    (line,) = admitted(served)
    assert line.endswith(OTHER_KEY.split()[1])
