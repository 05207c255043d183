import uuid
from typing import Any

import pytest

from paas.engine.body import PLATFORM
from paas.hosts.drain import undrain
from paas.hosts.progress import Stage, told
from paas.hosts.remove import NotLost, begin_removal, remove
from paas.model.app import App, AppName
from paas.model.build import Builder, Image
from paas.model.container import GONE
from paas.model.host import HostHealth, Schedulable
from paas.model.person import PersonName
from paas.wiring import Platform
from tests.engine import IMAGE, make_image
from tests.make import NOW, make_container, make_dyno, make_host
from tests.unit.hosts.conftest import TwoEngines
from tests.unit.hosts.way import Way


@pytest.fixture
def h2(platform: Platform, way: Way) -> str:
    """Registered, and empty."""
    fields: dict[str, Any] = {
        "ssh_url": "ssh://deploy@10.0.0.2",
        "address": "10.0.0.2",
        "seen_at": NOW,
    }
    platform.hosts.add(make_host("h2", **fields))
    way.open.add("h2")
    return "h2"


@pytest.fixture
def shop(platform: Platform) -> App:
    platform.people.add(PersonName("ana"), NOW, is_admin=False)
    return platform.apps.add(str(uuid.uuid4()), AppName("shop"), "ana", NOW)


def removes(platform: Platform, way: Way, *, is_lost: bool = False) -> str | None:
    """What was wrong; None: it is gone."""
    begin_removal("h2", platform, is_lost=is_lost)
    remove("h2", platform, way.reach, NOW)
    progress = told("h2", platform.wire)
    assert progress is not None
    assert progress.stage in (Stage.DONE, Stage.FAILED)
    return progress.error


def names(platform: Platform) -> list[str]:
    return [host.name for host in platform.hosts.all()]


def keeps_image(platform: Platform, app: App, *hosts: str) -> Image:
    image = Image(
        id=str(uuid.uuid4()), app_id=app.id, builder=Builder.BUILDPACK, arch="amd64", port=5000,
        where=dict.fromkeys(hosts, "image-1"), source="", commit="", created_at=NOW, digest="127.0.0.1:5001/x@sha256:1",
    )  # fmt: skip
    platform.builds.add_image(image)
    return image


@pytest.mark.usefixtures("h2")
def test_nothing_is_left_of_a_host_that_is_removed(
    platform: Platform, way: Way, engine: TwoEngines, shop: App
) -> None:
    image = keeps_image(platform, shop, "local", "h2")
    labels = {PLATFORM: platform.settings.platform}
    engine.world.machines["h2"].images["built"] = make_image(
        "built", "shop:v1", "shop:v2", **labels
    )

    assert removes(platform, way) is None

    assert (names(platform), way.open, engine.cleared) == (["local"], set(), ["h2"])
    assert list(engine.world.machines["h2"].images) == [IMAGE]  # which is no platform's
    kept = platform.builds.image(image.id)
    assert kept is not None
    # The registry goes with the last host elsewhere, and what was in it is in it no more.
    assert (dict(kept.where), kept.digest) == ({"local": "image-1"}, None)


@pytest.mark.usefixtures("h2")
def test_a_host_that_does_not_answer_stays_until_it_is_said_to_be_lost(
    platform: Platform, way: Way, engine: TwoEngines
) -> None:
    engine.world.lose("h2")

    error = removes(platform, way)

    assert error is not None
    assert error.startswith("h2 was not removed: The engine of host h2 does not answer: ")
    assert error.endswith("If it is gone for good: paas hosts:remove h2 --lost")
    assert names(platform) == ["h2", "local"]
    host = platform.hosts.get("h2")
    assert (host.schedulable, host.health) == (Schedulable.DRAINING, HostHealth.SUSPECT)
    assert removes(platform, way, is_lost=True) is None


