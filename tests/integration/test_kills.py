"""kill -9 of each program in the midst of its work: it goes on where it was, and no app of anybody's notices."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from paas.daemon.start import wait_until_up
from paas.model.build import BuildState
from paas.model.container import STARTING, Container
from paas.running import running
from paas.supervision import Supervision
from tests.eventually import eventually
from tests.integration.conftest import running_installation
from tests.integration.installation import Installation
from tests.integration.load import Load
from tests.integration.processes import hooks, processes
from tests.integration.user import User

SLEEP = ("sleep", f"{100_000 + os.getpid()}")
"""A command that is nobody else's."""
ENDLESS = {
    "dockerfile-web": {"Dockerfile": f"FROM paas/stack:run\nRUN {' '.join(SLEEP)}\n"},
    "slow-request": {
        "requirements.txt": "./lib\n",
        "lib/pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n',
        "lib/b.py": f"import subprocess\nsubprocess.run({SLEEP})\n",
    },
}
"""Samples with a build that never ends: by BuildKit, and by a buildpack."""


@pytest.fixture(scope="module")
def house(the_stack: None) -> Iterator[Installation]:
    """Runs, and is to run again when a test is over."""
    yield from running_installation()


@pytest.fixture(scope="module")
def dan(house: Installation) -> Iterator[User]:
    """Has an app that is served by two."""
    dan = house.welcomes("dan")
    dan.deployed("slow-request", "shop")
    assert dan.types("paas scale web=2 -a shop").code == 0
    yield dan
    dan.leaves()


@pytest.fixture
def load(dan: User) -> Iterator[Load]:
    with Load(dan.http_port, "shop") as load:
        load.goes_on()
        yield load


@pytest.mark.parametrize(
    "names", ["redis", "follower", "web", "watch", "workers", "converge-1 converge-2"]
)
def test_a_program_killed_in_mid_deploy_holds_it_up_and_stops_nothing(
    house: Installation, dan: User, load: Load, names: str
) -> None:
    setting = dan.begins(f"paas config:set KILLED='{names}' -a shop")
    begun(setting, "web.1")
    kill(house, names)
    said, _ = setting.communicate(timeout=60)
    done = time.time()
    push = dan.pushes(None, to="shop", files={"killed": names})
    load.goes_on()

    assert setting.returncode == 0, said
    assert push.accepted, push.output
    assert not load.failures, load.report
    before, after = re.findall(r"Live: shop (v\d+)", said) + re.findall(r"\((v\d+)\)", push.output)
    assert load.releases(done) == {before, after}
    eventually(lambda: is_settled(house, dan), within=20)


def test_a_killed_haproxy_is_back_with_the_table_that_was_new_to_it(
    house: Installation, dan: User, load: Load
) -> None:
    setting = dan.begins("paas config:set KILLED=haproxy -a shop")
    begun(setting, "web.1")

    killed = house.kill("haproxy")
    at = time.time()
    said, _ = setting.communicate(timeout=60)
    done = time.time()
    load.goes_on()

    assert setting.returncode == 0, said
    assert {f"Live: shop {release}" for release in load.releases(done)} <= set(said.splitlines())
    late = [failure for failure in load.failures if failure.began > at + 3]
    assert not late, load.report
    assert not killed.is_alive


def test_a_deploy_goes_on_without_a_supervisor_and_through_the_next_run(
    house: Installation, dan: User, load: Load
) -> None:
    assert house.supervisor is not None
    dan.commits(None, to="shop", files={"killed": "supervisor"})
    pushing = dan.begins("git push paas main", within=dan.folder("shop"))
    begun(pushing, "Received")

    house.supervisor.kill()
    house.supervisor.wait()
    house.run()
    said, _ = pushing.communicate(timeout=60)
    load.goes_on()

    assert pushing.returncode == 0, said
    assert not load.failures, load.report


def test_a_push_goes_on_when_the_sshd_that_let_it_in_is_killed(
    house: Installation, dan: User
) -> None:
    dan.commits(None, to="shop", files={"killed": "sshd"})
    pushing = dan.begins("git push paas main", within=dan.folder("shop"))
    begun(pushing, "Received")

    house.kill("sshd")
    said, _ = pushing.communicate(timeout=60)
    again = dan.pushes_again("shop")

    assert pushing.returncode == 0, said
    assert again.accepted, again.output


