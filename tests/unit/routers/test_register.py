"""Registration of a router on the memory's engine. What ssh, tunnel and packet filter really do: tests/multihost."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paas.engine.fit import Found
from paas.errors import Unavailable
from paas.model.container import STARTING
from paas.model.host import HostHealth
from paas.model.route import RouterStatus
from paas.model.router import UnknownRouter
from paas.model.ssh_url import InvalidHostKey, InvalidSshUrl, SshUrl
from paas.routers.ask_key import ask, begin_asking
from paas.routers.line import install_line
from paas.routers.progress import Progress, Stage, told
from paas.routers.register import AlreadyRegistered, begin_registration, register
from paas.routers.remove import close, remove
from paas.scheduler.joining import Joining
from paas.settings import Settings
from paas.store.database import Database
from paas.wire import UPKEEP
from paas.wiring import Platform
from tests.make import NOW, make_host
from tests.unit.routers.way import FINGERPRINT, KEY, OWN, Way
from tests.unit.scheduler.stage import Stage as TheStage

URL = "ssh://deploy@10.0.0.7"


@pytest.fixture
def stage(settings: Settings, record: Database, redis_server: Path) -> Iterator[TheStage]:
    """One host, and another that holds nothing yet."""
    settings.redis_socket.symlink_to(redis_server)
    for folder in (settings.keys, settings.programs):
        folder.mkdir(exist_ok=True)
    stage = TheStage.set_up(settings, "local", "h2")
    yield stage
    stage.platform.record.close()
    stage.platform.threads.shutdown()


@pytest.fixture
def platform(stage: TheStage) -> Platform:
    return stage.platform


@pytest.fixture
def way() -> Way:
    return Way()


def registers(platform: Platform, way: Way, name: str = "edge", url: str = URL) -> Progress:
    begin_registration(name, url, None, platform, NOW)
    return goes_on(platform, way, name)


def goes_on(platform: Platform, way: Way, name: str = "edge") -> Progress:
    register(name, platform, way.reach)
    progress = told(name, platform.wire)
    assert progress is not None
    return progress


def serves_here(stage: TheStage) -> None:
    stage.platform.hosts.note("h2", schedulable="draining")
    stage.deployed()


def test_a_router_is_let_in_and_counts_only_when_it_has_spoken(
    platform: Platform, way: Way
) -> None:
    progress = registers(platform, way)

    assert (progress.stage, progress.fingerprint) == (Stage.DONE, FINGERPRINT)
    router = platform.routers.get("edge")
    assert (router.address, router.host_key, router.is_joining) == ("10.0.0.7", KEY, True)
    assert way.open == {"edge"}
    assert platform.hosts.get("local").address == OWN


def test_what_runs_here_moves_before_the_table_goes_there(stage: TheStage, way: Way) -> None:
    serves_here(stage)
    joining = Joining(stage.platform)

    moving = registers(stage.platform, way)
    stage.converges()
    still = goes_on(stage.platform, way)
    joining.tick(time.time())
    queued = stage.platform.wire.waiting(UPKEEP)
    stage.platform.wire.queue(UPKEEP).empty()
    stage.comes_up()
    stage.converges()
    joining.tick(time.time())
    done = goes_on(stage.platform, way)

    assert (moving.stage, moving.waits_for) == (Stage.MOVE, "1 to move: shop web.1")
    assert still.stage is Stage.MOVE
    assert "edge" in queued
    assert "edge" in stage.platform.wire.waiting(UPKEEP), "at once, when the last has moved"
    assert done.stage is Stage.DONE
    assert [backend.address for backend in stage.route().backends] == [OWN]


def test_what_has_no_room_to_move_is_named_with_the_cause(stage: TheStage, way: Way) -> None:
    serves_here(stage)
    stage.platform.hosts.note("local", memory_mb=700)

    registers(stage.platform, way)
    stage.converges()

    assert "1 to move: shop web.1 (No host can take web.1" in (
        goes_on(stage.platform, way).waits_for or ""
    )
    assert stage.rows(STARTING) == []
    assert way.open == set()


def test_a_host_that_hangs_keeps_a_router_out_and_one_that_is_down_does_not(
    stage: TheStage, way: Way
) -> None:
    stage.engine.world.lose("h2")

    first = registers(stage.platform, way)
    stage.platform.hosts.note("h2", health=str(HostHealth.DOWN))
    then = goes_on(stage.platform, way)

    assert first.stage is Stage.RULES
    assert "h2" in (first.waits_for or "")
    assert then.stage is Stage.DONE


def test_a_word_of_an_earlier_router_of_that_name_is_not_its_own(stage: TheStage, way: Way) -> None:
    stage.deployed()
    version = stage.platform.routes.version()
    assert version is not None
    stage.platform.routes.acknowledge("edge", version, {}, RouterStatus(), time.time())

    registers(stage.platform, way)

    assert "edge" not in stage.platform.routes.acknowledgements()


def test_what_is_wrong_with_its_machine_is_told_and_nothing_is_changed(
    platform: Platform, way: Way
) -> None:
    way.trouble = Unavailable("10.0.0.7 does not answer.")

    progress = registers(platform, way)

    assert progress.stage is Stage.FAILED
    assert progress.error == (
        "Router edge was not registered (ssh): 10.0.0.7 does not answer. Nothing was changed."
    )
    assert [router.name for router in platform.routers.all()] == ["local"]
    assert platform.hosts.get("local").address is None


def test_a_machine_where_a_removed_router_still_serves_is_refused(
    platform: Platform, way: Way
) -> None:
    way.is_serving = True

    assert "something serves at 10.0.0.7:" in (registers(platform, way).error or "")
    assert [router.name for router in platform.routers.all()] == ["local"]


def test_one_that_was_added_anew_meanwhile_is_not_taken_for_the_one_before(
    platform: Platform, way: Way
) -> None:
    begin_registration("edge", URL, None, platform, NOW)

    def look(url: SshUrl, settings: Settings, key: str | None) -> Found:
        platform.routers.remove("edge")
        begin_registration("edge", "ssh://deploy@10.0.0.8", None, platform, NOW + 1)
        return way.found

    register("edge", platform, replace(way.reach, look=look))

    router = platform.routers.get("edge")
    assert (router.registered_at, router.address, router.host_key) == (NOW + 1, None, None)


def test_this_machine_has_a_router_already(platform: Platform, way: Way) -> None:
    way.own = "10.0.0.7"

    assert "This very machine is registered already, as router local" in (
        registers(platform, way).error or ""
    )


def test_all_routers_must_see_this_machine_at_one_address(platform: Platform, way: Way) -> None:
    registers(platform, way)
    way.own, way.found = "192.168.1.1", replace(way.found, address="192.168.1.7")

    progress = registers(platform, way, "far", "ssh://deploy@192.168.1.7")

    assert "this machine is 192.168.1.1 to it and 10.0.0.1 to the other routers" in (
        progress.error or ""
    )
    assert platform.hosts.get("local").address == OWN


@pytest.mark.parametrize(
    ("name", "url"),
    [("edge", "ssh://deploy@10.0.0.9"), ("other", "ssh://root@10.0.0.7:2222")],
)
def test_a_router_is_registered_once(platform: Platform, way: Way, name: str, url: str) -> None:
    registers(platform, way)

    with pytest.raises(AlreadyRegistered):
        begin_registration(name, url, None, platform, NOW)
    with pytest.raises(AlreadyRegistered):
        begin_asking(name, url, platform)


def test_what_cannot_be_its_place_or_its_key_is_refused(platform: Platform) -> None:
    with pytest.raises(InvalidSshUrl):
        begin_registration("edge", f"{URL}?socket=/srv/docker.sock", None, platform, NOW)
    with pytest.raises(InvalidHostKey):
        begin_registration("edge", URL, "ssh-ed25519 AAAA", platform, NOW)


def test_a_key_is_told_and_nothing_is_registered(platform: Platform, way: Way) -> None:
    begin_asking("edge", URL, platform)
    ask("edge", URL, platform, way.reach)

    assert told("edge", platform.wire) == Progress("edge", Stage.DONE, FINGERPRINT)
    assert [router.name for router in platform.routers.all()] == ["local"]


def test_a_router_that_is_removed_leaves_nothing_behind(platform: Platform, way: Way) -> None:
    platform.hosts.add(make_host())
    registers(platform, way)

    remove("edge", platform)
    close("edge", platform, way.reach)

    assert platform.hosts.get("local").address is None
    assert way.open == set()
    with pytest.raises(UnknownRouter):
        platform.routers.get("edge")


def test_a_tunnel_that_nobody_closed_is_closed_by_the_clock(platform: Platform, way: Way) -> None:
    registers(platform, way)
    platform.routers.remove("edge")
    platform.wire.queue(UPKEEP).empty()

    Joining(platform).tick(time.time())

    assert "edge" in platform.wire.waiting(UPKEEP)


def test_the_line_names_all_that_its_machine_must_know(settings: Settings) -> None:
    settings.keys.mkdir(exist_ok=True)
    (settings.keys / "redis.router").write_text("secret\n")

    assert install_line("edge", settings) == (
        f"sudo ./install.sh --router edge --platform {settings.platform} --table-port 5002 "
        f"--http-port {settings.http_port} --password secret"
    )