@pytest.mark.usefixtures("h2")
def test_what_a_lost_host_ran_is_given_up_and_its_ports_wait(
    platform: Platform, way: Way, engine: TwoEngines, shop: App
) -> None:
    image = keeps_image(platform, shop, "h2")
    dyno = make_dyno("web.1", app_id=shop.id)
    row = make_container(dyno, host="h2", address="10.0.0.2", published=20_001)
    platform.containers.add([row])
    platform.hosts.note("h2", health=str(HostHealth.DOWN))
    engine.world.lose("h2")
    before = platform.apps.get(shop.id).wake

    assert removes(platform, way, is_lost=True) is None

    gone = platform.containers.get(row.id)
    assert gone is not None
    assert (gone.state, gone.reason) == (GONE, "host h2 was lost")
    assert platform.containers.leased("h2", NOW + 1) == {"20001"}
    assert platform.apps.get(shop.id).wake > before
    assert (names(platform), way.open, engine.cleared) == (["local"], set(), [])
    kept = platform.builds.image(image.id)
    assert kept is not None and not kept.where


@pytest.mark.usefixtures("h2")
def test_what_was_placed_meanwhile_keeps_its_host(
    platform: Platform, way: Way, engine: TwoEngines, shop: App
) -> None:
    begin_removal("h2", platform, is_lost=False)
    platform.containers.add([make_container(make_dyno("web.1", app_id=shop.id), host="h2")])

    remove("h2", platform, way.reach, NOW)

    progress = told("h2", platform.wire)
    assert progress is not None and progress.error is not None
    assert progress.error.startswith("h2 cannot be removed: 1 container is there.")
    assert (names(platform), way.open, engine.cleared) == (["h2", "local"], {"h2"}, [])


@pytest.mark.usefixtures("h2")
def test_a_second_job_of_a_removal_that_failed_removes_nothing(
    platform: Platform, way: Way, engine: TwoEngines
) -> None:
    engine.world.lose("h2")
    assert removes(platform, way) is not None
    engine.world.heal("h2")
    undrain("h2", platform, NOW)

    remove("h2", platform, way.reach, NOW)

    assert (names(platform), way.open) == (["h2", "local"], {"h2"})


@pytest.mark.usefixtures("h2")
def test_a_removal_whose_worker_died_is_finished_by_the_next(platform: Platform, way: Way) -> None:
    begin_removal("h2", platform, is_lost=False)
    platform.hosts.remove("h2")  # so far it came

    remove("h2", platform, way.reach, NOW)

    progress = told("h2", platform.wire)
    assert progress is not None and progress.stage is Stage.DONE
    assert way.open == set()


def test_a_registration_that_hangs_can_be_given_up(
    platform: Platform, way: Way, engine: TwoEngines
) -> None:
    platform.hosts.add(make_host("h2", schedulable=Schedulable.JOINING))
    engine.world.lose("h2")

    assert removes(platform, way) is None
    assert names(platform) == ["local"]


def test_the_platforms_own_machine_builds_on_when_it_is_a_host_no_more(
    platform: Platform, way: Way, engine: TwoEngines, h2: str, shop: App
) -> None:
    image = keeps_image(platform, shop, "local", h2)

    begin_removal("local", platform, is_lost=False)
    remove("local", platform, way.reach, NOW)

    host = platform.hosts.get("local")
    assert (host.schedulable, host.is_ready, engine.cleared) == (Schedulable.BUILD_ONLY, False, [])
    kept = platform.builds.image(image.id)
    assert kept is not None and "local" in kept.where
    undrain("local", platform, NOW)
    assert platform.hosts.get("local").is_ready


@pytest.mark.usefixtures("h2")
def test_the_platforms_own_machine_keeps_what_was_placed_there_meanwhile(
    platform: Platform, way: Way, shop: App
) -> None:
    begin_removal("local", platform, is_lost=False)
    platform.containers.add([make_container(make_dyno("web.1", app_id=shop.id), host="local")])

    remove("local", platform, way.reach, NOW)

    progress = told("local", platform.wire)
    assert progress is not None and progress.stage is Stage.FAILED
    assert platform.hosts.get("local").schedulable is Schedulable.DRAINING


@pytest.mark.usefixtures("h2")
def test_the_platforms_own_machine_is_never_lost(platform: Platform) -> None:
    platform.hosts.note("local", health=str(HostHealth.DOWN))
    with pytest.raises(NotLost, match="the platform's own machine"):
        begin_removal("local", platform, is_lost=True)
