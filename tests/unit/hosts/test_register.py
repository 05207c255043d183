"""Registration on the memory's engine. What ssh, tunnel, registry and packet filter really do: tests/multihost."""

from typing import Any

import pytest

from paas.errors import Unavailable
from paas.hosts.progress import Stage, told
from paas.hosts.register import begin_registration, register
from paas.model.container import ContainerSpec, container_name
from paas.model.host import HostHealth, Schedulable
from paas.wire import UPKEEP
from paas.wiring import Platform
from tests.engine import IMAGE
from tests.make import NOW, make_host
from tests.unit.hosts.conftest import TwoEngines
from tests.unit.hosts.way import FINGERPRINT, KEY, Way

URL = "ssh://deploy@10.0.0.2"


def registers(platform: Platform, way: Way, **given: Any) -> str | None:
    """What was wrong; None: it is registered."""
    begin_registration("h2", URL, given.get("host_key"), platform, NOW)
    register("h2", platform, way.reach)
    progress = told("h2", platform.wire)
    assert progress is not None
    assert progress.stage in (Stage.DONE, Stage.FAILED)
    return progress.error


def names(platform: Platform) -> list[str]:
    return [host.name for host in platform.hosts.all()]


def test_a_host_that_is_registered_takes_containers(platform: Platform, way: Way) -> None:
    assert registers(platform, way) is None

    host = platform.hosts.get("h2")
    assert (host.schedulable, host.health, host.health_reason) == (
        Schedulable.OPEN,
        HostHealth.UP,
        None,
    )
    assert (host.address, host.host_key, host.arch) == ("10.0.0.2", KEY, "amd64")
    assert host.url == f"unix://{platform.settings.directory}/run/engines/h2.sock"
    assert (host.memory_mb, host.engine_version) == (4096, "20.10.24")
    assert way.open == {"h2"}


def test_the_key_that_was_pinned_is_told(platform: Platform, way: Way) -> None:
    registers(platform, way)

    progress = told("h2", platform.wire)
    assert progress is not None
    assert (progress.stage, progress.fingerprint) == (Stage.DONE, FINGERPRINT)


def test_a_key_that_is_demanded_is_what_the_look_expects(platform: Platform, way: Way) -> None:
    registers(platform, way, host_key=FINGERPRINT)

    ((_, expected),) = way.looks
    assert expected == FINGERPRINT


def test_what_was_blocked_is_looked_at_again_and_kept_images_are_spread(
    platform: Platform, way: Way
) -> None:
    registers(platform, way)

    assert "spread_images" in platform.wire.waiting(UPKEEP)


def test_a_subnet_that_is_taken_there_is_replaced(
    platform: Platform, way: Way, engine: TwoEngines
) -> None:
    engine.taken = frozenset({platform.settings.subnet})

    assert registers(platform, way) is None
    assert platform.hosts.get("h2").subnet != platform.settings.subnet


def test_what_an_earlier_registration_left_running_is_removed(
    platform: Platform, way: Way, engine: TwoEngines
) -> None:
    spec = ContainerSpec(
        name=container_name(platform.settings.platform, "lost"), image=IMAGE, labels={"paas.container": "lost"},
        hostname="web-1", env={}, memory_mb=64, cpus=1, pids=64,
    )  # fmt: skip
    engine.start("h2", spec)

    assert registers(platform, way) is None
    assert engine.list("h2") == []


TOO_BAD: dict[str, tuple[dict[str, Any], str]] = {
    "engine": ({"engine_version": "19.03.15"}, "has Docker 19.03.15; 20.10 is the oldest"),
    "arch": ({"arch": "arm64"}, "is arm64, and what is built here is amd64"),
    "disk": ({"disk_free_mb": 700}, "has 700 MB of disk free, and 1024 MB are needed"),
}


@pytest.mark.parametrize("what", TOO_BAD)
def test_an_engine_that_is_not_good_enough_is_refused(
    platform: Platform, way: Way, engine: TwoEngines, what: str
) -> None:
    engine.told, cause = TOO_BAD[what]

    error = registers(platform, way)

    assert error is not None
    assert error.startswith(f"h2 was not registered (engine): Host h2 {cause}")
    assert error.endswith("Nothing was changed.")
    assert (names(platform), way.open, engine.cleared) == (["local"], set(), ["h2"])


def test_a_host_that_lets_nobody_in_is_refused(
    platform: Platform, way: Way, engine: TwoEngines
) -> None:
    way.trouble = Unavailable("h2 does not let the platform's key in. Type: paas hosts:key")

    error = registers(platform, way)

    assert error == (
        "h2 was not registered (ssh): h2 does not let the platform's key in. Type: paas hosts:key "
        "Nothing was changed."
    )
    assert (names(platform), way.open, engine.cleared) == (["local"], set(), [])


def test_an_engine_that_is_registered_under_another_address_is_found_by_the_look(
    platform: Platform, way: Way
) -> None:
    platform.hosts.add(make_host("h3", ssh_url="ssh://deploy@h3.internal", address="10.0.0.2"))
    begin_registration("h2", "ssh://deploy@h2.internal", None, platform, NOW)

    register("h2", platform, way.reach)

    progress = told("h2", platform.wire)
    assert progress is not None and progress.error is not None
    assert "is registered already, as host h3" in progress.error
    assert names(platform) == ["h3", "local"]


def test_an_engine_that_never_answers_through_its_tunnel_is_refused(
    platform: Platform, way: Way, engine: TwoEngines
) -> None:
    engine.world.lose("h2")

    error = registers(platform, way)

    assert error is not None and error.startswith("h2 was not registered (tunnel): ")
    assert (names(platform), way.open) == (["local"], set())


def test_a_registry_that_refuses_is_told(platform: Platform, way: Way, engine: TwoEngines) -> None:
    engine.world.lose_registry()

    error = registers(platform, way)

    assert error is not None and error.startswith("h2 was not registered (registry): ")
    assert (names(platform), way.open) == (["local"], set())


def test_a_host_whose_containers_cannot_be_reached_is_refused(
    platform: Platform, way: Way, engine: TwoEngines
) -> None:
    engine.world.close("h2")

    error = registers(platform, way)

    assert error is not None and error.startswith("h2 was not registered (probe): ")
    assert (names(platform), way.open, engine.cleared) == (["local"], set(), ["h2"])


def test_a_registration_that_has_ended_is_not_repeated(platform: Platform, way: Way) -> None:
    registers(platform, way)
    before = platform.hosts.get("h2")

    register("h2", platform, way.reach)

    assert platform.hosts.get("h2") == before
    assert len(way.looks) == 1


def test_a_registration_whose_worker_died_goes_on(platform: Platform, way: Way) -> None:
    begin_registration("h2", URL, None, platform, NOW)
    way.open.add("h2")  # so far it came
    platform.hosts.note("h2", host_key=KEY, address="10.0.0.2")

    register("h2", platform, way.reach)

    assert platform.hosts.get("h2").schedulable is Schedulable.OPEN
    assert [expected for _, expected in way.looks] == [KEY]


def test_one_that_was_given_up_meanwhile_is_silent(platform: Platform, way: Way) -> None:
    register("h2", platform, way.reach)

    assert names(platform) == ["local"]
