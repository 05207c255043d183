import pytest

from tests.unit.cli.api import Api
from tests.unit.cli.conftest import User

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1c3k= ada@laptop"
KEY = {
    "id": "k1", "fingerprint": "SHA256:a/b+c", "comment": "ada@laptop", "public_key": PUBLIC,
    "created_at": "2026-09-01T12:00:00Z",
}  # fmt: skip


def test_keys_are_listed(api: Api, user: User) -> None:
    api.returns("GET /account/keys", [KEY])

    assert user.types("paas keys").out.startswith("SHA256:a/b+c  ada@laptop  2026/")


def test_the_usual_key_is_added_when_none_is_named(api: Api, user: User) -> None:
    ssh = user.folder.parent / ".ssh"
    ssh.mkdir()
    (ssh / "id_rsa.pub").write_text("ssh-rsa AAAA old")
    (ssh / "id_ed25519.pub").write_text(f"{PUBLIC}\n")
    api.returns("POST /account/keys", KEY, 201)

    typed = user.really_types("paas keys:add")

    assert (typed.err, typed.code) == ("Added SHA256:a/b+c.\n", 0)
    assert api.asked[0].body == {"public_key": PUBLIC}


def test_a_key_may_come_from_standard_input(api: Api, user: User) -> None:
    api.returns("POST /account/keys", KEY, 201)

    user.really_types("paas keys:add -", stdin=PUBLIC.encode())

    assert api.asked[0].body == {"public_key": PUBLIC}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", "it is the private half"),
        (b"\xff\xfe", "it is not text"),
        (None, "No such file or directory"),
    ],
)
def test_a_private_key_and_what_is_no_key_stay_here(
    api: Api, user: User, content: bytes | None, expected: str
) -> None:
    if content is not None:
        (user.folder / "key").write_bytes(content)

    typed = user.types("paas keys:add key")

    assert typed.err == (
        f"paas: key cannot be added: {expected}. Give the public key's file: paas keys:add FILE.pub\n"
    )
    assert (typed.code, api.asked) == (2, [])


@pytest.mark.parametrize("named", ["SHA256:a/b+c", "ada@laptop", "k1"])
def test_a_key_is_removed_by_fingerprint_or_comment(api: Api, user: User, named: str) -> None:
    api.returns("GET /account/keys", [KEY])
    api.returns("DELETE /account/keys/k1", KEY)

    typed = user.types(f"paas keys:remove {named}")

    assert (typed.err, typed.code) == ("Removed SHA256:a/b+c.\n", 0)


def test_a_comment_that_two_keys_have_removes_none(api: Api, user: User) -> None:
    api.returns("GET /account/keys", [KEY, KEY | {"id": "k2", "fingerprint": "SHA256:d"}])

    typed = user.types("paas keys:remove ada@laptop")

    assert typed.err == "paas: You have no key 'ada@laptop'. See: paas keys\n"
    assert (typed.code, len(api.asked)) == (1, 1)
