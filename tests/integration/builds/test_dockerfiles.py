"""What a Dockerfile may say, and what an app may say about it, with the real BuildKit."""

import hashlib
import subprocess
import time
import uuid
from dataclasses import replace

import pytest

from paas.model.app import AppName
from paas.model.build import BuildState
from paas.scheduler.spec import image_name
from tests.apps.workshop import APPS, docker
from tests.integration.builds.building_site import HOST, Builds, Pushed

SECRET = "a token of nobody's business"


def printed(builds: Builds, pushed: Pushed) -> str:
    assert pushed.image is not None, pushed.output
    return builds.says(pushed.image, ())


def test_only_what_the_last_stage_copies_is_in_the_image(builds: Builds) -> None:
    pushed = builds.pushed("dockerfile-multistage")

    assert printed(builds, pushed) == "made in the first stage\n"
    assert pushed.image is not None
    listed = builds.says(pushed.image, ("sh", "-c", "ls -A /app/tree; ls /made-with"))
    assert "kept.log" in listed
    assert "left-out.log" not in listed
    assert "No such file" in listed


def test_an_unchanged_dockerfile_takes_every_step_from_the_cache(builds: Builds) -> None:
    builds.configured(TOKEN=SECRET, EDITION="third")
    builds.sets(secrets=["TOKEN"], args=["EDITION"])
    first = builds.pushed("dockerfile-secret")

    second = builds.pushed("dockerfile-secret")

    assert first.image is not None, first.output
    assert second.image is not None, second.output
    assert second.image.where == first.image.where
    assert second.output.count("] RUN ") == 3
    assert second.output.count("  (from the cache)\n") >= 3


def test_a_changed_secret_or_argument_is_noticed_and_no_secret_is_left_anywhere(
    builds: Builds,
) -> None:
    builds.sets(secrets=["TOKEN"], args=["EDITION"])
    outputs = []
    for token, edition in ((SECRET, "one"), (f"{SECRET}, changed", "one"), (SECRET, "two")):
        builds.configured(TOKEN=token, EDITION=edition)
        pushed = builds.pushed("dockerfile-secret")

        digest = hashlib.sha256(token.encode()).hexdigest()
        assert printed(builds, pushed) == f"edition {edition}\n{digest}  -\n{len(token)}\n"
        assert pushed.image is not None
        outputs.append(pushed.output)
        told = docker("inspect", pushed.image.where[HOST]).stdout
        told += docker("history", "--no-trunc", pushed.image.where[HOST]).stdout
        found = builds.says(pushed.image, ("grep", "-rsl", SECRET, "/root", "/run", "/etc", "/tmp"))
        assert (token in told, found) == (False, "")
    assert not any(SECRET in output for output in outputs)
    assert all("RUN --mount=type=secret,id=TOKEN     sha256sum" in output for output in outputs)
    assert all("Not given, but mounted (build setting secrets): UNNAMED" in o for o in outputs)


def test_a_secret_is_given_in_every_form_that_buildkit_reads(builds: Builds) -> None:
    builds.configured(TOKEN=SECRET)
    builds.sets(secrets=["TOKEN"])
    dockerfile = (
        "FROM paas/stack:run AS parent\n"
        "USER root\n"
        "ONBUILD RUN --mount=type=secret,id=TOKEN wc -c </run/secrets/TOKEN >/told\n"
        "FROM\tparent\n"
        "RUN\t--mount=type=secret,id=TOKEN wc -c </run/secrets/TOKEN >>/told\n"
        "RUN --mount=type=cache,target=/c \\\n  # a remark\n"
        '  --mount=type=secret,"id=TOKEN" \\\n  wc -c </run/secrets/TOKEN >>/told\n'
        "RUN --mount='type=secret,\"id=TOKEN\",\"target=/a, b\"' wc -c <'/a, b' >>/told\n"
        'CMD ["cat", "/told"]\n'
    )

    pushed = builds.pushed({"Dockerfile": dockerfile})

    assert printed(builds, pushed) == f"{len(SECRET)}\n" * 4
    assert " !  " not in pushed.output
    assert "TOKEN." not in pushed.output.upper()


