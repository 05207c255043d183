"""How a build ends that does not end by itself, or comes twice, or is left behind."""

import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from paas.leftovers import clear_leftovers
from paas.model.build import BuildState
from paas.push import give_up_dead_builds, push
from paas.store.builds import BUILDS
from tests.eventually import eventually
from tests.integration.builds.building_site import APP, HOST, Builds, processes_of

ENDLESS: Mapping[str, Any] = {
    "dockerfile": {
        "Dockerfile": "FROM paas/stack:run\nRUN trap '' TERM INT; echo begun; sleep 4321 & setsid sleep 4321\n"
    },
    "buildpack": APP,
}  # fmt: skip


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_cancelled_build_stops_at_once_with_all_it_started(builds: Builds, kind: str) -> None:
    own = builds.with_buildpack(
        compile="trap '' TERM INT; echo begun; sleep 4321 & setsid sleep 4321"
    )
    build_id, thread = own.begun(ENDLESS[kind], "begun")
    eventually(lambda: len(processes_of("sleep 4321")) == 2)

    own.platform.builds.end(build_id, BuildState.CANCELLED, time.time(), "cancelled by ana")

    seconds = eventually(lambda: not processes_of("sleep 4321"))
    thread.join(10)
    assert seconds < 4
    seen = own.seen(build_id)
    assert seen.build.state is BuildState.CANCELLED
    assert seen.build.reason == "cancelled by ana"
    assert "-----> Build cancelled" in seen.output
    assert own.containers() == []
    assert own.leftovers() == []


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_build_that_takes_too_long_is_ended_and_the_limit_named(
    builds: Builds, kind: str
) -> None:
    own = builds.with_buildpack(compile="echo begun; sleep 4321").with_settings(build_seconds=2.0)

    pushed = own.pushed(ENDLESS[kind])

    assert pushed.build.state is BuildState.FAILED
    assert "longer than 2 s (setting build_seconds)" in pushed.output
    assert not processes_of("sleep 4321")


def test_a_build_that_needs_too_much_memory_names_the_limit(builds: Builds) -> None:
    own = builds.with_buildpack(compile="x=a; while :; do x=$x$x; done").with_settings(
        build_memory_mb=64
    )

    pushed = own.pushed(APP)

    assert "out of memory: the limit of a build is 64 MB (setting build_memory_mb)" in pushed.output


def test_a_build_that_fills_the_disk_names_the_limit(builds: Builds) -> None:
    own = builds.with_buildpack(compile="head -c 60M /dev/zero >/app/x; sleep 4321").with_settings(
        build_disk_mb=50
    )

    pushed = own.pushed(APP)

    assert pushed.build.state is BuildState.FAILED
    assert "more than 50 MB (setting build_disk_mb), and was ended" in pushed.output
    assert not processes_of("sleep 4321")
    assert own.leftovers() == []


def test_a_build_that_forks_without_end_names_the_limit(builds: Builds) -> None:
    own = builds.with_buildpack(compile="b() { b | b & }; b; sleep 4321").with_settings(pids=64)
    begun = time.monotonic()

    pushed = own.pushed(APP)

    assert pushed.build.state is BuildState.FAILED
    assert "more than 64 processes at once (setting pids) and was ended" in pushed.output
    assert time.monotonic() - begun < 60
    assert not processes_of("sleep 4321")


def test_a_flood_of_output_neither_stops_a_build_nor_fills_the_disk(builds: Builds) -> None:
    own = builds.with_buildpack(
        compile="yes 'twenty-nine bytes in a line' | head -c 40000000; echo; echo the end"
    )

    pushed = own.pushed(APP)

    assert pushed.build.state is BuildState.SUCCEEDED
    folder = own.platform.settings.logs
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 40_000_000
    assert "the end\n-----> Build succeeded" in pushed.output


