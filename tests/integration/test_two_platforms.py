"""Two platforms on one engine never meet."""

import subprocess
from collections.abc import Iterator

import httpx
import pytest

from tests.eventually import eventually
from tests.integration.conftest import running_installation
from tests.integration.installation import Installation
from tests.integration.user import User

NAMED = """
import json, os, socket
def app(environ, start_response):
    start_response("200 OK", [])
    said = {"platform": 2, "container": socket.gethostname(), "release": "", "app": "shop"}
    return [json.dumps(said).encode()]
"""


@pytest.fixture(scope="module")
def other(the_stack: None) -> Iterator[Installation]:
    yield from running_installation()


@pytest.fixture(scope="module")
def emma(other: Installation) -> User:
    emma = other.welcomes("emma", is_admin=True)
    emma.deployed("python-web", "shop")
    return emma


def engine_list(installation: Installation, *words: str) -> set[str]:
    label = f"label=paas.platform={installation.settings.platform}"
    command = ["docker", *words, "--quiet", "--no-trunc", "--filter", label]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_apps_of_the_same_name_are_two(user: User, emma: User) -> None:
    user.deployed("python-web", "shop", **{"app.py": NAMED})

    here, there = user.visits("shop").json(), emma.visits("shop").json()

    assert here["container"] != there["container"]
    assert "platform" in here and "platform" not in there


def test_a_token_of_one_is_nothing_to_the_other(
    user: User, emma: User, installation: Installation, other: Installation
) -> None:
    token = (emma.home / ".config" / "paas").read_text().split('token = "')[1].split('"')[0]
    url = f"http://127.0.0.1:{installation.settings.api_port}/apps"

    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)

    assert answer.status_code == 401


def test_neither_lists_nor_touches_what_is_the_others(
    user: User, emma: User, installation: Installation, other: Installation
) -> None:
    user.deployed("python-web", "cafe")
    eventually(lambda: user.visits("cafe").status_code == 200)
    mine = {seen.name for seen in installation.platform.engine.list("local")}
    theirs = {seen.name for seen in other.platform.engine.list("local")}
    before = engine_list(other, "ps", "--all"), engine_list(other, "images")

    user.leaves()

    assert mine and theirs and not mine & theirs
    assert (engine_list(other, "ps", "--all"), engine_list(other, "images")) == before
    assert emma.visits("shop").status_code == 200


def test_a_platform_that_goes_takes_only_its_own(user: User, the_stack: None) -> None:
    user.deployed("python-web", "shop")
    gone = Installation.make()
    gone.run()
    guest = gone.welcomes("guest")
    guest.deployed("python-web", "shop")

    gone.destroy()

    assert user.visits("shop").status_code == 200
    assert not engine_list(gone, "ps", "--all")
    assert not engine_list(gone, "images")
    assert not engine_list(gone, "network", "ls")
