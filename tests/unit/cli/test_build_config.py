import json

import pytest

from tests.unit.cli.api import Api
from tests.unit.cli.conftest import User

WHERE = "/apps/shop/build-config"
SET = {
    "path": "services/api", "dockerfile": None, "target": "web", "args": ["A", "B"], "secrets": [],
}  # fmt: skip
NOTHING = {"path": None, "dockerfile": None, "target": None, "args": [], "secrets": []}


def test_what_is_set_is_listed(api: Api, user: User) -> None:
    api.returns(f"GET {WHERE}", SET)

    typed = user.types("paas builds:config -a shop")

    assert typed.out == "path:    services/api\ntarget:  web\nargs:    A, B\n"
    assert json.loads(user.types("paas builds:config --json -a shop").out) == SET


def test_an_app_without_any_says_so(api: Api, user: User) -> None:
    api.returns(f"GET {WHERE}", NOTHING)

    typed = user.types("paas builds:config -a shop")

    assert (typed.out, typed.code) == ("", 0)
    assert typed.err.startswith("shop has no build settings.")


def test_settings_are_set_all_at_once(api: Api, user: User) -> None:
    api.returns(f"PATCH {WHERE}", SET)

    typed = user.types("paas builds:config path=services/api target=web args=A,B -a shop")

    assert api.asked[-1].body == {"path": "services/api", "target": "web", "args": ["A", "B"]}
    assert typed.err == "The next build of shop uses: path=services/api target=web args=A,B\n"
    assert (typed.out, typed.code) == ("", 0)


def test_settings_are_unset(api: Api, user: User) -> None:
    api.returns(f"PATCH {WHERE}", NOTHING)

    typed = user.types("paas builds:config:unset path args -a shop")

    assert api.asked[-1].body == {"path": None, "args": None}
    assert (typed.err, typed.code) == ("shop has no build settings\n", 0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("builds:config path", "'path' is no SETTING=VALUE"),
        ("builds:config path=", "'path=' is no SETTING=VALUE"),
        ("builds:config target=a target=b", "'target=b' is no SETTING=VALUE"),
        ("builds:config folder=x", "is none. There are: path, dockerfile, target, args, secrets"),
        ("builds:config path=../x", "without '..'"),
        ("builds:config args=KEY=value", "no name of a config var"),
        ("builds:config:unset folder", "is none. There are: path"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_asked(
    api: Api, user: User, line: str, said: str
) -> None:
    typed = user.types(f"paas {line} -a shop")

    assert typed.code in (1, 2)
    assert said in typed.err
    assert "Nothing was changed." in typed.err
    assert api.lines == []