def test_a_step_with_a_secret_is_never_taken_from_another_app(builds: Builds) -> None:
    other = replace(
        builds,
        app=builds.platform.apps.add(str(uuid.uuid4()), AppName("other"), "ben", time.time()),
    )
    outputs = []
    for each in (builds, other):
        each.configured(TOKEN=SECRET)
        each.sets(secrets=["TOKEN"])
        outputs.append(each.pushed("dockerfile-secret").output)

    assert "Build succeeded" in outputs[1]
    lines = outputs[1].splitlines()
    steps = [at for at, line in enumerate(lines) if "RUN --mount=type=secret" in line]
    assert len(steps) >= 2
    assert not any("(from the cache)" in lines[at + 1] for at in steps)


def test_no_process_shows_what_a_build_is_given(builds: Builds) -> None:
    builds.configured(TOKEN=SECRET, WORD="an argument's value")
    builds.sets(secrets=["TOKEN"], args=["WORD"])
    step = (
        "RUN --mount=type=secret,id=TOKEN echo begun $WORD; while [ ! -e /gone ]; do sleep 1; done"
    )
    build_id, thread = builds.begun(
        {"Dockerfile": f"FROM paas/stack:run\nARG WORD\n{step}\n"}, "begun"
    )

    listed = subprocess.run(
        ["ps", "-ewwo", "args"], capture_output=True, text=True, check=True
    ).stdout
    builds.platform.builds.end(build_id, BuildState.CANCELLED, time.time(), "seen")
    thread.join(20)

    assert "--secret id=TOKEN." in listed
    assert SECRET not in listed
    assert "an argument's value" not in listed
    assert "begun [REDACTED]" in builds.output(build_id)
    assert "an argument's value" not in builds.output(build_id)


def test_what_a_dockerfile_names_moves_no_cursor_and_fills_no_page(builds: Builds) -> None:
    mounts = [f"--mount=type=secret,id=\x1b]0;{number}\x07\udc80" for number in range(300)]
    content = f"FROM paas/stack:run\nRUN {' '.join(mounts)} true\nRUN exit 1\n"

    pushed = builds.pushed({"Dockerfile": content})

    assert pushed.build.state is BuildState.FAILED
    assert "Not given, but mounted (build setting secrets): ]0;0" in pushed.output
    assert "\x1b" not in pushed.output
    assert len(pushed.output.partition("[1/3]")[0]) < 2000


def test_a_cache_mount_is_kept_and_is_not_in_the_image(builds: Builds) -> None:
    files = {"Dockerfile": (APPS / "dockerfile-cache/Dockerfile").read_text(), "line": "one\n"}
    builds.pushed(files)

    pushed = builds.pushed({**files, "line": "two\n"})

    assert printed(builds, pushed) == "one\ntwo\n"
    assert pushed.image is not None
    assert builds.says(pushed.image, ("ls", "-A", "/kept")).strip() in ("", "ls: /kept")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": "web"}, "the web stage\n"),
        ({"target": "WEB"}, "the web stage\n"),
        ({}, "the last stage\n"),
    ],
)
def test_a_stage_is_built_that_is_named(builds: Builds, given: dict[str, str], said: str) -> None:
    builds.sets(**given)

    assert printed(builds, builds.pushed("dockerfile-targets")) == said


