"""A Procfile's `release:` line: what whoever pushes sees of it, and what it decides."""

import re
from collections.abc import Iterator

import pytest

from tests.eventually import eventually
from tests.integration.installation import Installation
from tests.integration.load import Load, under
from tests.integration.user import Push, User

FILES = {
    "Procfile": "web: python3 server.py\nrelease: sh migrate.sh\n",
    "migrate.sh": 'echo "migrating as $DYNO in $MODE for $HEROKU_RELEASE_VERSION"\n'
    'echo "a warning" >&2\nsleep "${SECONDS_IT_TAKES:-0}"\nexit "${STATUS:-0}"\n',
}
MIGRATING = re.compile(r"migrating as release\.[0-9]{4} in (\w*) for (v[0-9]+)")


@pytest.fixture(scope="module")
def flo(installation: Installation) -> Iterator[User]:
    """Has an app with a release process."""
    flo = installation.welcomes("flo")
    flo.creates("shop")
    works(flo, "paas config:set MODE=haste -a shop")
    yield flo
    flo.leaves()


def works(flo: User, line: str) -> str:
    said = flo.types(line)
    assert said.code == 0, said.text
    return said.out


def pushes(flo: User, **files: str) -> Push:
    return flo.pushes("slow-request", to="shop", files={**FILES, **files})


def test_it_runs_before_anything_serves_and_is_seen_in_the_push(flo: User) -> None:
    push = pushes(flo)

    assert push.accepted, push.output
    found = MIGRATING.search(push.output)
    assert found, push.output
    assert found.groups() == ("haste", "v2")
    assert "       a warning\n" in push.output
    assert found.start() < push.output.index("deployed (v2)")
    assert MIGRATING.search(works(flo, "paas releases:output v2 -a shop"))
    log = works(flo, "paas logs -n 100 -a shop")
    assert "migrating as release." in log
    assert "release." not in works(flo, "paas ps -a shop")


def test_one_that_fails_rejects_the_push_and_the_old_release_answers_all_along(flo: User) -> None:
    with Load(flo.http_port, "shop") as load:
        pushed: list[Push] = []
        failing = f"{FILES['migrate.sh']}".replace("${STATUS:-0}", "3")
        done = under(load, lambda: pushed.append(pushes(flo, **{"migrate.sh": failing})))

    (push,) = pushed
    assert push.rejected, push.output
    assert MIGRATING.search(push.output), push.output
    assert "v3 did not go live: the release process ended with status 3" in push.output
    assert not load.failures, load.report
    assert load.releases(done) == {"v2"}
    newest = works(flo, "paas releases -n 1 -a shop")
    assert "v3" in newest and "failed" in newest
    assert MIGRATING.search(works(flo, "paas releases:output -a shop"))


def test_a_config_change_and_a_rollback_run_it_too(flo: User) -> None:
    works(flo, "paas config:set MODE=peace -a shop")
    changed = works(flo, "paas releases:output -a shop")
    works(flo, "paas rollback v2 -a shop")
    back = works(flo, "paas releases:output -a shop")

    found = [MIGRATING.search(text) for text in (changed, back)]
    assert [one and one.groups() for one in found] == [("peace", "v4"), ("haste", "v5")]


def test_while_it_runs_the_app_is_scaled_and_it_is_listed(flo: User) -> None:
    works(flo, "paas config:set --no-wait SECONDS_IT_TAKES=20 -a shop")
    eventually(lambda: "release." in works(flo, "paas ps -a shop"))

    works(flo, "paas scale web=2 -a shop")
    with Load(flo.http_port, "shop") as load:
        eventually(lambda: len(load.containers()) == 2, within=15)

    assert load.releases() == {"v5"}
    assert "release." in works(flo, "paas ps -a shop")
    said = flo.types("paas config:set STATUS=1 SECONDS_IT_TAKES=0 -a shop")  # waits for that one
    assert said.code != 0
    assert "the release process ended with status 1" in said.text
