import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.api import Api, Reply
from tests.unit.cli.conftest import PAAS, User

HEAVY = ("websockets", "ssl", "asyncio", "email", "http", "tomllib", "subprocess", "paas.store")


@pytest.mark.parametrize("line", ["paas", "paas --help", "paas -h"])
def test_the_overview_names_every_section(user: User, line: str) -> None:
    typed = user.really_types(line)

    assert typed.code == 0
    assert "git push paas main" in typed.out
    for title in ("Apps:", "Config vars:", "Dynos:", "Domains:", "The platform:"):
        assert title in typed.out


def test_the_version_is_printed(user: User) -> None:
    assert user.types("paas --version").out.startswith("paas ")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("paas scael web=5", "paas: There is no command 'scael'. Did you mean: paas scale? See: paas --help"),
        ("paas xyzzy", "paas: There is no command 'xyzzy'. See: paas --help"),
        ("paas ps --nope", "paas ps: No such option '--nope'. See: paas ps --help"),
        ("paas destroy", "paas destroy: Missing argument 'NAME'. See: paas destroy --help"),
        ("paas apps shop", "paas apps: Got unexpected extra argument (shop). See: paas apps --help"),
        ("paas ps -a ..", "paas: '..' cannot be a name of anything here."),
        ("paas ps -a ''", "paas: '' cannot be a name of anything here."),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line_and_code_2(user: User, line: str, expected: str) -> None:
    typed = user.types(line)

    assert typed.err.replace(":  ", ": ") == f"{expected}\n"
    assert (typed.out, typed.code) == ("", 2)


def test_an_api_that_is_not_there_is_one_line_and_code_1(user: User) -> None:
    typed = user.really_types("paas apps", PAAS_URL="/nowhere/api.sock")

    assert typed.err == (
        "paas: The platform does not answer at unix:///nowhere/api.sock: No such file or directory."
        " Look there: paasd status; or: paas login URL\n"
    )
    assert typed.code == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"\x00\xff garbage", 500),
        Reply(b"<html>Bad gateway</html>", 502),
        Reply({"message": 5}, 418),
        Reply([1, 2], 400),
        Reply(b"not json", 200),
        Reply({"id": "x", "message": "a\r\nb\x1b[2Jc\u202e"}, 422),
        Reply(status=302, headers={"Location": "http://evil.example"}),
        Reply({"a": 1}, is_cut=True),
        Reply({"a": 1}),
        Reply([{"a": 1}]),
    ],
)
def test_whatever_the_server_answers_the_error_is_one_printable_line(
    api: Api, user: User, reply: Reply
) -> None:
    api.says("GET /apps", reply)

    typed = user.types("paas apps")

    assert typed.code == 1
    assert typed.err.endswith("\n")
    assert typed.err[:-1].isprintable()


def test_the_common_path_imports_nothing_heavy() -> None:
    code = (
        "import sys; from paas.cli.dispatch import cli; import paas.cli.scale, paas.cli.ps;"
        "print(*(name for name in sys.modules), sep='\\n')"
    )

    loaded = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip

    assert [name for name in HEAVY if name in loaded] == []


def test_output_that_cannot_be_written_is_one_line(api: Api, user: User) -> None:
    api.returns("GET /apps", [{"name": "shop", "web_url": "http://shop.localhost/"}])
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [PAAS, "apps"], stdout=full, stderr=subprocess.PIPE, env=user.process_environment(),
            check=False,
        )  # fmt: skip

    assert (done.stderr, done.returncode) == (b"paas: the output: No space left on device\n", 1)


def test_output_that_nobody_wants_is_left_out(api: Api, user: User) -> None:
    api.returns("GET /account", {"name": "ada"})

    done = subprocess.run(
        ["sh", "-c", '"$0" whoami >&-', PAAS], stderr=subprocess.PIPE, check=False,
        env=user.process_environment(),
    )  # fmt: skip

    assert (done.stderr, done.returncode) == (b"", 0)
