import json
import time

from tests.integration.user import User


def test_a_rollback_takes_seconds_and_restores_config_too(user: User) -> None:
    user.deployed("python-web", "shop")
    user.types("paas config:set TEXT=old -a shop")
    push = user.pushes("node-web", to="shop")
    assert push.accepted, push.output
    user.types("paas config:set TEXT=new -a shop")

    begin = time.monotonic()
    said = user.types("paas rollback v2 -a shop")
    seconds = time.monotonic() - begin

    assert said.code == 0, said.text
    answer = user.visits("shop").json()
    assert (answer["text"], answer["release"]) == ("old", "v5")
    assert seconds < 10
    releases = json.loads(user.types("paas releases --json -a shop").out)
    assert releases[0]["description"] == "Rollback to v2"
    assert len(json.loads(user.types("paas builds --json -a shop").out)) == 2


def test_a_rollback_goes_to_the_one_before_unless_told(user: User) -> None:
    user.deployed("python-web", "shop")
    user.types("paas config:set TEXT=changed -a shop")

    said = user.types("paas rollback -a shop")

    assert said.code == 0, said.text
    assert user.visits("shop").json()["text"] == "Hello from your own platform"


def test_a_release_that_is_not_there_is_not_rolled_back_to(user: User) -> None:
    user.deployed("python-web", "shop")

    said = user.types("paas rollback v7 -a shop")

    assert said.error == "paas: shop has no such release: v7. See: paas releases -a shop"
    assert user.visits("shop").json()["release"] == "v1"
