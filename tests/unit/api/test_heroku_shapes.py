"""Answers have every field of the Heroku Platform API v3, each of its type: `heroku.json` lists them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from tests.unit.api.served import KEY, Served, upload

HEROKU: Mapping[str, Any] = json.loads(Path(__file__).with_name("heroku.json").read_text())


def check(noun: str, value: Any) -> None:
    schema = {**HEROKU[noun], "required": sorted(HEROKU[noun]["properties"])}
    errors = Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(value)
    assert [f"{noun}.{error.json_path}: {error.message}" for error in errors] == []


READ = [
    ("account", "/account"), ("app", "/apps"), ("app", "/users/~/apps"), ("app", "/apps/shop"),
    ("formation", "/apps/shop/formation"), ("formation", "/apps/shop/formation/web"), ("dyno", "/apps/shop/dynos"),
    ("dyno", "/apps/shop/dynos/web.1"), ("release", "/apps/shop/releases"), ("release", "/apps/shop/releases/1"),
    ("domain", "/apps/shop/domains"), ("key", "/account/keys"), ("build", "/apps/shop/builds"),
]  # fmt: skip


def test_what_is_read_is_of_herokus_form(served: Served) -> None:
    served.stage.deployed(web="serve", worker="work")
    with served.by("ana") as client:
        client.post("/apps/shop/domains", json={"hostname": "www.example.com"})
        client.post("/account/keys", json={"public_key": KEY})
        client.post("/apps/shop/builds", json={"source_blob": upload(client)})
        for noun, path in READ:
            found = client.get(path).json()

            assert found, path
            for value in found if isinstance(found, list) else [found]:
                check(noun, value)


def test_what_is_made_is_of_herokus_form(served: Served) -> None:
    served.stage.deployed(web="serve")
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        for noun, path, body in (
            ("app", "/apps", {"name": "another"}),
            ("app", "/apps", None),
            ("release", "/apps/shop/releases", {"release": "v1"}),
            ("domain", "/apps/shop/domains", {"hostname": "www.example.com"}),
            ("log-session", "/apps/shop/log-sessions", {"lines": 10, "tail": True}),
            ("source", "/sources", {}),
            ("dyno", "/apps/shop/dynos", {"command": "ls", "attach": False}),
            ("dyno", "/apps/shop/dynos", {"command": "ls", "attach": True}),
            ("build", "/apps/shop/builds", {"source_blob": upload(client)}),
        ):
            answer = client.post(path, json=body) if body is not None else client.post(path)
            assert answer.status_code == 201, answer.text
            check(noun, answer.json())


def test_what_is_changed_and_taken_away_is_of_herokus_form(served: Served) -> None:
    served.stage.deployed(web="serve")
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        client.post("/apps/shop/domains", json={"hostname": "www.example.com"})
        key = client.post("/account/keys", json={"public_key": KEY}).json()
        build = client.post("/apps/shop/builds", json={"source_blob": upload(client)}).json()
        updates = {"updates": [{"type": "web", "quantity": 1}]}
        for method, noun, path, body in (
            ("PATCH", "app", "/apps/shop", {"name": "shop"}),
            ("PATCH", "formation", "/apps/shop/formation", updates),
            ("PATCH", "formation", "/apps/shop/formation/web", {"quantity": 1}),
            ("GET", "domain", "/apps/shop/domains/www.example.com", None),
            ("DELETE", "domain", "/apps/shop/domains/www.example.com", None),
            ("GET", "key", f"/account/keys/{key['id']}", None),
            ("DELETE", "key", f"/account/keys/{key['id']}", None),
            ("GET", "build", f"/apps/shop/builds/{build['id']}", None),
            ("DELETE", "build", f"/apps/shop/builds/{build['id']}", None),
            ("DELETE", "app", "/apps/shop", None),
        ):
            answer = client.request(method, path, json=body)

            assert answer.is_success, answer.text
            found = answer.json()
            for value in found if isinstance(found, list) else [found]:
                check(noun, value)


def test_config_vars_are_texts_by_name(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        client.patch("/apps/shop/config-vars", json={"A": "b"})
        for path in ("/apps/shop/config-vars", "/apps/shop/releases/2/config-vars"):
            assert client.get(path).json() == {"A": "b"}


RESTARTS = [
    ("DELETE", "/apps/shop/dynos"), ("DELETE", "/apps/shop/dynos/web.1"), ("DELETE", "/apps/shop/formations/web"),
    ("POST", "/apps/shop/dynos/web.1/actions/stop"), ("POST", "/apps/shop/formations/web/actions/stop"),
]  # fmt: skip


def test_a_restart_has_nothing_to_tell(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        for method, path in RESTARTS:
            answer = client.request(method, path)

            assert (answer.status_code, answer.json()) == (202, {}), path


def test_an_id_is_always_the_same(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        for path in ("/account", "/apps/shop/formation", "/apps/shop/releases", "/apps/shop/dynos"):
            assert client.get(path).json() == client.get(path).json()
