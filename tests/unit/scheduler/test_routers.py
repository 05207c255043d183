"""A router on another machine: what runs here comes to where it is reached from there, without a gap."""

import time

import pytest

from paas.model.container import STARTING, UP
from paas.model.deploy import DeployState
from paas.model.route import RouterStatus
from paas.scheduler.scale import scale
from tests.make import make_host
from tests.unit.scheduler.stage import Stage

ADDRESS = "10.0.0.1"
URL = "ssh://deploy@10.0.0.7"


@pytest.fixture
def served(stage: Stage) -> Stage:
    """Two web dynos and a worker."""
    stage.deployed(web="serve", worker="work")
    scale(stage.now(), {"web": 2, "worker": 1}, "ana", stage.platform, time.time())
    settles(stage)
    return stage


def settles(stage: Stage) -> None:
    stage.converges()
    stage.comes_up()
    stage.converges()


def is_seen_at(address: str | None, stage: Stage) -> None:
    """The platform's own machine, by the routers elsewhere."""
    stage.platform.hosts.note("local", address=address)
    stage.platform.apps.touch(stage.app.id)


def test_what_serves_here_is_published_before_what_was_not_goes(served: Stage) -> None:
    before = served.route().backends
    worker = served.row("worker.1").id

    is_seen_at(ADDRESS, served)
    served.converges()
    beside = {row.dyno.name: row for row in served.rows(STARTING)}

    assert served.route().backends == before
    assert sorted(beside) == ["web.1", "web.2"]
    served.comes_up()
    served.converges()
    assert {backend.address for backend in served.route().backends} == {ADDRESS}
    assert len(served.engine.list("local")) == 3
    assert served.row("worker.1").id == worker, "what serves nothing stays"


def test_what_moves_here_is_spread_as_if_what_goes_were_not_there(wide_stage: Stage) -> None:
    own = make_host("local", memory_mb=8192)
    wide_stage.platform.hosts.add(own)
    wide_stage.engine.world.machines["local"] = wide_stage.engine.world.machines.pop("h3")
    wide_stage.platform.hosts.remove("h3")
    wide_stage.hosts = ("h1", "h2", "local")
    wide_stage.deployed()
    scale(wide_stage.now(), {"web": 3}, "ana", wide_stage.platform, time.time())
    settles(wide_stage)

    is_seen_at(ADDRESS, wide_stage)
    settles(wide_stage)

    assert sorted(row.host for row in wide_stage.rows(UP)) == ["h1", "h2", "local"]


def test_what_is_published_stays_when_the_last_router_elsewhere_goes(served: Stage) -> None:
    is_seen_at(ADDRESS, served)
    settles(served)
    before = served.rows(UP)

    is_seen_at(None, served)
    scale(served.now(), {"web": 3}, "ana", served.platform, time.time())
    settles(served)

    assert [row for row in served.rows(UP) if row.dyno.name != "web.3"] == before
    assert served.row("web.3").published is None


def test_a_deploy_waits_for_a_router_elsewhere_from_its_first_word_on(served: Stage) -> None:
    platform = served.platform
    platform.routers.add("edge", time.time(), URL)

    def deployed(number: int) -> DeployState:
        served.releases()
        settles(served)
        deploy = platform.deploys.of(served.app.id, number)
        assert deploy is not None
        return deploy.state

    joining = deployed(2)
    version = platform.routes.version()
    assert version is not None
    platform.routes.acknowledge("edge", version, {}, RouterStatus(), time.time())
    platform.routers.acknowledge("edge", version.epoch, version.number, time.time())
    counting = deployed(3)

    assert (joining, counting) == (DeployState.SUCCEEDED, DeployState.SWITCHING)
