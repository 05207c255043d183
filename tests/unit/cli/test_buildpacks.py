import json

import pytest

from tests.unit.cli.api import Api
from tests.unit.cli.conftest import User

APT = "https://example.com/apt"
WHERE = "/apps/shop/buildpack-installations"


def installed(*urls: str) -> list[dict[str, object]]:
    return [
        {"ordinal": ordinal, "buildpack": {"url": url, "name": url}}
        for ordinal, url in enumerate(urls)
    ]


def test_buildpacks_are_listed_in_their_order(api: Api, user: User) -> None:
    api.returns(f"GET {WHERE}", installed(APT, "python"))

    assert user.types("paas buildpacks -a shop").out == f"1.  {APT}\n2.  python\n"
    assert json.loads(user.types("paas buildpacks --json -a shop").out) == installed(APT, "python")


def test_an_app_without_any_is_told_what_a_build_goes_by(api: Api, user: User) -> None:
    api.returns(f"GET {WHERE}", [])

    typed = user.types("paas buildpacks -a shop")

    assert typed.out == ""
    assert "shop has no buildpacks set. A build goes by its files." in typed.err


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("add nodejs", [APT, "python", "nodejs"]),
        ("add nodejs --index 1", ["nodejs", APT, "python"]),
        ("add nodejs --index 2", [APT, "nodejs", "python"]),
        ("add nodejs -i 9", [APT, "python", "nodejs"]),
        ("set nodejs", ["nodejs", "python"]),
        ("set nodejs --index 2", [APT, "nodejs"]),
        ("set nodejs --index 3", [APT, "python", "nodejs"]),
        ("remove heroku/python", [APT]),
        (f"remove {APT}", ["python"]),
        ("remove --index 1", ["python"]),
        ("clear", []),
    ],
)
def test_the_list_is_changed_as_a_whole(api: Api, user: User, line: str, after: list[str]) -> None:
    api.returns(f"GET {WHERE}", installed(APT, "python"))
    api.returns(f"PUT {WHERE}", installed(*after))

    typed = user.types(f"paas buildpacks:{line} -a shop")

    assert api.asked[-1].body == {"updates": [{"buildpack": url} for url in after]}
    uses = f"uses: {', '.join(after)}" if after else "looks at its files"
    assert typed.err == f"The next build of shop {uses}\n"
    assert typed.code == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("add heroku/python", "shop has the buildpack python already."),
        ("add http://example.com/b", "is no buildpack"),
        ("remove nodejs", "shop has no buildpack nodejs."),
        ("remove --index 3", "shop has no buildpack number 3."),
        ("remove", "Name the buildpack or its --index"),
        ("remove python --index 1", "Name the buildpack or its --index"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_changes_nothing(
    api: Api, user: User, line: str, said: str
) -> None:
    api.returns(f"GET {WHERE}", installed(APT, "python"))

    typed = user.types(f"paas buildpacks:{line} -a shop")

    assert typed.code in (1, 2)  # the second: what was typed cannot be
    assert said in typed.err
    assert typed.err.startswith("paas: ")
    assert "Nothing was changed." in typed.err
    assert all(asked.startswith("GET ") for asked in api.lines)


def test_the_cache_of_builds_is_purged(api: Api, user: User) -> None:
    api.returns("DELETE /apps/shop/build-cache", {})

    typed = user.types("paas builds:cache:purge -a shop")

    assert (typed.code, typed.err) == (0, "Purged the build cache of shop.\n")
