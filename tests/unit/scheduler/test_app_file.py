"""What an app.json brings about when its release is made, and the process that runs when it serves."""

import time
import uuid

from paas.apps.destroy import destroy
from paas.model.app_file import AppFile, DeclaredVar
from paas.model.build import Builder, Image
from paas.model.config import Config
from paas.model.container import GONE, Container, Kind, container_name
from paas.model.deploy import DeployState
from paas.releases.declared import Declared
from paas.releases.release_kept import release_kept
from paas.scheduler.scale import scale
from tests.engine import IMAGE
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
    assert list(declared.notes(first)) == [
        "app.json requires ASKED, which has no value: paas config:set ASKED=…"
    ]
    again = Declared.of(AppFile(env=env), first)
    assert again.config(first) == first
    assert Declared.of(AppFile(env=env), config).vars != declared.vars


def test_what_was_set_while_it_was_built_counts_for_more(stage: Stage) -> None:
    declared = Declared(AppFile(), {"KEY": "declared"})

    assert declared.config(Config({"KEY": "set"})).vars == {"KEY": "set"}
    stage.releases_as(declared)
    assert stage.platform.releases.get(stage.app.id, 1).config.vars == {"KEY": "declared"}


def test_a_quantity_counts_when_it_is_new_or_has_changed(stage: Stage) -> None:
    stage.platform.hosts.note("local", memory_mb=16384)
    two = Declared(AppFile(formation={"web": 2, "worker": 1, "unknown": 3}))
    assert two.unknown({"web": "serve", "worker": "work"}) == ["unknown"]
    for declared, scaled, counts in (
        (two, None, {"web": 2, "worker": 1}),
        (two, 3, {"web": 3, "worker": 1}),
        (Declared(AppFile(formation={"web": 1})), None, {"web": 1, "worker": 1}),
    ):
        if scaled is not None:
            scale(stage.now(), {"web": scaled}, "ana", stage.platform, time.time())
        stage.releases_as(declared, web="serve", worker="work")
        goes_live(stage)
        assert quantities(stage) == counts
        assert len(stage.served()) == counts["web"]


def test_a_quantity_of_a_release_that_fails_never_counts(stage: Stage) -> None:
    stage.releases_as(Declared(AppFile(formation={"web": 2})))
    goes_live(stage)
    fewer = Declared(AppFile(formation={"web": 1}))
    stage.releases_as(fewer, web="serve", release="migrate")
    stage.converges()
    assert stage.served() == ["web.1", "web.2"]

    process = next(row for row in stage.rows() if row.kind is Kind.RELEASE)
    name = container_name(stage.platform.settings.platform, process.id)
    stage.engine.crash(process.host, name, 1)
    stage.observer._exited(process, 1, time.time())
    stage.platform.containers.note(process.id, is_logged=True)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    assert quantities(stage) == {"web": 2}
    assert stage.served() == ["web.1", "web.2"]
    stage.releases_as(fewer)  # and is said again
    goes_live(stage)
    assert quantities(stage) == {"web": 1}


def test_who_scales_while_it_is_deployed_has_the_last_word(stage: Stage) -> None:
    stage.releases_as(Declared(AppFile(formation={"web": 2})))
    stage.converges()

    scale(stage.now(), {"web": 3}, "ana", stage.platform, time.time())
    goes_live(stage)

    assert quantities(stage) == {"web": 3}
    assert stage.served() == ["web.1", "web.2", "web.3"]


def test_the_secret_of_a_release_that_failed_is_not_made_anew() -> None:
    app_file = AppFile(env={"KEY": DeclaredVar(is_generated=True)})

    declared = Declared.of(
        app_file, Config(), [Config({"KEY": "newest"}), Config({"KEY": "older"})]
    )

    assert declared.vars == {"KEY": "newest"}


def test_predeploy_goes_before_the_release_process() -> None:
    declared = Declared(AppFile(predeploy="a # b"))

    assert declared.processes({"web": "serve"})["release"] == "a # b"
    both = declared.processes({"web": "serve", "release": "c"})["release"]
    assert both == "(\n:\na # b\n) && (\nc\n)"


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


def test_what_waits_for_its_image_is_not_forgotten(stage: Stage) -> None:
    stage.releases_as(SEEDED)
    goes_live(stage)
    (row,) = postdeploys(stage)
    stage.platform.containers.note(row.id, state="pulling", since=time.time() - 300)

    stage.sweeps()

    assert postdeploys(stage)[0].state is not GONE


def test_that_of_an_app_that_is_destroyed_is_not_begun(stage: Stage) -> None:
    stage.releases_as(SEEDED)
    stage.converges()
    stage.comes_up()
    deploy = stage.platform.deploys.open(stage.app.id)
    assert deploy is not None
    stage.platform.deploys.end(deploy, DeployState.SUCCEEDED, time.time())
    stage.platform.deploys.note_postdeploy(deploy, is_due=True)
    destroy(stage.now(), "ana", stage.platform, time.time())

    stage.converges()

    assert postdeploys(stage) == []


def test_without_room_it_is_told_that_it_was_not_run(stage: Stage) -> None:
    stage.releases_as(SEEDED)
    stage.converges()
    stage.comes_up()
    stage.platform.hosts.note("local", memory_mb=600)
    stage.converges()

    assert stage.now().current_release == 1
    assert postdeploys(stage) == []
    assert stage.now().blocked is None
    lines, _ = stage.platform.logs.tail(stage.app.id, 20)
    assert any("no room for the postdeploy process of v1" in line.text for line in lines)


def test_what_a_superseded_release_declared_never_counts(stage: Stage) -> None:
    two = Declared(AppFile(formation={"web": 2}))
    stage.releases_as(two)
    goes_live(stage)

    stage.releases_as(Declared(AppFile(formation={"web": 3})))
    stage.converges()
    stage.releases_as(two)
    goes_live(stage)

    assert quantities(stage) == {"web": 2}


def test_of_two_that_are_due_the_newer_runs(stage: Stage) -> None:
    stage.releases_as(SEEDED)
    goes_live(stage)
    stage.releases_as(SEEDED)
    goes_live(stage)
    deploys = stage.platform.deploys
    older, newer = deploys.of(stage.app.id, 1), deploys.of(stage.app.id, 2)
    assert older is not None and newer is not None

    deploys.note_postdeploy(older, is_due=True)
    deploys.note_postdeploy(newer, is_due=True)
    assert deploys.postdeploy_due(stage.app.id) == newer
    deploys.note_postdeploy(newer, is_due=False)

    assert deploys.postdeploy_due(stage.app.id) is None


def test_what_was_built_to_be_released_later_brings_its_app_file(stage: Stage) -> None:
    platform = stage.platform
    text = '{"env": {"KEY": {"generator": "secret"}}, "formation": {"web": {"quantity": 2}}}'
    image = Image(
        id=str(uuid.uuid4()), app_id=stage.app.id, builder=Builder.BUILDPACK, arch="amd64", port=5000,
        where={"local": IMAGE}, source="", commit="3f2a91c", created_at=time.time(),
        processes={"web": "serve"}, app_file=text,
    )  # fmt: skip
    platform.builds.add_image(image)

    change = release_kept(stage.app, image, "ana", platform, time.time())
    goes_live(stage)

    assert change.release is not None
    assert len(change.release.config.vars["KEY"]) == 64
    assert quantities(stage) == {"web": 2}
