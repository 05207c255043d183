"""Buildpacks that somebody chose, on the real engine: which ones, in which order, with what."""

import re

import pytest

from paas.model.build import BuildState, UsedBuildpack
from paas.model.buildpack import Buildpack
from tests.integration.builds.building_site import Builds, Pushed

PROCFILE = {"Procfile": "web: sleep 100\n"}


def pack(name: str, script: str = "true") -> dict[str, str]:
    return {f"{name}/bin/compile": f"#!/bin/bash\n{script}\n"}


BOTH = {**pack("a", "echo a"), **pack("b", "echo b"), **PROCFILE}


def used(pushed: Pushed) -> list[str]:
    return [each.name for each in pushed.build.buildpacks]


def test_several_run_in_their_order_with_all_that_the_contract_promises(builds: Builds) -> None:
    builds.configured(GREETING="good morning")

    pushed = builds.pushed("own-buildpacks")
    again = builds.pushed("own-buildpacks")

    assert pushed.build.state is BuildState.SUCCEEDED, pushed.output
    assert pushed.release is not None and again.image is not None
    assert pushed.release.processes == {"web": "python3 serve.py", "clock": "sleep 1000"}
    assert used(pushed) == ["./packs/first", "./packs/second"]
    assert "-----> Buildpacks (.buildpacks): ./packs/first, ./packs/second" in pushed.output
    assert "-----> Left out what .slugignore names" in pushed.output
    told = builds.says(again.image, ("paas-start", "cat told/first told/second; echo $AT_START"))
    assert told.splitlines() == [
        "arguments /app /cache /env",
        "folder /app",
        f"stack {builds.platform.settings.stack_run.split(':')[1].removesuffix('-run')}",
        f"commit {again.build.commit}",
        f"request {again.build.id}",
        "greeting not exported",
        "greeting file good morning",
        "built before 1",
        "left by first: for the next",
        "first , then second",
    ]
    left = builds.says(again.image, ("cat", "told/files")).split()
    assert left == [".buildpacks", ".profile.d", ".slugignore", "serve.py", "told"]


BOTH = {**pack("a", "echo a"), **pack("b", "echo b"), **PROCFILE}


def test_what_is_set_by_command_is_built_by_whatever_the_files_say(builds: Builds) -> None:
    own = builds.with_buildpack()
    own.configured(BUILDPACK_URL="./b")
    files = {**BOTH, ".buildpacks": "./b", "Dockerfile": "FRM"}

    by_config = own.pushed(files)
    own.platform.buildpacks.put(own.app.id, [Buildpack.parse("./a")])
    by_command = own.pushed(files)

    assert (used(by_config), used(by_command)) == (["./b"], ["./a"])
    for pushed, ran in ((by_config, "b"), (by_command, "a")):
        assert pushed.build.state is BuildState.SUCCEEDED, pushed.output
        assert [line for line in pushed.output.splitlines() if line in ("a", "b")] == [ran]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("./nothing", "./nothing is no buildpack: it has no file bin/compile"),
        ("./a/bin", "./a/bin is no buildpack: it has no file bin/compile"),
        ("../b", ".buildpacks: '../b' is no buildpack"),
        ("./a\n./bad", "the ./bad buildpack failed (bin/compile ended with 7)"),
    ],
)
def test_a_choice_that_cannot_be_fails_and_says_which(
    builds: Builds, named: str, said: str
) -> None:
    own = builds.with_buildpack()

    pushed = own.pushed({**BOTH, **pack("bad", "exit 7"), ".buildpacks": named})

    assert pushed.build.state is BuildState.FAILED
    assert said in (pushed.build.reason or "")
    assert own.leftovers() == []


def test_what_was_found_is_recorded_as_what_was_chosen_is(builds: Builds) -> None:
    pushed = builds.with_buildpack().pushed(PROCFILE)

    assert list(pushed.build.buildpacks) == [UsedBuildpack("own")]


@pytest.mark.parametrize(
    ("ignored", "left"),
    [
        ("marker", []),
        ("*.txt\r\n/mark*\n# Procfile\n", ["deep/marker"]),
        ("deep/\n!marker\n../marker\n/etc\n-rf\n$(rm marker)", ["marker", "a.txt"]),
    ],
)
def test_slugignore_counts_before_anything_looks_at_the_tree(
    builds: Builds, ignored: str, left: list[str]
) -> None:
    own = builds.with_buildpack(detect="[ -f marker ] && echo Own", compile="find . -type f")
    tree = {**PROCFILE, "marker": "x", "deep/marker": "x", "a.txt": "x", ".slugignore": ignored}

    pushed = own.pushed(tree)

    assert (pushed.build.state is BuildState.SUCCEEDED) == ("marker" in left), pushed.output
    if "marker" in left:
        found = [line.removeprefix("./") for line in pushed.output.splitlines() if "./" in line]
        assert sorted(found) == sorted([*left, ".slugignore", "Procfile"])
    else:
        assert "paas buildpacks:set URL" in pushed.output


def test_a_cache_that_has_grown_too_large_is_emptied_and_one_that_fits_is_kept(
    builds: Builds,
) -> None:
    own = builds.with_settings(build_cache_mb=8)
    grow = "ls /cache; mkdir -p /cache/d; head -c $(cat /env/SIZE) /dev/zero >/cache/d/kept; chmod 500 /cache/d"
    outputs = []
    for size in ("1000000", "1000000", "20000000", "1000"):
        own.configured(SIZE=size)
        tree = {**pack("a", f"chmod -f 700 /cache/d; {grow}"), **PROCFILE, ".buildpacks": "./a"}
        outputs.append(own.pushed(tree).output)

    kept = ["\nd\n" in output for output in outputs]
    emptied = ["(setting build_cache_mb), and is emptied" in output for output in outputs]
    assert kept == [False, True, True, False]
    assert emptied == [False, False, True, False]


@pytest.mark.parametrize(
    ("chosen", "ran"),
    [
        ("./packs/own", ["apt", "./packs/own"]),
        ("./packs/own\nheroku-community/apt", ["./packs/own", "apt"]),
        ("./packs/theirs", ["./packs/theirs"]),
    ],
)
def test_an_aptfile_is_read_once_and_first_unless_somebody_says_otherwise(
    builds: Builds, chosen: str, ran: list[str]
) -> None:
    tree = {
        **PROCFILE,
        ".buildpacks": chosen,
        "Aptfile": "# nothing\n",
        "packs/own/bin/compile": "#!/bin/sh\ntrue\n",
        "packs/theirs/bin/compile": "#!/bin/sh\necho mine: $(cat Aptfile)\n",
    }

    pushed = builds.pushed(tree)

    assert pushed.build.state is BuildState.SUCCEEDED, pushed.output
    assert re.findall(r"Using the (\S+) buildpack", pushed.output) == ran
