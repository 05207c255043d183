import shlex
from pathlib import Path

from tests.unit.cli.api import TOKEN, Api, refusal, serve_unix
from tests.unit.cli.conftest import User
from tests.unit.cli.test_keys import PUBLIC


def test_people_are_listed(api: Api, user: User) -> None:
    api.returns(
        "GET /people",
        [
            {"name": "ada", "admin": True, "created_at": "2026-09-01T12:00:00Z"},
            {"name": "grace", "admin": False, "created_at": "2026-09-01T12:00:00Z"},
        ],
    )

    first, second = user.types("paas people").out.splitlines()

    assert first.startswith("ada    admin  2026/")
    assert second.startswith("grace         2026/")


def test_the_line_that_is_printed_once_logs_the_new_person_in(
    api: Api, user: User, url: str
) -> None:
    (user.folder / "grace.pub").write_text(f"{PUBLIC}\n")
    api.returns("POST /people", {"name": "grace", "token": TOKEN}, 201)
    api.returns("GET /account", {"name": "grace"})

    typed = user.types("paas people:add grace --key grace.pub")
    user.is_not_logged_in()
    echo, token, pipe, *login = shlex.split(typed.out)
    logged_in = user.really_types(shlex.join(login), stdin=f"{token}\n".encode())

    assert (echo, pipe, typed.out.count("\n")) == ("echo", "|", 1)
    assert api.asked[0].body == {"name": "grace", "key": PUBLIC}
    assert logged_in.err == f"Logged in to {url} as grace.\n"


def test_the_line_names_the_url_that_the_platform_is_reached_at(api: Api, user: User) -> None:
    api.returns(
        "POST /people", {"name": "g", "token": TOKEN, "url": "https://api.example.com"}, 201
    )

    typed = user.types("paas people:add g --admin")

    assert typed.out == f"echo {TOKEN} | paas login https://api.example.com --token-stdin\n"
    assert "ssh -N -L" not in typed.err
    assert api.asked[0].body == {"name": "g", "admin": True}


def test_the_line_never_names_a_socket_of_this_machine(
    api: Api, user: User, tmp_path: Path
) -> None:
    api.returns("POST /people", {"name": "g", "token": TOKEN}, 201)
    with serve_unix(api, tmp_path / "s") as socket:
        user.environment = type(user.environment)(config=str(user.config), url=socket, token=TOKEN)

        typed = user.types("paas people:add g")

    assert typed.out == f"echo {TOKEN} | paas login http://127.0.0.1:5000 --token-stdin\n"
    assert "ssh -N -L 5000:127.0.0.1:5000" in typed.err


def test_what_is_no_token_is_not_printed_as_a_line_to_type(api: Api, user: User) -> None:
    api.returns("POST /people", {"name": "g", "token": "x; rm -rf ~"}, 201)

    typed = user.types("paas people:add g")

    assert (typed.out, typed.code) == ("", 2)


def test_who_may_not_is_told_so(api: Api, user: User) -> None:
    api.says("DELETE /people/ada", refusal(403, "forbidden", "Only an admin may remove people."))

    typed = user.types("paas people:remove ada")

    assert (typed.err, typed.code) == ("paas: Only an admin may remove people.\n", 1)