@pytest.mark.parametrize(
    ("app", "processes", "port", "said"),
    [
        ("dockerfile-user", {"web": ""}, 5000, "4321\n"),
        ("dockerfile-entrypoint", {"web": ""}, 5000, "entered with the command\n"),
        ("dockerfile-one-port", {"web": ""}, 8080, ""),
        ("dockerfile-two-ports", {"web": ""}, 5000, ""),
        ("dockerfile-only-release", {"web": "", "release": "echo migrated"}, 5000, ""),
        ("dockerfile-procfile", {"web": 'echo "a shell: $((6 * 7))"', "clock": "sleep 100"}, 5000, "a shell: 42\n"),
        ("dockerfile-argument", {"web": ""}, 5000, "first edition\n"),
        ("dockerfile-crlf", {"web": ""}, 5000, "made on another system\n"),
    ],
)  # fmt: skip
def test_what_an_image_says_of_its_start_is_kept(
    builds: Builds, app: str, processes: dict[str, str], port: int, said: str
) -> None:
    pushed = builds.pushed(app)

    assert pushed.release is not None, pushed.output
    assert pushed.image is not None
    assert (pushed.release.processes, pushed.image.port) == (processes, port)
    command = processes["web"]
    assert builds.says(pushed.image, ("/bin/sh", "-c", command) if command else ()) == said


@pytest.mark.parametrize(
    ("procfile", "is_said"), [("release: echo migrated\n", True), (None, False)]
)
def test_an_entrypoint_that_gets_the_commands_of_a_procfile_is_told_of(
    builds: Builds, procfile: str | None, is_said: bool
) -> None:
    files = {"Dockerfile": (APPS / "dockerfile-entrypoint/Dockerfile").read_text()}

    pushed = builds.pushed(files if procfile is None else {**files, "Procfile": procfile})

    assert pushed.image is not None, pushed.output
    assert ("ENTRYPOINT gets each command of the Procfile" in pushed.output) is is_said


@pytest.mark.parametrize(
    ("given", "app", "words"),
    [
        ({"target": "wbe"}, "dockerfile-targets",
         ["Dockerfile has no stage wbe (build setting target); it has: base, web, worker"]),
        ({"dockerfile": "deploy/Dockerfil"}, "monorepo",
         ["there is no deploy/Dockerfil in the tree (build setting dockerfile)", "services/api/Dockerfile"]),
        ({"path": "service"}, "monorepo",
         ["there is no folder service in the repository (build setting path)", "folders docs, services"]),
        ({"secrets": ["TOKEN"]}, "dockerfile-secret",
         ["the config has no TOKEN (build setting secrets). Type: paas config:set TOKEN="]),
        ({}, "dockerfile-heredoc", ["Dockerfile, line 2: a heredoc (<<EOF) needs Docker 23, and this engine is 20.10"]),
        ({}, "dockerfile-frontend",
         ["Dockerfile, line 1: the image docker/dockerfile:1.99-none", "could not be had", "Docker 20.10"]),
        ({}, "dockerfile-unknown-instruction", ["Dockerfile, line 2: unknown instruction: RUNN"]),
        ({}, "dockerfile-unknown-flag", ["Dockerfile, line 2: this engine (Docker 20.10", "does not know --link"]),
        ({}, "dockerfile-copies-nothing", ["Dockerfile, line 2: [2/2] COPY not-there.txt /", "not found"]),
        ({}, "dockerfile-no-base", ["the base image no-such-base.invalid/runtime:1 could not be had"]),
        ({}, "dockerfile-requires-secret",
         ["Dockerfile, line 2: ", "requires the secret LICENCE", "paas builds:config secrets=LICENCE"]),
        ({}, "dockerfile-no-cmd", ["neither CMD nor ENTRYPOINT"]),
        ({}, "dockerfile-fails-in-step", ["Dockerfile, line 9: [app 3/3] RUN echo", "failed with exit code 42"]),
    ],
)  # fmt: skip
def test_a_dockerfile_that_cannot_be_built_says_where_and_why(
    builds: Builds, given: dict[str, str], app: str, words: list[str]
) -> None:
    builds.sets(**given)

    pushed = builds.pushed(app)

    assert pushed.build.state is BuildState.FAILED
    reason = pushed.build.reason or ""
    assert [word for word in words if word not in reason] == [], reason
    assert len(reason.splitlines()) == 1
    assert f" !     {reason}\n" in pushed.output
    assert builds.leftovers() == []


