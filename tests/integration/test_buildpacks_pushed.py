"""Buildpacks as a person meets them: the command line, a push, and what is served."""

import re

from tests.integration.user import User


def test_an_app_brings_its_own_buildpacks_and_is_served_what_they_made(user: User) -> None:
    user.creates("packs")
    said = user.types("paas config:set 'GREETING=good morning' --no-wait -a packs")
    assert said.code == 0, said.text

    push = user.pushes("own-buildpacks", to="packs")

    assert push.accepted, push.output
    assert "-----> Buildpacks (.buildpacks): ./packs/first, ./packs/second" in push.output
    told = user.visits("packs").text.splitlines()
    assert told[0] == "at start first good morning, then second"
    assert f"commit {push.commit}" in told
    (stack,) = (line for line in told if line.startswith("stack "))
    assert re.fullmatch("stack trixie-[0-9a-f]{12}", stack)
    assert {"greeting not exported", "built before 0", "left by first: for the next"} <= {*told}
    assert "first, second" in user.types("paas builds -a packs").out

    assert user.pushes(None, to="packs").accepted
    assert "built before 1" in user.visits("packs").text
    purged = user.types("paas builds:cache:purge -a packs")
    assert (purged.code, purged.err) == (0, "Purged the build cache of packs.\n")
    assert user.pushes(None, to="packs").accepted
    assert "built before 0" in user.visits("packs").text


def test_what_is_set_by_command_is_what_the_next_push_goes_by(user: User) -> None:
    user.creates("chosen")
    for line, now in (
        ("buildpacks:set heroku/python", "python"),
        ("buildpacks:add ./packs/own --index 1", "./packs/own, python"),
    ):
        said = user.types(f"paas {line} -a chosen")
        assert said.err == f"The next build of chosen uses: {now}\n"
    script = "#!/bin/sh\necho left something; echo 'x = 1' >$1/left.py\n"
    files = {"packs/own/bin/compile": script, "Dockerfile": "FRM"}

    push = user.pushes("python-web", to="chosen", files=files)
    user.types("paas buildpacks:clear -a chosen")
    cleared = user.pushes(None, to="chosen")

    assert push.accepted, push.output
    assert "left something" in push.output
    assert push.output.index("left something") < push.output.index("Using the python buildpack")
    assert user.visits("chosen").json()["release"] == "v1"
    assert cleared.rejected  # by the Dockerfile now
    assert "FRM" in cleared.output


def test_a_buildpack_at_an_address_of_ours_rejects_the_push_and_says_why(user: User) -> None:
    user.creates("inward")
    user.types("paas config:set BUILDPACK_URL=https://127.0.0.1:5000/x.git --no-wait -a inward")

    push = user.pushes("python-web", to="inward")

    assert push.rejected
    assert (
        "127.0.0.1 is at 127.0.0.1, which is no public address (setting fetch_networks)"
        in push.output
    )
    assert " [remote rejected] main -> main" in push.output


def test_a_go_app_is_pushed_served_and_changed(user: User) -> None:
    user.creates("gopher")

    push = user.pushes("go-web", to="gopher")

    assert push.accepted, push.output
    assert "-----> Go app detected (go.mod)" in push.output
    answer = user.visits("gopher").json()
    assert (answer["dyno"], answer["release"]) == ("web.1", "v1")
    assert "go" in user.types("paas builds -a gopher").out
    said = user.types("paas run -a gopher -- sh -c 'command -v python3 || ls bin'")
    assert (said.code, said.out.split()) == (0, ["go-web"])

    push = user.pushes(None, to="gopher", files={"page.txt": "changed"})
    assert push.accepted, push.output
    assert user.visits("gopher").json()["release"] == "v2"


def test_a_push_that_nothing_knows_is_told_what_was_looked_for(user: User) -> None:
    user.creates("fortran")

    push = user.pushes("no-buildpack-matches", to="fortran")

    assert push.rejected
    for line in ("Dockerfile", "nodejs: package.json", "go: go.mod", "procfile: Procfile"):
        assert f"       {line}\n" in push.output
    assert "paas buildpacks:set URL" in push.output
