"""Whatever an app's people change, and whenever one of its containers dies: no request fails."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.integration.installation import Installation
from tests.integration.load import Load, Talk, under
from tests.integration.user import User

SERVER = (Path(__file__).parents[1] / "apps" / "slow-request" / "server.py").read_text()


@pytest.fixture(scope="module")
def bea(installation: Installation) -> Iterator[User]:
    """Has an app that is served."""
    bea = installation.welcomes("bea")
    bea.deployed("slow-request", "shop")
    yield bea
    bea.leaves()


@pytest.fixture
def load(bea: User) -> Iterator[Load]:
    with Load(bea.http_port, "shop") as load:
        yield load


def works(bea: User, line: str) -> None:
    said = bea.types(line)
    assert said.code == 0, said.text


def pushes(bea: User, server: str) -> None:
    push = bea.pushes(None, to="shop", files={"server.py": server})
    assert push.accepted, push.output


def test_twenty_deploys_drop_no_request(bea: User, load: Load) -> None:
    for number in range(1, 21):
        if number % 5:
            done = under(load, works, bea, f"paas config:set NUMBER={number} -a shop")
        else:
            done = under(load, pushes, bea, f"{SERVER}\nprint('deploy {number}')\n")
        assert load.releases(done) == {f"v{number + 1}"}

    assert not load.failures, load.report
    assert load.releases() == {f"v{number}" for number in range(1, 22)}


def test_a_scale_up_and_down_drops_no_request(bea: User, load: Load) -> None:
    up = under(load, works, bea, "paas scale web=5 -a shop")
    eventually(lambda: len(load.containers(up)) == 5)
    down = under(load, works, bea, "paas scale web=1 -a shop")

    assert not load.failures, load.report
    assert len(load.containers(down)) == 1


def test_a_restart_a_rollback_and_a_domain_drop_no_request(bea: User, load: Load) -> None:
    works(bea, "paas config:set AGAIN=yes -a shop")
    before = load.containers()

    restarted = under(load, works, bea, "paas restart -a shop")
    anew = load.containers(restarted)
    under(load, works, bea, "paas domains:add www.example.com -a shop")
    under(load, works, bea, "paas domains:remove www.example.com -a shop")
    under(load, works, bea, "paas rollback -a shop")

    assert not load.failures, load.report
    assert len(anew) == 1 and not anew & before


def test_a_deploy_that_fails_drops_no_request(bea: User, load: Load) -> None:
    load.goes_on()
    before = load.releases()

    push = bea.pushes(None, to="shop", files={"server.py": "raise SystemExit('no')\n"})
    load.goes_on()

    assert push.rejected
    assert not load.failures, load.report
    assert load.releases() == before
    pushes(bea, SERVER)


def test_the_crash_of_one_of_three_drops_no_request_that_may_be_sent_twice(
    bea: User, installation: Installation
) -> None:
    works(bea, "paas scale web=3 -a shop")
    with Load(bea.http_port, "shop", is_idempotent=True) as load:
        load.goes_on()
        victim = sorted(load.containers())[0]

        under(load, crash, installation, victim)
        eventually(lambda: is_running(installation, victim))
        load.goes_on(1)

    assert not load.failures, load.report


def test_a_dyno_that_crashes_in_a_loop_leaves_the_others_to_serve(
    bea: User, installation: Installation
) -> None:
    works(bea, "paas scale web=3 -a shop")
    with Load(bea.http_port, "shop", is_idempotent=True) as load:
        load.goes_on()
        victim = sorted(load.containers())[-1]

        for _ in range(3):
            eventually(lambda: is_running(installation, victim))
            under(load, crash, installation, victim)
        eventually(lambda: "crashed" in bea.types("paas ps -a shop").out)
        eventually(lambda: bea.types("paas ps -a shop").out.count("up") == 3, within=20)
        load.goes_on()

    assert not load.failures, load.report
    assert len(load.containers()) == 4


def test_a_websocket_outlives_a_scale_of_its_app(bea: User) -> None:
    bea.deployed("websocket-echo", "echo")
    with Talk(bea.http_port, "echo") as talk:
        eventually(lambda: talk.said)

        works(bea, "paas scale web=3 -a echo")
        works(bea, "paas config:set -a shop OTHER=app")
        said = talk.said
        eventually(lambda: talk.said > said)

    assert talk.failure is None


def crash(installation: Installation, container: str) -> None:
    """As when the program ends by itself: the engine was not told to."""
    name = f"paas-{installation.settings.platform}-{container}"
    pid = docker("inspect", "--format", "{{.State.Pid}}", name)
    os.kill(int(pid), signal.SIGKILL)


def is_running(installation: Installation, container: str) -> bool:
    name = f"paas-{installation.settings.platform}-{container}"
    return docker("inspect", "--format", "{{.State.Running}}", name) == "true"


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()
