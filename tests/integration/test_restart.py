"""The machine goes down, at whatever moment: afterwards the same containers serve, and what was begun is ended."""

import subprocess
import threading
import time
from collections.abc import Iterator, Mapping

import pytest

from paas.model.container import GONE, RETIRING, STOPPING, UP
from tests.eventually import eventually
from tests.integration.conftest import running_installation
from tests.integration.installation import Installation
from tests.integration.load import Load
from tests.integration.user import User


@pytest.fixture(scope="module")
def house(the_stack: None) -> Iterator[Installation]:
    """Runs, and is to run again when a test is over."""
    yield from running_installation()


@pytest.fixture(scope="module")
def finn(house: Installation) -> Iterator[User]:
    """Has an app that is served by two."""
    finn = house.welcomes("finn")
    finn.deployed("slow-request", "shop")
    assert finn.types("paas scale web=2 -a shop").code == 0
    yield finn
    finn.leaves()


def containers(house: Installation, *options: str) -> list[str]:
    """The engine's ids of what apps run, of those too that do not run."""
    ours = ("--filter", f"label=paas.platform={house.settings.platform}")
    ours = (*ours, "--filter", "label=paas.container")
    options = options or ("--all",)
    return sorted(docker("ps", *options, "--quiet", "--no-trunc", *ours).split())


def started(house: Installation) -> Mapping[str, str]:
    """When each was started last."""
    form = "{{.Id}} {{.State.StartedAt}}"
    told = docker("inspect", "--format", form, *containers(house))
    return dict(line.split() for line in told.splitlines())


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    return done.stdout


def goes_down(house: Installation) -> list[str]:
    """Everything at once, and nobody has time for anything. What the engine will start when it is up again."""
    house.loses_power()
    running_now = containers(house, "--filter", "status=running")
    docker("kill", *running_now)
    return running_now


def is_served(house: Installation, finn: User) -> bool:
    """By two, for a while, without one failure."""
    with Load(finn.http_port, "shop") as load:
        load.goes_on(1)
    return not load.failures and len(load.containers()) == 2


def test_what_the_engine_started_first_is_served_and_not_made_again(
    house: Installation, finn: User
) -> None:
    docker("start", *goes_down(house))
    since = started(house)
    house.run()
    eventually(lambda: is_served(house, finn), within=10)

    assert started(house) == since
    changed = finn.types("paas config:set REBOOTED=once -a shop")
    assert changed.code == 0, changed.text


def test_an_engine_that_is_up_later_is_waited_for(house: Installation, finn: User) -> None:
    eventually(lambda: len(containers(house)) == 2, within=20)
    before = containers(house)
    engine = threading.Timer(5, docker, ["start", *goes_down(house)])

    engine.start()
    house.run()
    engine.join()
    eventually(lambda: is_served(house, finn), within=10)

    assert containers(house) == before


@pytest.mark.parametrize("word", ["Received", "Build succeeded", "Releasing"])
def test_what_was_begun_when_it_went_down_is_ended(
    house: Installation, finn: User, word: str
) -> None:
    finn.commits(None, to="shop", files={"cut": word})
    pushing = finn.begins("git push paas main", within=finn.folder("shop"))
    assert pushing.stdout
    while word not in pushing.stdout.readline():
        assert pushing.poll() is None

    docker("start", *goes_down(house))
    house.run()
    eventually(lambda: is_served(house, finn), within=10)
    pushing.communicate(timeout=60)
    again = finn.pushes_again("shop")

    assert again.accepted, again.output
    eventually(lambda: len(containers(house)) == 2, within=20)
    assert is_served(house, finn)


NOTED = 7
"""No signal's exit code, and not what the app exits with."""


def test_what_was_leaving_and_was_started_again_unseen_leaves_all_the_same(
    house: Installation, finn: User
) -> None:
    """Its end is noted, and it runs: `watch` was away when the engine started it again."""
    eventually(lambda: len(containers(house)) == 2, within=20)
    before, now = containers(house), time.time()
    parts = house.platform.containers
    rows = [row for row in parts.live() if row.state is UP]
    assert len(rows) == 2

    house.kill("watch")
    for row in rows:
        parts.move(row.id, RETIRING, now, exit_code=NOTED)
    parts.move(rows[0].id, STOPPING, now, exit_code=NOTED, deadline=now + 5, is_logged=True)
    house.platform.apps.touch(rows[0].dyno.app_id)

    def has_left() -> bool:
        states = [found.state for row in rows if (found := parts.get(row.id))]
        return states == [GONE, GONE]

    eventually(has_left, within=40)
    eventually(lambda: is_served(house, finn), within=10)
    assert len(containers(house)) == 2
    assert not set(before) & set(containers(house))
    ended = [found.exit_code for row in rows if (found := parts.get(row.id))]
    assert NOTED not in ended, "it was removed while it ran"