@pytest.mark.parametrize(
    ("sample", "victim"),
    [
        ("dockerfile-web", "builds"),
        pytest.param("slow-request", "builds", marks=pytest.mark.long),
        pytest.param("dockerfile-web", "workers", marks=pytest.mark.long),
    ],
)
def test_a_worker_killed_in_mid_build_leaves_nothing_and_says_so(
    house: Installation, dan: User, load: Load, sample: str, victim: str
) -> None:
    dan.creates("cafe")
    dan.commits(sample, to="cafe", files=ENDLESS[sample])
    pushing = dan.begins("git push paas main", within=dan.folder("cafe"))
    eventually(is_sleeping, within=60)

    kill(house, builder(house) if victim == "builds" else victim)
    said, _ = pushing.communicate(timeout=60)
    again = dan.pushes("slow-request", to="cafe")
    destroys(dan, "cafe")

    assert pushing.returncode != 0
    assert "its worker died. Push again" in said
    assert not is_sleeping()
    assert again.accepted, again.output
    assert not load.failures, load.report


def test_a_hook_that_was_killed_has_cost_the_ref_and_the_next_push_moves_it(
    house: Installation, dan: User
) -> None:
    commit = dan.commits(None, to="shop", files={"killed": "hook"})
    pushing = dan.begins("git push paas main", within=dan.folder("shop"))
    begun(pushing, "Build succeeded")

    [pid] = hooks(house.settings)
    os.kill(pid, signal.SIGKILL)
    said, _ = pushing.communicate(timeout=60)
    eventually(lambda: commit[:7] in dan.types("paas releases -a shop").out)
    eventually(lambda: "succeeded" in dan.types("paas builds -a shop").out.splitlines()[0])
    again = dan.pushes_again("shop")

    assert pushing.returncode != 0, said
    assert again.accepted
    assert f"{commit[:7]} is live already: nothing to build" in again.output
    assert commit in dan.types("git ls-remote paas", within=dan.folder("shop")).out


def test_a_container_that_nobody_watched_while_it_started_is_up_all_the_same(
    house: Installation, dan: User
) -> None:
    Supervision(house.settings).stop(["watch"])
    assert dan.types("paas scale web=3 --no-wait -a shop").code == 0
    eventually(lambda: house.platform.containers.in_states([STARTING]))
    row = house.platform.containers.in_states([STARTING])[0]
    eventually(lambda: answers(row))

    house.platform.containers.note(row.id, deadline=time.time() - 1)
    back = dan.types("paas scale web=3 --no-wait -a shop")

    assert back.code == 0
    eventually(lambda: dan.types("paas ps -a shop").out.count(": up") == 3)
    Supervision(house.settings).restart("watch")
    assert dan.types("paas scale web=2 -a shop").code == 0


def test_an_app_that_was_half_destroyed_is_destroyed_again(house: Installation, dan: User) -> None:
    dan.deployed("slow-request", "cafe")

    destroying = dan.begins("paas destroy cafe --confirm cafe")
    kill(house, "web workers")
    destroying.communicate(timeout=60)
    wait_until_up(house.settings)
    again = dan.types("paas destroy cafe --confirm cafe")
    created = dan.types("paas create cafe")

    assert again.code == 0 or "There is no app 'cafe'" in again.err, again.text
    assert created.code == 0, created.text
    eventually(lambda: is_settled(house, dan), within=20)
    destroys(dan, "cafe")


def begun(process: subprocess.Popen[str], word: str) -> None:
    """Returns when it has said the word."""
    assert process.stdout
    said = ""
    while word not in said:
        line = process.stdout.readline()
        said += line
        assert line, said


def kill(house: Installation, names: str) -> None:
    """kill -9 of each, as soon as it runs."""
    for name in names.split():
        eventually(lambda name=name: name in {each.name for each in running(house.settings)})
        house.kill(name)


def destroys(dan: User, app: str) -> None:
    said = dan.types(f"paas destroy {app} --confirm {app}")
    assert said.code == 0, said.text
    shutil.rmtree(dan.folder(app))
    dan.created.remove(app)


def is_settled(house: Installation, dan: User) -> bool:
    """Both of the shop's dynos are up, and there is nothing else."""
    ours = ["--filter", f"label=paas.platform={house.settings.platform}"]
    listed = subprocess.run(
        ["docker", "ps", "--all", "--quiet", *ours, "--filter", "label=paas.container"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shown = dan.types("paas ps -a shop").out
    return (listed.count("\n"), shown.count("\n"), shown.count(": up ")) == (2, 3, 2)


def builder(house: Installation) -> str:
    """Who is at the only build."""
    (build,) = house.platform.builds.in_state(BuildState.BUILDING)
    assert build.worker
    return build.worker


def is_sleeping() -> bool:
    return any(tuple(argv) == SLEEP for _, argv in processes())


def answers(container: Container) -> bool:
    assert container.address and container.port
    with suppress(OSError), socket.create_connection((container.address, container.port), 1):
        return True
    return False