def test_a_build_does_not_go_on_without_a_secret_that_a_variable_names(builds: Builds) -> None:
    builds.configured(TOKEN=SECRET)
    builds.sets(secrets=["TOKEN"])
    step = "RUN --mount=type=secret,id=$NAME true"

    pushed = builds.pushed({"Dockerfile": f"FROM paas/stack:run\nARG NAME=TOKEN\n{step}\n"})

    assert pushed.build.reason == (
        "Dockerfile, line 3: a variable says which secret this is: --mount=type=secret,id=$NAME. Write its name"
    )


def test_a_flood_of_output_is_cut_and_the_cut_and_the_failed_step_are_told(builds: Builds) -> None:
    flood = "RUN yes 'twenty-nine bytes in a line' | head -c 200000000; exit 3\n"

    pushed = builds.pushed({"Dockerfile": f"FROM paas/stack:run\n{flood}"})

    assert "[the engine cut this step's output here: log limit" in pushed.output
    assert (pushed.build.reason or "").startswith("Dockerfile, line 2: [2/2] RUN yes")
    assert (pushed.build.reason or "").endswith("failed with exit code 3")
    folder = builds.platform.settings.logs
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 10_000_000


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"path": "services/api"}, "Dockerfile\nanswer.txt\ndeploy\n"),
        ({"path": "services/api", "dockerfile": "deploy/Dockerfile"}, "the api answers\n"),
    ],
)
def test_a_folder_of_a_monorepo_is_built_by_its_dockerfile(
    builds: Builds, given: dict[str, str], said: str
) -> None:
    builds.sets(**given)

    assert printed(builds, builds.pushed("monorepo")) == said


def test_a_folder_of_a_monorepo_is_built_by_a_buildpack(builds: Builds) -> None:
    builds.sets(path="services/page", target="web")
    own = builds.with_buildpack(detect="test -f $1/page.txt && echo Page")

    pushed = own.pushed("monorepo")

    assert pushed.release is not None, pushed.output
    assert pushed.release.processes == {"web": "cat page.txt"}
    assert "-----> Left out what .slugignore names" in pushed.output
    assert "No Dockerfile is built: of no effect is what sets target" in pushed.output
    assert pushed.image is not None
    assert (
        own.says(pushed.image, ("paas-start", "ls; cat page.txt"))
        == "Procfile\npage.txt\nthe page\n"
    )


def test_a_dockerfile_that_is_named_comes_before_buildpacks(builds: Builds) -> None:
    builds.sets(dockerfile="deploy/Dockerfile", args=["MISSING"])
    files = {
        "deploy/Dockerfile": "FROM paas/stack:run\nCMD x\n",
        "index.html": "",
        ".buildpacks": "static",
    }

    pushed = builds.pushed(files)

    assert pushed.release is not None, pushed.output
    assert "-----> Building deploy/Dockerfile" in pushed.output
    assert "The config has no MISSING (build setting args)" in pushed.output


@pytest.mark.parametrize(
    "text",
    [
        "ARG A=paas\nFROM ${{A}}/{0}\n",
        "FROM paas/stack:run\nCOPY --from=paas/{0} /etc/hostname /x\n",
    ],
)
def test_no_app_is_built_of_anothers_image(builds: Builds, text: str) -> None:
    first = builds.pushed("dockerfile-web")
    assert first.image is not None
    tag = image_name(builds.platform.settings.platform, builds.app).removeprefix("paas/")

    pushed = builds.pushed({"Dockerfile": text.format(f"{tag}:build-{first.build.id[:8]}")})

    assert pushed.build.state is BuildState.FAILED, pushed.output
    assert "is an app's image, and no base for another" in (pushed.build.reason or "")
    assert pushed.image is None
