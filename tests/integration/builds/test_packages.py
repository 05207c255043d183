"""The build image with the Debian packages that a buildpack wants, made once."""

import fcntl
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import IO

import pytest

from paas.model.app import AppName
from paas.model.build import BuildState
from tests.apps.workshop import docker
from tests.eventually import eventually
from tests.integration.builds.building_site import APP, Builds

MADE = "-----> Installing Debian packages into the stack: figlet (once, about a minute)"
ASKS = ("paas-start", "command -v python3")
WAITS = "-----> Waiting for another build, which prepares the stack"


@pytest.fixture
def wanting(builds: Builds) -> Iterator[Builds]:
    """Its only buildpack wants a package that nobody else does, and says where what it builds runs."""
    own = builds.with_buildpack(compile="command -v figlet python3")
    folder = own.platform.settings.buildpacks_dir / "own"
    (folder / "packages").write_text("figlet\n")
    (folder / "small").touch()
    # A build image of this test's own, so that what is made of it was not there and can go.
    base = f"paas/stack:test-{own.platform.settings.platform}-build"
    docker("tag", own.platform.settings.stack_build, base)
    yield own.with_settings(stack_build=base)
    made = docker(
        "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={base}*"
    )
    docker("image", "rm", *made.stdout.split())


@pytest.fixture
def turn(wanting: Builds) -> Iterator[IO[str]]:
    """Somebody else's, until it is closed."""
    with (wanting.platform.settings.builds / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def test_two_builds_at_once_make_it_once_and_run_on_the_small_image(
    wanting: Builds, turn: IO[str]
) -> None:
    app = wanting.platform.apps.add(str(uuid.uuid4()), AppName("other"), "ana", time.time())
    other = replace(wanting, app=app)
    first, one = wanting.begun(APP, WAITS)
    second, two = other.begun(APP, WAITS)

    turn.close()

    one.join()
    two.join()
    built = [wanting.seen(first), other.seen(second)]
    assert [each.build.state for each in built] == [BuildState.SUCCEEDED] * 2, built
    assert sorted(MADE in each.output for each in built) == [False, True]
    assert all("/usr/bin/figlet\n/usr/bin/python3\n" in each.output for each in built)
    assert built[0].image is not None
    said = wanting.says(built[0].image, ("paas-start", "command -v figlet python3 || cat app.txt"))
    assert said == "x"


def test_the_next_build_begins_with_what_the_last_one_wanted(wanting: Builds) -> None:
    folder = wanting.platform.settings.buildpacks_dir
    shutil.copytree(folder / "own/bin", folder / "plain/bin")
    (folder / "plain/bin/detect").write_text("#!/bin/bash\n[ -f plain ] && echo Plain\n")
    (folder / "plain/bin/compile").write_text("#!/bin/bash\ncommand -v figlet || echo without\n")
    (folder / "order").write_text("plain\nown\n")

    first, second, plain, again = (
        wanting.pushed(tree) for tree in (APP, APP, {**APP, "plain": ""}, APP)
    )

    ran_on = [
        [line.endswith("python3") for line in wanting.says(each.image, ASKS).splitlines()]
        for each in (first, second, plain, again)
        if each.image
    ]
    assert ran_on == [[], [], [True], []]
    assert "without" in plain.output
    assert "/usr/bin/figlet" in again.output
    assert [each.build.buildpacks[0].name for each in (second, plain, again)] == [
        "own",
        "plain",
        "own",
    ]


def test_who_waits_for_it_can_be_cancelled(wanting: Builds, turn: IO[str]) -> None:
    build, thread = wanting.begun(APP, WAITS)

    wanting.platform.builds.end(build, BuildState.CANCELLED, time.time(), "by ana")

    eventually(lambda: not thread.is_alive(), within=5)
    assert not turn.closed
    assert wanting.leftovers() == []


def test_a_package_that_does_not_exist_fails_with_its_name(wanting: Builds) -> None:
    (wanting.platform.settings.buildpacks_dir / "own/packages").write_text("no-such-package-here\n")

    pushed = wanting.pushed(APP)

    assert pushed.build.state is BuildState.FAILED
    assert "E: Unable to locate package no-such-package-here" in pushed.output
    assert "the stack could not be given no-such-package-here" in pushed.output
