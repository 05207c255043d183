import json
from typing import Any

import pytest

from paas.builds.app_file import read_app_file
from paas.builds.order import BuildFailed
from paas.model.app_file import AppFile, DeclaredVar
from paas.model.healthcheck import Healthcheck


def read(**keys: Any) -> AppFile:
    return read_app_file(json.dumps(keys).encode())


@pytest.mark.parametrize("content", [b"", b" \n", b"{}", b"\xef\xbb\xbf{}", b'{"name": "shop"}'])
def test_an_app_file_may_say_nothing(content: bytes) -> None:
    found = read_app_file(content)

    assert not (found.env or found.formation or found.postdeploy or found.healthcheck)
    assert list(found.without_effect) == []


def test_a_config_var_has_a_value_or_is_generated_or_is_asked_for() -> None:
    env = {
        "PLAIN": "1",
        "TOLD": {"description": "x", "value": ""},
        "SECRET": {"generator": "secret"},
        "ASKED": {},
        "OPTIONAL": {"required": False},
    }

    assert read(env=env).env == {
        "PLAIN": DeclaredVar("1"),
        "TOLD": DeclaredVar(""),
        "SECRET": DeclaredVar(is_generated=True),
        "ASKED": DeclaredVar(),
        "OPTIONAL": DeclaredVar(is_required=False),
    }


def test_what_is_run_and_how_often() -> None:
    found = read(
        formation={"web": {"quantity": 2, "size": "eco"}, "worker": {"quantity": 0}, "clock": {}},
        scripts={"predeploy": "migrate", "postdeploy": "seed", "dokku": {"postdeploy": "warm"}},
    )

    assert found.formation == {"web": 2, "worker": 0}
    assert (found.predeploy, found.postdeploy) == ("migrate", "warm")


@pytest.mark.parametrize("script", ["", "  \n", None])
def test_a_script_of_nothing_is_none(script: str | None) -> None:
    found = read(scripts={"predeploy": script, "postdeploy": script})

    assert (found.predeploy, found.postdeploy) == (None, None)


def test_the_first_check_of_web_with_a_path_counts() -> None:
    checks = [
        {"type": "liveness", "path": "/alive"},
        {"type": "startup", "path": "/up", "timeout": 2, "content": "ok", "attempts": 9},
        {"type": "readiness", "path": "/ready"},
    ]

    found = read(healthchecks={"web": checks, "worker": [{"type": "startup", "uptime": 3}]})

    assert found.healthcheck == Healthcheck("/up", 2.0, "ok")
    assert list(found.without_effect) == [
        "healthchecks.web[0]",
        "healthchecks.web[1].attempts",
        "healthchecks.web[2]",
        "healthchecks.worker[0]",
    ]


def test_a_key_that_does_nothing_is_named() -> None:
    found = read(
        name="shop",
        addons=["x"],
        stack="heroku-24",
        formation={"web": {"size": "eco", "quantity": 1}},
        scripts={"pr-predestroy": "x", "dokku": {"build": "x"}},
        env={"KEY": {"value": "x", "typo": 1}},
    )

    assert list(found.without_effect) == [
        "addons",
        "stack",
        "env.KEY.typo",
        "formation.web.size",
        "scripts.pr-predestroy",
        "scripts.dokku.build",
    ]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"env": ["A"]}, "env must be {"),
        ({"name": "\ud800"}, "is no JSON"),
        ({"env": {"A": 1}}, "env.A must be {"),
        ({"env": {"A": {"value": 1}}}, "env.A.value must be text"),
        ({"env": {"A": {"generator": "dice"}}}, 'env.A.generator can be "secret"'),
        ({"env": {"PORT": "1"}}, "Config var 'PORT': this key belongs to the platform"),
        ({"env": {"A B": "1"}}, "Config var 'A B'"),
        ({"formation": {"web": 2}}, "formation.web must be {"),
        ({"formation": {"web": {"quantity": "2"}}}, "formation.web.quantity is a number"),
        ({"formation": {"web": {"quantity": True}}}, "formation.web.quantity is a number"),
        ({"formation": {"web": {"quantity": 101}}}, "from 0 to 100"),
        ({"formation": {"../x": {"quantity": 1}}}, "cannot be a process type"),
        ({"scripts": {"predeploy": ["x"]}}, "scripts.predeploy must be text"),
        ({"scripts": {"dokku": {"postdeploy": "x\0"}}}, "scripts.dokku.postdeploy is too long"),
        ({"healthchecks": {"web": {}}}, "healthchecks.web must be a list"),
        ({"healthchecks": {"web": [{"type": "startup", "path": "up"}]}}, "path must begin with /"),
        ({"healthchecks": {"web": [{"type": "startup", "path": "/a\r\nX: y"}]}}, "hold no blanks"),
        (
            {"healthchecks": {"web": [{"type": "startup", "path": "/", "timeout": 0}]}},
            "timeout is at most 60 seconds",
        ),
    ],
)
def test_what_cannot_be_is_named_with_its_key(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(BuildFailed) as failure:
        read(**keys)

    assert str(failure.value).startswith("app.json")
    assert said in str(failure.value)
