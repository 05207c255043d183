import pytest

from tests.unit.cli.api import TOKEN, Api
from tests.unit.cli.conftest import User


def test_login_tries_the_token_and_keeps_it_for_its_owner_alone(
    api: Api, user: User, url: str
) -> None:
    user.is_not_logged_in()
    api.returns("GET /account", {"name": "ada", "email": "ada@localhost", "id": "1"})

    typed = user.really_types(f"paas login {url} --token-stdin", stdin=f"{TOKEN}\n".encode())

    assert (typed.out, typed.err, typed.code) == ("", f"Logged in to {url} as ada.\n", 0)
    assert user.config.read_text() == f'url = "{url}"\ntoken = "{TOKEN}"\n'
    assert user.config.stat().st_mode & 0o777 == 0o600
    assert user.really_types("paas whoami").out == "ada\n"


def test_a_token_that_is_not_accepted_is_not_kept(user: User, url: str) -> None:
    user.is_not_logged_in()

    typed = user.really_types(f"paas login {url} --token-stdin", stdin=b"wrong\n")

    assert typed.err == f"paas: {url} does not accept your token. Type: paas login {url}\n"
    assert typed.code == 1
    assert not user.config.exists()


def test_login_asks_only_on_a_terminal(user: User, url: str) -> None:
    typed = user.types(f"paas login {url}")

    assert typed.err.startswith(
        "paas: There is no terminal to ask for the token on. Type: paas login"
    )
    assert typed.code == 2


def test_login_without_a_url_is_to_where_one_was(api: Api, user: User, url: str) -> None:
    user.is_not_logged_in()
    user.config.write_text(f'token = "old"\nurl = "{url}" # ours\n')
    api.returns("GET /account", {"name": "ada"})

    typed = user.really_types("paas login --token-stdin", stdin=TOKEN.encode())

    assert typed.code == 0
    assert f'token = "{TOKEN}"' in user.config.read_text()


def test_login_into_a_file_that_cannot_be_written_says_so(api: Api, user: User, url: str) -> None:
    user.is_not_logged_in()
    api.returns("GET /account", {"name": "ada"})
    user.config.mkdir()

    typed = user.really_types(f"paas login {url} --token-stdin", stdin=TOKEN.encode())

    assert typed.code == 1
    assert f"{user.config} cannot be written: Is a directory." in typed.err
    assert [path.name for path in user.config.parent.glob(".paas*")] == []


def test_without_a_login_the_next_command_is_named(user: User) -> None:
    user.is_not_logged_in()

    typed = user.types("paas apps")

    assert typed.err == f"paas: Not logged in: there is no {user.config}. Type: paas login URL\n"
    assert typed.code == 1


def test_the_token_of_the_file_goes_only_to_the_url_of_the_file(
    api: Api, user: User, url: str
) -> None:
    user.is_not_logged_in()
    user.config.write_text(f'url = "https://api.example.com"\ntoken = "{TOKEN}"\n')

    typed = user.really_types("paas apps", PAAS_URL=url)

    assert typed.code == 1
    assert f"PAAS_URL is {url}" in typed.err
    assert api.asked == []


def test_a_socket_may_be_named_as_such(user: User) -> None:
    user.is_not_logged_in()
    user.config.write_text('socket = "/nowhere/api.sock"\ntoken = "abc"\n')

    typed = user.types("paas apps")

    assert "does not answer at unix:///nowhere/api.sock" in typed.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "does not say url and token"),
        (b'url = "http://localhost"\n', "does not say url and token"),
        (b"url = 5\ntoken = 6\n", "does not say url and token"),
        (b"not toml at all", "is not TOML"),
        (b"\xff\xfe\x00", "is not TOML"),
        (b'url = "http://localhost"\ntoken = "a b"\n', "not a token"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(user: User, text: bytes, expected: str) -> None:
    user.is_not_logged_in()
    user.config.write_bytes(text)

    typed = user.types("paas apps")

    assert expected in typed.err
    assert typed.err.count("\n") == 1
    assert typed.code == 2
