"""From a source to an image and its release, with the real engine."""

import hashlib

import pytest

from paas.model.build import Builder, BuildState
from tests.apps.workshop import docker
from tests.integration.builds.building_site import (
    APP,
    HOST,
    Builds,
)


def test_a_dockerfile_becomes_an_image_and_a_wanted_release(builds: Builds) -> None:
    pushed = builds.pushed("dockerfile-web")

    assert pushed.build.state is BuildState.SUCCEEDED, pushed.output
    assert "-----> Building the Dockerfile" in pushed.output
    assert "-----> Build succeeded in" in pushed.output
    assert pushed.release is not None
    assert pushed.release.processes == {"web": ""}
    assert builds.platform.apps.get(builds.app.id).wanted_release == pushed.release.number
    assert pushed.image is not None
    assert (pushed.image.builder, pushed.image.port) == (Builder.DOCKERFILE, 8080)
    assert builds.containers() == []


def test_a_python_app_becomes_an_image_that_starts(builds: Builds) -> None:
    builds.configured(GREETING="a secret greeting")

    pushed = builds.pushed("python-web")

    assert pushed.build.state is BuildState.SUCCEEDED, pushed.output
    assert pushed.release is not None
    assert pushed.image is not None
    assert pushed.build.detected == "Python"
    assert pushed.image.builder is Builder.BUILDPACK
    assert list(pushed.release.processes) == ["web"]
    said = builds.says(
        pushed.image,
        ("paas-start", "id -u; pwd; which gunicorn; ls -ld /app | cut -c1-10; ls / | grep -c mnt"),
    )
    assert said.split() == ["20000", "/app", "/app/.heroku/python/bin/gunicorn", "drwxr-xr-x", "1"]
    assert builds.containers() == []
    assert not list((builds.platform.settings.builds / "work").iterdir())


def test_an_app_starts_with_the_scripts_that_its_buildpack_left(builds: Builds) -> None:
    own = builds.with_buildpack(
        compile="""mkdir $1/.profile.d
            echo 'export A="from a" PATH="/app/bin:$PATH"' >$1/.profile.d/a.sh
            echo 'export B="after $A"' >$1/.profile.d/b.sh"""
    )

    pushed = own.pushed(APP)

    assert pushed.image is not None, pushed.output
    assert pushed.release is not None
    assert pushed.release.processes == {"web": "cat app.txt", "worker": "sleep 100"}
    said = own.says(
        pushed.image, ("paas-start", 'echo "$B" "$PORT" "${PATH%%:*}" $# "it\'s"; exec cat app.txt')
    )
    assert said == "after from a 5000 /app/bin 0 it's\nx"


def test_a_buildpack_gets_herokus_arguments_and_environment(builds: Builds) -> None:
    builds.configured(KEY="line one\nline 'two' $x é", EMPTY="")
    own = builds.with_buildpack(
        compile="""echo "$# $1 $2 $(id -u) $PWD $SOURCE_VERSION $STACK"; ls $3; sha256sum <$3/KEY; touch $2/kept
            grep -c . /proc/net/route >/dev/null; test ! -e $1/.git"""
    )

    pushed = own.pushed(APP)

    digest = hashlib.sha256("line one\nline 'two' $x é".encode()).hexdigest()
    assert f"3 /app /cache 20000 /app {pushed.build.commit} " in pushed.output
    assert f"EMPTY\nKEY\n{digest}" in pushed.output
    cache = own.platform.settings.builds / "cache" / own.app.id
    assert [path.name for path in cache.iterdir()] == ["kept"]


def test_config_is_in_no_output_and_no_image(builds: Builds) -> None:
    secret = "hunter2-hunter2"
    builds.configured(PASSWORD=secret)
    own = builds.with_buildpack(
        compile=f"echo $(cat $3/PASSWORD); echo {secret} >&2; ! env | grep -q hunter",
        release="echo 'default_process_types: {{web: x}}'",
    )

    pushed = own.pushed(APP)

    assert pushed.image is not None
    assert secret not in pushed.output
    assert "[REDACTED]\n[REDACTED]\n" in pushed.output
    told = docker("inspect", pushed.image.where[HOST]).stdout
    told += docker("history", "--no-trunc", pushed.image.where[HOST]).stdout
    assert secret not in told
    assert (
        own.says(pushed.image, ("grep", "-rsl", secret, "/app", "/usr/local", "/mnt", "/tmp")) == ""
    )
    assert own.leftovers() == []


