import pytest

from tests.unit.cli.api import TOKEN, Api
from tests.unit.cli.conftest import User
from tests.unit.cli.test_apps import DOOR, SHOP


def test_a_remote_goes_over_http_where_that_is_asked_for(api: Api, user: User, url: str) -> None:
    user.has_remote(f"{DOOR}/shop")
    api.returns("GET /apps/shop", SHOP)

    typed = user.types("paas git:remote -a shop --http")

    assert (typed.err, typed.code) == ("The git remote 'paas' pushes to shop.\n", 0)
    assert user.git("remote", "get-url", "paas") == f"{url}/shop.git"
    helpers = user.git("config", "--get-all", f"credential.{url}.helper")
    assert helpers == "!paas git:credentials"


def test_and_back_over_ssh(api: Api, user: User) -> None:
    user.has_remote(f"{DOOR}/shop")
    api.returns("GET /apps/shop", SHOP)
    user.types("paas git:remote -a shop --http")

    typed = user.types("paas git:remote -a shop")

    assert typed.code == 0
    assert user.git("remote", "get-url", "paas") == f"{DOOR}/shop"


def test_another_remote_is_left_alone(api: Api, user: User) -> None:
    user.has_remote("https://forge.example.com/me/shop.git")
    api.returns("GET /apps/shop", SHOP)

    typed = user.types("paas git:remote -a shop --http")

    assert typed.code == 1
    assert "points at https://forge.example.com/me/shop.git and was left so." in typed.err


def test_the_helper_alone_is_asked_and_told(api: Api, user: User, url: str) -> None:
    user.has_remote(f"{DOOR}/shop")
    user.git("config", "credential.helper", "store --file=told")
    api.returns("GET /apps/shop", SHOP)
    user.types("paas git:remote -a shop --http")
    user.types("paas git:remote -a shop --http")

    every = user.git("config", "--get-all", f"credential.{url}.helper").splitlines()

    assert [each for each in every if each] == ["!paas git:credentials"]


def asks(user: User, question: str, action: str = "get") -> str:
    typed = user.really_types(f"paas git:credentials {action}", question.encode())
    return typed.out


def test_git_is_told_the_token_for_this_platform(user: User, url: str) -> None:
    host = url.removeprefix("http://")
    told = f"username=paas\npassword={TOKEN}\n"

    assert asks(user, f"protocol=http\nhost={host}\n\n") == told
    assert asks(user, f"url={url}\n") == told
    assert asks(user, f"url={url.replace('127.0.0.1', 'localhost')}\n") == told


@pytest.mark.parametrize(
    "question",
    ["", "garbage", "protocol=http\nhost=evil.example.com\n", "protocol=https\nhost=127.0.0.1\n",
     "protocol=http\nhost=127.0.0.1:1\n", "url=http://127.0.0.1.evil.example.com/\n"],
)  # fmt: skip
def test_nobody_else_is_told_the_token(user: User, question: str) -> None:
    assert asks(user, question) == ""


@pytest.mark.parametrize("action", ["store", "erase"])
def test_git_does_not_change_what_is_kept(user: User, url: str, action: str) -> None:
    assert asks(user, f"url={url}\nusername=x\npassword=y\n", action) == ""
