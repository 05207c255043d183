import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paas.cli.config import read_assignments
from tests.unit.cli.api import Api, ndjson
from tests.unit.cli.conftest import User

VARS = {"SECRET": "hunter2", "A": "line 1\nline 2\x1b[31m"}


def test_config_masks_the_values(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/config-vars", VARS)

    typed = user.types("paas config -a shop")

    assert typed.out == "A:      ********\nSECRET: ********\n"
    assert json.loads(user.types("paas config -a shop --json").out) == dict.fromkeys(
        VARS, "********"
    )


def test_config_shows_the_values_when_asked_to(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/config-vars", VARS)

    assert user.types("paas config -a shop --show").out == (
        "A:      line 1\\nline 2\\x1b[31m\nSECRET: hunter2\n"
    )
    assert json.loads(user.types("paas config -a shop --show --json").out) == VARS


@pytest.mark.parametrize("value", ["", "a\nb\n", "\x1b[31m'\"$(x)`\\", "é😀", "x" * 32768])
def test_config_get_prints_a_value_byte_for_byte(api: Api, user: User, value: str) -> None:
    api.returns("GET /apps/shop/config-vars", {"KEY": value})

    assert user.types("paas config:get KEY -a shop").out == value + "\n"


def test_config_get_of_an_unknown_key_names_it(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/config-vars", VARS)

    typed = user.types("paas config:get NOPE -a shop")

    assert typed.err == "paas: shop has no config var NOPE. See: paas config -a shop\n"
    assert (typed.out, typed.code) == ("", 1)


def test_config_set_prints_keys_only_and_returns_when_it_is_live(api: Api, user: User) -> None:
    api.returns("PATCH /apps/shop/config-vars", VARS, version=41)
    api.becomes_live("shop", 41, "Starting 2 of 2 dynos", "Waiting for router local")

    typed = user.really_types("paas config:set SECRET=hunter2 'A=b c=d' -a shop")

    assert typed.err == (
        "Setting SECRET, A on shop\n  Starting 2 of 2 dynos\n  Waiting for router local\nLive: shop\n"
    )
    assert (typed.out, typed.code) == ("", 0)
    assert api.asked[0].body == {"SECRET": "hunter2", "A": "b c=d"}


def test_config_set_takes_values_from_files_and_from_standard_input(api: Api, user: User) -> None:
    api.returns("PATCH /apps/shop/config-vars", {})
    (user.folder / "key.pem").write_bytes(b"-----BEGIN\r\n@$'\xc3\xa9\n")

    user.really_types("paas config:set PEM=@key.pem IN=- -a shop", stdin=b"@from\nstdin\n")

    assert api.asked[0].body == {"PEM": "-----BEGIN\r\n@$'é\n", "IN": "@from\nstdin\n"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("KEY", "'KEY' is not KEY=VALUE."),
        ("=x", "'=x' is not KEY=VALUE."),
        ("A=1 A=2", "A is given twice."),
        ("A=- B=-", "Standard input can be the value of one key only."),
        ("A=@nowhere", "A: the file 'nowhere' cannot be read: No such file or directory."),
        ("A=@.", "cannot be read: Is a directory."),
        ("A=@binary", "'A': binary is not UTF-8 text."),
        ("A=@large", "'A': large has more than 32768 bytes."),
    ],
)
def test_what_cannot_be_set_changes_nothing(
    api: Api, user: User, arguments: str, expected: str
) -> None:
    (user.folder / "binary").write_bytes(b"\xff\xfe")
    (user.folder / "large").write_bytes(b"x" * 32769)

    typed = user.types(f"paas config:set {arguments} -a shop")

    assert expected in typed.err
    assert "Nothing was changed." in typed.err
    assert (typed.err.count("\n"), typed.code, api.asked) == (1, 2, [])


def test_a_value_that_is_no_text_is_refused(api: Api, user: User) -> None:
    typed = user.really_types("paas config:set A=\udcff -a shop")

    assert (typed.code, api.asked) == (2, [])
    assert "'A': the value is not UTF-8 text." in typed.err


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_a_value_arrives_as_it_was_typed(value: str) -> None:
    if value == "-" or value.startswith("@"):
        return

    assert read_assignments([f"KEY={value}"]) == {"KEY": value}


def test_config_unset_sends_null_and_waits(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/config-vars", VARS)
    api.returns("PATCH /apps/shop/config-vars", {}, version=42)
    api.becomes_live("shop", 42)

    typed = user.types("paas config:unset A SECRET -a shop")

    assert (typed.err, typed.code) == ("Unsetting A, SECRET on shop\nLive: shop\n", 0)
    assert api.asked[1].body == {"A": None, "SECRET": None}


def test_config_unset_of_an_unknown_key_changes_nothing(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/config-vars", VARS)

    typed = user.types("paas config:unset A TYPO -a shop")

    assert "shop has no config var TYPO. Nothing was changed." in typed.err
    assert (typed.code, api.lines) == (1, ["GET /apps/shop/config-vars"])


def test_a_change_that_fails_says_why_and_fails(api: Api, user: User) -> None:
    api.returns("PATCH /apps/shop/config-vars", {}, version=43)
    api.says(
        "GET /apps/shop/versions/43",
        ndjson({"state": "failed", "text": "web.1 exited with 1; v7 serves on."}),
    )

    typed = user.types("paas config:set A=1 -a shop")

    assert typed.err.splitlines()[-1] == (
        "paas: shop: web.1 exited with 1; v7 serves on. See: paas logs -a shop"
    )
    assert typed.code == 1
