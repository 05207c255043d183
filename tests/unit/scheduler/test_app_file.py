"""What an app.json brings about when its release is made, and the process that runs when it serves."""

import time

from paas.model.app_file import AppFile, DeclaredVar
from paas.model.config import Config
from paas.model.container import Container, Kind, container_name
from paas.releases.declared import Declared
from paas.scheduler.scale import scale
from tests.unit.scheduler.stage import Stage

SEEDED = Declared(AppFile(postdeploy="seed"))


def quantities(stage: Stage) -> dict[str, int]:
    lines = stage.platform.formations.of(stage.app.id).lines
    return {process: line.quantity for process, line in lines.items()}


def postdeploys(stage: Stage) -> list[Container]:
    """All that there ever were."""
    rows = stage.platform.containers.of(stage.app.id, gone=True)
    return [row for row in rows if row.dyno.process == "postdeploy"]


def goes_live(stage: Stage) -> None:
    stage.converges()
    stage.comes_up()
    stage.converges()


def test_a_var_that_has_a_value_keeps_it_and_a_secret_is_made_once() -> None:
    env = {
        "MODE": DeclaredVar("quiet"),
        "KEY": DeclaredVar(is_generated=True),
        "ASKED": DeclaredVar(),
        "OPTIONAL": DeclaredVar(is_required=False),
    }
    config = Config({"MODE": "loud"})

    declared = Declared.of(AppFile(env=env), config)

    first = declared.config(config)
    assert first.vars["MODE"] == "loud"
    assert len(first.vars["KEY"]) == 64
    assert declared.missing(first) == ["ASKED"]
    again = Declared.of(AppFile(env=env), first)
    assert again.config(first) == first
    assert Declared.of(AppFile(env=env), config).vars != declared.vars


def test_what_was_set_while_it_was_built_counts_for_more(stage: Stage) -> None:
    declared = Declared(AppFile(), {"KEY": "declared"})

    assert declared.config(Config({"KEY": "set"})).vars == {"KEY": "set"}
    stage.releases_as(declared)
    assert stage.platform.releases.get(stage.app.id, 1).config.vars == {"KEY": "declared"}


def test_a_quantity_counts_when_it_is_new_or_has_changed(stage: Stage) -> None:
    two = Declared(AppFile(formation={"web": 2, "worker": 1, "unknown": 3}))
    stage.releases_as(two, web="serve", worker="work")
    assert quantities(stage) == {"web": 2, "worker": 1}

    scale(stage.now(), {"web": 5}, "ana", stage.platform, time.time())
    stage.releases_as(two, web="serve", worker="work")
    assert quantities(stage) == {"web": 5, "worker": 1}

    three = Declared(AppFile(formation={"web": 3}))
    stage.releases_as(three, web="serve", worker="work")
    assert quantities(stage) == {"web": 3, "worker": 1}


def test_predeploy_goes_before_the_release_process() -> None:
    declared = Declared(AppFile(predeploy="a # b"))

    assert declared.processes({"web": "serve"})["release"] == "a # b"
    both = declared.processes({"web": "serve", "release": "c"})["release"]
    assert both == "(\na # b\n) && (\nc\n)"


def test_postdeploy_runs_once_when_its_release_serves(stage: Stage) -> None:
    stage.releases_as(SEEDED)
    stage.converges()
    assert postdeploys(stage) == []

    stage.comes_up()
    stage.converges()

    (row,) = postdeploys(stage)
    assert (row.kind, row.dyno.release) == (Kind.RUN, 1)
    box = next(
        box
        for box in stage.engine.world.machines["local"].boxes.values()
        if box.spec.labels["paas.container"] == row.id
    )
    assert box.spec.command == ("paas-start", "seed")
    assert not box.spec.is_restarted
    scale(stage.now(), {"web": 2}, "ana", stage.platform, time.time())
    goes_live(stage)
    assert len(postdeploys(stage)) == 1
    assert quantities(stage) == {"web": 2}


def test_what_becomes_of_it_changes_nothing_about_the_release(stage: Stage) -> None:
    stage.releases_as(SEEDED)
    goes_live(stage)
    (row,) = postdeploys(stage)

    name = container_name(stage.platform.settings.platform, row.id)
    stage.engine.crash(row.host, name, 1)
    stage.observer._exited(row, 1, time.time() - 60)
    stage.platform.containers.note(row.id, is_logged=True)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    assert stage.now().current_release == 1
    assert stage.served() == ["web.1"]
    assert stage.running() == ["web.1"]


def test_a_release_that_fails_runs_none(stage: Stage) -> None:
    stage.deployed()
    stage.releases_as(SEEDED)
    stage.converges()
    crashing = next(row for row in stage.rows() if row.dyno.release == 2)
    stage.engine.crash(
        crashing.host, container_name(stage.platform.settings.platform, crashing.id), 1
    )
    stage.observer._exited(crashing, 1, time.time())
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    assert stage.now().current_release == 1
    assert postdeploys(stage) == []
