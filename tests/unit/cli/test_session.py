import pytest

from tests.unit.cli.api import Api
from tests.unit.cli.conftest import User


@pytest.mark.parametrize(
    "remote",
    ["ssh://paas@paas.example.com:2222/shop", "ssh://paas@localhost:2222/shop.git", "paas@host:shop",
     "https://paas.example.com/shop.git"],
)  # fmt: skip
def test_the_git_remote_says_which_app(api: Api, user: User, remote: str) -> None:
    user.has_remote(remote)
    api.returns("GET /apps/shop/domains", [{"hostname": "shop.example.com"}])

    assert user.types("paas domains").out == "shop.example.com\n"


def test_another_remote_and_a_named_app_go_before_it(api: Api, user: User) -> None:
    user.has_remote("ssh://paas@host:2222/shop")
    user.has_remote("ssh://paas@host:2222/shop-staging", name="staging")
    for app in ("shop-staging", "blog"):
        api.returns(f"GET /apps/{app}/domains", [{"hostname": app}])

    assert user.types("paas domains --remote staging").out == "shop-staging\n"
    assert user.types("paas domains -r staging --app blog").out == "blog\n"
    assert user.types("paas domains --app blog -r staging").out == "blog\n"


def test_without_either_the_way_out_is_named(api: Api, user: User) -> None:
    typed = user.types("paas ps")

    assert typed.err == (
        "paas: Which app? This folder has no git remote 'paas'."
        " Add -a NAME, or type: paas git:remote -a NAME\n"
    )
    assert (typed.code, api.asked) == (2, [])


@pytest.mark.parametrize("remote", ["--upload-pack=x", "-x", "", "a b", "a;b", "$(x)"])
def test_a_remote_that_git_would_misread_is_refused(user: User, remote: str) -> None:
    typed = user.types(f"paas ps --remote='{remote}'")

    assert typed.code == 2
    assert typed.err.count("\n") == 1
