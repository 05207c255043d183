"""What becomes of apps whose hosts go: the scenarios of lost, hanging, cut off, rebooted and returning hosts."""

import shutil
import time

from paas.model.container import FILLS
from paas.model.host import HostHealth
from paas.supervision import Supervision
from tests.eventually import eventually
from tests.integration.load import Load
from tests.integration.user import User
from tests.multihost.fleet import APP, QUICK, Fleet

BOUND_SECONDS = 60
"""Until what a dead host ran is served elsewhere: found out, placed, started, routed."""
REDIS_IS_AWAY_SECONDS = 20


def is_whole(fleet: Fleet, without: str = "") -> bool:
    """Three dynos are up, none of them there."""
    where = fleet.where(APP)
    return sorted(where) == ["web.1", "web.2", "web.3"] and without not in where.values()


def test_what_ran_on_a_dead_host_is_served_elsewhere_and_what_it_brings_back_is_not(
    fleet: Fleet, load: Load
) -> None:
    (lost,) = [row for row in fleet.rows(APP) if row.host == "h2"]
    died = time.time()
    fleet.dies("h2")

    eventually(lambda: fleet.health("h2") is HostHealth.DOWN, within=BOUND_SECONDS)
    eventually(lambda: is_whole(fleet, without="h2"), within=BOUND_SECONDS)
    served = time.time()
    load.goes_on(2)

    assert all(failure.began < died + 2 for failure in load.failures), load.report
    assert len(load.failures) <= 10, load.report
    assert lost.id not in load.containers(served)
    told = {host["name"]: host for host in fleet.listed("hosts")}
    assert told["h2"]["health"] == "down"

    fleet.boots("h2")
    returned = time.time()
    eventually(lambda: fleet.health("h2") is HostHealth.UP, within=60)
    eventually(lambda: stale(fleet, lost.id) == [], within=60)
    load.goes_on(2)
    assert time.time() - returned < 60
    assert lost.id not in load.containers(served)
    assert not [failure for failure in load.failures if failure.began > served], load.report


def stale(fleet: Fleet, container: str) -> list[str]:
    return [name for name in fleet.made() if name.endswith(container)]


def test_a_host_that_hangs_costs_no_request_and_holds_up_nobody(
    fleet: Fleet, user: User, load: Load
) -> None:
    before = fleet.where(APP)
    fleet.lab.hang(fleet.hosts["h2"])
    begin = time.monotonic()

    shown = user.types(f"paas ps -a {APP}")
    scaled = user.types(f"paas scale web=5 -a {APP}")

    assert shown.code == 0, shown.text
    assert scaled.code == 0, scaled.text
    assert time.monotonic() - begin < 25  # one call that is stuck, and no sweep to wait for
    eventually(lambda: fleet.health("h2") is HostHealth.SUSPECT, within=40)
    time.sleep(QUICK["down_seconds"] + 2)  # the time after which a dead one would be down
    assert fleet.health("h2") is HostHealth.SUSPECT
    now = fleet.where(APP)
    assert {name: host for name, host in now.items() if name in before} == before
    assert list(now.values()).count("h2") == 1
    load.goes_on(2)
    assert not load.failures, load.report


def test_when_all_hosts_are_cut_off_at_once_nothing_is_moved(
    fleet: Fleet, user: User, load: Load
) -> None:
    before = {row.id for row in fleet.rows(APP)}
    for host in fleet.hosts.values():
        fleet.lab.cut(host)
    load.failures.clear()

    time.sleep(QUICK["down_seconds"] + 15)

    assert {fleet.health(name) for name in fleet.hosts} == {HostHealth.SUSPECT}
    said = user.types("paas hosts")
    assert "hosts are silent at once" in said.text
    platform = fleet.installation.platform
    live = platform.containers.of(platform.apps.named(APP).id)
    assert {row.id for row in live if row.state in FILLS} == before
    fleet.heals()
    healed = time.time()
    load.goes_on(2)
    assert load.containers(healed) == before
    assert not [failure for failure in load.failures if failure.began > healed], load.report


def test_an_engine_that_is_restarted_and_a_host_that_reboots_bring_the_same_containers_back(
    fleet: Fleet, user: User
) -> None:
    before = {row.id for row in fleet.rows(APP)}
    made = fleet.made()

    fleet.lab.restart_engine(fleet.hosts["h1"])
    fleet.lab.reboot(fleet.hosts["h3"])

    eventually(lambda: {row.id for row in fleet.rows(APP)} == before, within=30)
    fleet.heals()
    with Load(user.http_port, APP, slow=0, is_idempotent=True) as load:
        eventually(lambda: load.containers() == before, within=30)
        healed = time.time()
        load.goes_on(3)
    assert not [failure for failure in load.failures if failure.began > healed], load.report
    assert fleet.made() == made


def test_without_redis_and_when_it_comes_back_empty_no_request_fails_and_nothing_is_touched(
    fleet: Fleet, user: User, load: Load
) -> None:
    platform, supervision = fleet.installation.platform, Supervision(fleet.installation.settings)
    before, epoch, routes = since(fleet), *fleet.told()

    supervision.stop(["redis"])
    load.goes_on(REDIS_IS_AWAY_SECONDS)
    shutil.rmtree(fleet.installation.directory / "redis" / "appendonlydir")
    supervision.restart("redis")
    eventually(lambda: platform.routes.snapshot().routes == routes, within=30)
    load.goes_on(2)

    assert platform.routes.snapshot().epoch != epoch
    assert since(fleet) == before
    said = user.types(f"paas scale web=4 -a {APP}")
    assert said.code == 0, said.text
    assert not load.failures, load.report


def since(fleet: Fleet) -> dict[str, float | None]:
    """Every container of the hosts, and since when it runs."""
    engine = fleet.installation.platform.engine
    return {seen.name: seen.started_at for name in fleet.hosts for seen in engine.list(name)}


def test_a_drained_host_is_emptied_without_a_dropped_request(
    fleet: Fleet, user: User, load: Load
) -> None:
    drained = user.types("paas hosts:drain h2")

    assert drained.code == 0, drained.text
    assert is_whole(fleet, without="h2")
    load.goes_on()
    assert not load.failures, load.report
    again = user.types("paas hosts:undrain h2")
    assert again.code == 0, again.text
