"""Two apps that take over each other's addresses all the time: none ever answers for the other."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count

import pytest

from paas.engine.engine import HostUnreachable
from paas.model.container import UP, Container, container_name
from paas.model.host import LOCAL
from paas.scheduler.place import PORTS, NoAddressLeft, free_spot
from tests.eventually import eventually
from tests.integration.load import Load
from tests.integration.user import User
from tests.multihost.fleet import Fleet, running_fleet

APPS = ("apple", "pear")
LEFT = 12
"""Of each host's addresses or ports: what two apps need when every dyno is being replaced."""
FOREIGN = 4
"""Of those, another program of the far host listens on so many."""
TAKEN = "is taken on host h1"
MORE = 60
AT_ONCE = 500
"""Written in one transaction: the platform writes too."""
LISTEN = """
import socket, sys
held = [socket.create_server(("", int(port))) for port in sys.argv[1:]]
print("listening", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def fleet(the_stack: None) -> Iterator[Fleet]:
    """The platform's own machine takes apps too: fixed addresses there, ports of the host here."""
    with running_fleet("h1") as fleet:
        said = fleet.admin.types(f"paas hosts:undrain {LOCAL}")
        assert said.code == 0, said.text
        for app in APPS:
            fleet.admin.deployed("slow-request", app)
        yield fleet
        fleet.admin.leaves()


def leave_few(fleet: Fleet, rng: random.Random) -> None:
    """For the next ten minutes all but a few of the addresses and ports are given to nobody."""
    containers, record = fleet.installation.platform.containers, fleet.installation.platform.record
    for name in (LOCAL, "h1"):
        host, now = fleet.host(name), time.time()
        taken = set(containers.leased(name, now))
        free = []
        with suppress(NoAddressLeft):
            while True:
                spot = free_spot(host, 5000, taken, rng)
                free.append(str(spot.published or spot.address))
                taken.add(free[-1])
        aside = free[: max(0, len(free) - LEFT)]
        for begin in range(0, len(aside), AT_ONCE):
            with record.write():
                for address in aside[begin : begin + AT_ONCE]:
                    containers.put_aside(name, address, now)


def left(fleet: Fleet) -> list[str]:
    """The ports of the far host that are given out."""
    taken = fleet.installation.platform.containers.leased("h1", time.time())
    return [str(port) for port in PORTS if str(port) not in taken]


@contextmanager
def occupied(fleet: Fleet, ports: list[str]) -> Iterator[None]:
    argv = fleet.lab.enter(fleet.hosts["h1"], sys.executable, "-c", LISTEN, *ports)
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe) as foreign:
        assert foreign.stdout
        assert foreign.stdout.readline() == b"listening\n"
        yield
        foreign.communicate()


def churns(fleet: Fleet, user: User, rng: random.Random) -> None:
    """One app of the two is restarted or rescaled, or one of its containers is killed, or removed by somebody."""
    app = rng.choice(APPS)
    deed = rng.choice(["restart", "scale", "scale", "kill", "remove"])
    if deed in ("restart", "scale"):
        words = f"scale web={rng.randint(1, 4)}" if deed == "scale" else "restart"
        said = user.types(f"paas {words} --no-wait -a {app}")
        assert said.code == 0, said.text
        return
    platform = fleet.installation.platform
    row = rng.choice(fleet.rows(app) or [None])
    if row is None:
        return
    name = container_name(platform.settings.platform, row.id)
    with suppress(HostUnreachable):
        if deed == "kill":
            platform.engine.signal(row.host, name, "SIGKILL")
        else:
            platform.engine.remove(row.host, name)


def loops(fleet: Fleet, times: int, pause: float) -> None:
    """So many; and more, until an address has changed hands and one was found taken, which is up to chance."""
    rng = random.Random()
    leave_few(fleet, rng)
    refreshed = time.monotonic()
    ports = rng.sample(left(fleet), FOREIGN)
    with (
        occupied(fleet, ports),
        Load(fleet.admin.http_port, APPS[0], slow=0) as apple,
        Load(fleet.admin.http_port, APPS[1], slow=0) as pear,
    ):
        for number in count():
            if number >= times and was_taken(fleet) and changed_hands(fleet):
                break
            assert number < times + MORE
            churns(fleet, fleet.admin, rng)
            time.sleep(pause)
            if time.monotonic() > refreshed + 300:
                leave_few(fleet, rng)
                refreshed = time.monotonic()
        for app in APPS:
            said = fleet.admin.types(f"paas restart --no-wait -a {app}")
            assert said.code == 0, said.text
        eventually(lambda: all(is_whole(fleet, app) for app in APPS), within=90)
        settled = time.time()
        for load in (apple, pear):
            load.goes_on(1)

    wrong = [one for load in (apple, pear) for one in load.failures if "answered" in one.what]
    late = [one for load in (apple, pear) for one in load.failures if one.began > settled]
    assert not wrong, "\n".join(map(str, wrong))
    assert not late, "\n".join(map(str, late))
    rows = [row for app in APPS for row in ever(fleet, app)]
    assert not any("could not be started" in (row.reason or "") for row in rows)


def ever(fleet: Fleet, app: str) -> Sequence[Container]:
    """All that it had."""
    platform = fleet.installation.platform
    return platform.containers.of(platform.apps.named(app).id, gone=True)


def was_taken(fleet: Fleet) -> bool:
    return any(TAKEN in (row.reason or "") for app in APPS for row in ever(fleet, app))


def changed_hands(fleet: Fleet) -> bool:
    apple_had, pear_had = (
        {row.endpoint for row in ever(fleet, app) if TAKEN not in (row.reason or "")}
        for app in APPS
    )
    return bool(apple_had & pear_had)


def is_whole(fleet: Fleet, app: str) -> bool:
    platform = fleet.installation.platform
    row = platform.apps.named(app)
    return row.live_wake == row.wake and {
        each.state for each in platform.containers.of(row.id)
    } == {UP}


@pytest.mark.long
def test_no_app_ever_answers_from_the_address_of_another(fleet: Fleet) -> None:
    loops(fleet, 15, pause=0.5)


@pytest.mark.soak
@pytest.mark.timeout(3 * 3600)
def test_nor_does_it_in_five_hundred_loops(fleet: Fleet) -> None:
    loops(fleet, 500, pause=0.5)