def test_a_build_whose_worker_died_is_given_up_and_leaves_nothing(builds: Builds) -> None:
    own = builds.with_buildpack(compile="echo begun; sleep 4321")
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(own.platform.settings.directory), own.queued(APP)],
    )
    build_id = own.platform.builds.of(own.app.id)[0].id
    eventually(lambda: "begun" in own.output(build_id), within=30)
    worker.kill()
    worker.wait()

    give_up_dead_builds(own.platform, time.time() + 5)
    assert own.seen(build_id).build.state is BuildState.BUILDING  # its lease has not run out
    give_up_dead_builds(own.platform, time.time() + 60)

    seen = own.seen(build_id)
    assert seen.build.state is BuildState.FAILED
    assert "its worker died. Push again" in seen.output
    assert own.containers() == []
    assert own.leftovers() == []
    eventually(lambda: not processes_of("sleep 4321"))


WORKER = """
import sys
from pathlib import Path
from paas.leftovers import clear_leftovers
from paas.push import give_up_dead_builds, push
from paas.settings import Settings
from paas.wiring import connect

push(sys.argv[2], connect(Settings.load(Path(sys.argv[1]))), "builds-1")
"""


def test_a_build_that_died_behind_its_release_has_succeeded(builds: Builds) -> None:
    pushed = builds.pushed("dockerfile-web")
    platform = builds.platform
    with platform.record.write() as tx:
        tx.execute(update(BUILDS).values(state="building", release=None, lease_until=0.0))

    give_up_dead_builds(platform, time.time())

    assert builds.seen(pushed.build.id).build == replace(
        pushed.build, lease_until=0.0, ended_at=builds.seen(pushed.build.id).build.ended_at
    )


def test_a_job_that_comes_twice_builds_once(builds: Builds) -> None:
    pushed = builds.pushed("dockerfile-web")

    again = builds.build(pushed.build.id)

    assert again == pushed
    assert len(builds.platform.releases.all(builds.app.id)) == 1


def test_what_was_queued_meanwhile_is_begun_afterwards(builds: Builds) -> None:
    first = builds.queued("dockerfile-web")
    builds.platform.builds.begin(first, "builds-2", time.time(), time.time() + 30)
    second = builds.queued("dockerfile-web")
    push(second, builds.platform, "builds-1")
    assert builds.seen(second).build.state is BuildState.QUEUED
    builds.platform.builds.end(first, BuildState.FAILED, time.time(), "x")

    third = builds.pushed({"Dockerfile": "FRM"})

    assert third.build.state is BuildState.FAILED
    assert builds.seen(second).build.state is BuildState.CANCELLED  # the newer push took its place


def test_what_is_left_over_is_cleared_and_nothing_else(builds: Builds) -> None:
    platform, settings = builds.platform, builds.platform.settings
    kept, failed = builds.pushed("dockerfile-web"), builds.pushed({"Dockerfile": "FRM"})
    unknown = str(uuid.uuid4())
    for app_id in (builds.app.id, unknown):
        (settings.repositories / f"{app_id}.git/objects").mkdir(parents=True)
        (settings.builds / "cache" / app_id / "node").mkdir(parents=True)
    (settings.builds / "work" / failed.build.id / "app").mkdir(parents=True)

    clear_leftovers(platform, time.time())
    assert platform.sources.has(failed.build.source)  # it may still be asked for
    clear_leftovers(platform, time.time() + 2 * 86400)

    assert [path.name for path in settings.repositories.iterdir()] == [f"{builds.app.id}.git"]
    assert [path.name for path in (settings.builds / "cache").iterdir()] == [builds.app.id]
    assert builds.leftovers() == []
    assert not platform.sources.has(failed.build.source)
    assert platform.sources.has(kept.build.source)


def test_an_engine_that_is_away_is_named(builds: Builds) -> None:
    builds.platform.hosts.note(HOST, url="unix:///nonexistent.sock")

    pushed = builds.pushed("dockerfile-web")

    assert "The engine of host local does not answer" in (pushed.build.reason or "")
