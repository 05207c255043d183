import re

from tests.eventually import eventually
from tests.integration.user import User


def test_what_an_app_json_brings_about(user: User) -> None:
    user.creates("shop")

    push = user.pushes("app-json", to="shop")

    assert push.accepted, push.output
    lines = [
        r" !     app.json: addons, formation.web.size: without effect here",
        r" !     app.json requires API_TOKEN, which has no value: paas config:set API_TOKEN=…",
        r".*migrated in from the file",
        r"       web\.1 GET /up answered 200 after [1-9]\.[0-9] s",
    ]
    for line in lines:
        assert re.search(f"^{line}$", push.output, re.MULTILINE), (line, push.output)
    first = user.visits("shop").json()
    assert first["MODE"] == "from the file"
    assert re.fullmatch("[0-9a-f]{64}", first["SESSION_KEY"])
    assert first["SESSION_KEY"] not in push.output
    assert "web.2" in user.types("paas ps -a shop").out
    eventually(lambda: re.search(r"seeded postdeploy\.\d", user.types("paas logs -a shop").out))
    assert user.types("paas scale postdeploy=1 -a shop").code != 0

    user.types("paas scale web=1 -a shop")
    user.types("paas config:set MODE=loud -a shop")
    push = user.pushes("app-json", to="shop", files={"again": ""})

    assert push.accepted, push.output
    again = user.visits("shop").json()
    assert (again["MODE"], again["SESSION_KEY"]) == ("loud", first["SESSION_KEY"])
    assert "web.2" not in user.types("paas ps -a shop").out


def test_an_app_json_that_cannot_be_changes_nothing(user: User) -> None:
    user.deployed("echo-env", "shop")

    push = user.pushes(None, to="shop", files={"app.json": '{"formation": {"web": 3}}'})

    assert push.rejected
    assert " !     app.json: formation.web must be {" in push.output
    assert user.visits("shop").json()["HEROKU_RELEASE_VERSION"] == "v1"