def test_without_a_procfile_the_buildpack_says_what_runs(builds: Builds) -> None:
    own = builds.with_buildpack(
        release="echo 'addons: []'; printf 'default_process_types:\\n  web: \"run: it # now\"\\n'"
    )

    pushed = own.pushed({"app.txt": "x"})

    assert pushed.release is not None, pushed.output
    assert pushed.release.processes == {"web": "run: it # now"}


@pytest.mark.parametrize(
    ("release", "word"),
    [
        ("echo ---", "Add a file Procfile with a line such as: web: ./server"),
        ("echo '[: not yaml'", "printed no YAML"),
        (
            "echo 'default_process_types: {9web: x}'",
            "bin/release of the Own buildpack: Procfile, line 1",
        ),
        ("exit 3", "the Own buildpack failed (bin/release ended with 3)"),
        (
            "rm -f /out/release.yml; ln -s /etc/passwd /out/release.yml",
            "does not know how this app is started",
        ),
        (
            "rm -f /out/release.yml; mkfifo /out/release.yml",
            "does not know how this app is started",
        ),
    ],
)
def test_a_release_script_that_does_not_tell_is_named(
    builds: Builds, release: str, word: str
) -> None:
    pushed = builds.with_buildpack(release=release).pushed({"app.txt": "x"})

    assert pushed.build.state is BuildState.FAILED
    assert word in (pushed.build.reason or "")
    assert word in pushed.output
    assert pushed.release is None


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ("broken-buildpack", ["the Python buildpack failed (bin/compile ended with 1)"]),
        ("bad-procfile", ["Procfile, line 1: expected 'name: command'"]),
        ("no-procfile", ["there is no Procfile", "web: ./server"]),
        ("no-buildpack-matches", ["(python, nodejs, go, static, procfile)", "Add a Dockerfile"]),
        ({"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"}, ["neither CMD nor ENTRYPOINT"]),
        (
            {"Dockerfile": "FROM paas/stack:run\nRUN exit 4\n"},
            ["[2/2] RUN exit 4 failed with exit code 4"],
        ),
        ({"Dockerfile": "FROM paas/stack:run\nCOPY nothing /\n"}, ["COPY nothing /", "not found"]),
        (
            {"Dockerfile": "FROM no-such.invalid/x\n"},
            ["the base image no-such.invalid/x:latest could not be had"],
        ),
        ({"Dockerfile": "FRM x\n"}, ["unknown instruction: FRM"]),
        ({"Dockerfile": "FROM paas/stack:run\n", "Procfile": "web\n"}, ["Procfile, line 1"]),
        (b"no tar at all", ["it is not a whole tar archive"]),
    ],
)
def test_what_cannot_be_built_says_why_in_one_line(
    builds: Builds, tree: bytes | str | dict[str, str], words: list[str]
) -> None:
    pushed = builds.pushed(tree)

    assert pushed.build.state is BuildState.FAILED
    assert pushed.release is None
    assert "-----> Build failed\n !     " in pushed.output
    for word in words:
        assert word in (pushed.build.reason or "")
    assert len((pushed.build.reason or "").splitlines()) == 1
    assert builds.platform.apps.get(builds.app.id).wanted_release is None
    assert builds.containers() == []


def test_a_dockerfile_with_a_procfile_runs_what_that_says(builds: Builds) -> None:
    pushed = builds.pushed(
        {"Dockerfile": "FROM paas/stack:run\nEXPOSE 80 81\n", "Procfile": "web: sh -c 'x'\n"}
    )

    assert pushed.release is not None, pushed.output
    assert pushed.release.processes == {"web": "sh -c 'x'"}
    assert pushed.image is not None
    assert pushed.image.port == 5000  # two ports of EXPOSE are none


def test_dockerignore_is_heeded(builds: Builds) -> None:
    pushed = builds.pushed({
        "Dockerfile": "FROM paas/stack:run\nCOPY . /there\nCMD x\n", ".dockerignore": "private\n",
        "private": "x", "public": "x",
    })  # fmt: skip

    assert pushed.image is not None, pushed.output
    assert "private" not in builds.says(pushed.image, ("ls", "/there")).split()


def test_an_image_bears_the_platform_and_a_name(builds: Builds) -> None:
    pushed = builds.pushed("dockerfile-web")

    assert pushed.image is not None
    seen = builds.platform.engine.image(HOST, pushed.image.where[HOST])
    assert seen is not None
    assert seen.labels["paas.platform"] == builds.platform.settings.platform
    name = f"paas/{builds.platform.settings.platform}/shop-{builds.app.id[:8]}"
    assert seen.tags == (f"{name}:build-{pushed.build.id[:8]}",)
