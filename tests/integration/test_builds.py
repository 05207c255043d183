"""From a source to an image and its release, with the real engine."""

import hashlib
import io
import secrets
import subprocess
import sys
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from paas.builds.stack import StackImages
from paas.engine.body import PLATFORM
from paas.engine.docker_engine import DockerEngine
from paas.engine.engine import SubnetTaken
from paas.model.app import App, AppName
from paas.model.build import Build, Builder, BuildState, Image, Source
from paas.model.config import Config
from paas.model.container import ContainerSpec, container_name
from paas.model.release import Release
from paas.push import clear_leftovers, give_up_dead_builds, push
from paas.settings import Settings
from paas.store.builds import BUILDS
from paas.store.database import Database
from paas.wiring import Platform, connect
from tests.apps.workshop import APPS, docker, the_stack
from tests.eventually import eventually
from tests.make import make_host

HOST = "local"


@dataclass(frozen=True)
class Pushed:
    build: Build
    output: str
    release: Release | None
    image: Image | None


@dataclass(frozen=True)
class Builds:
    """A platform with one app, and no daemon: a build is begun by calling the job's function."""

    platform: Platform
    app: App

    def queued(self, tree: bytes | str | Mapping[str, str]) -> str:
        """The id of a build of a tar, of a sample app, or of these files."""
        source = Source(str(uuid.uuid4()), "ana", time.time())
        content = tree if isinstance(tree, bytes) else tar_of(tree)
        self.platform.builds.add_source(source)
        self.platform.sources.write(source.id, [content], 64)
        commit = secrets.token_hex(20)
        build = Build(
            str(uuid.uuid4()), self.app.id, BuildState.QUEUED, source.id, commit, "ana", time.time()
        )
        self.platform.builds.add(build)
        return build.id

    def pushed(self, tree: bytes | str | Mapping[str, str]) -> Pushed:
        return self.build(self.queued(tree))

    def build(self, build_id: str) -> Pushed:
        push(build_id, self.platform, "builds-1")
        return self.seen(build_id)

    def seen(self, build_id: str) -> Pushed:
        build = self.platform.builds.get(build_id)
        assert build is not None
        release = None
        if build.release is not None:
            release = self.platform.releases.get(self.app.id, build.release)
        image = self.platform.builds.image(build.image) if release and build.image else None
        return Pushed(build, self.output(build_id), release, image)

    def output(self, build_id: str) -> str:
        return self.platform.logs.read_output(build_id, 0)[0].decode()

    def configured(self, **values: str) -> None:
        with self.platform.record.write():
            release = self.platform.releases.add(
                self.app.id, image=None, processes={}, config=Config(values),
                description="Set", commit="", by="ana", now=time.time(),
            )  # fmt: skip
            self.platform.apps.settle(self.app.id, release.number, time.time())

    def says(self, image: Image, command: tuple[str, ...]) -> str:
        """What a container of the image prints, started as the platform starts a dyno."""
        platform = self.platform
        spec = ContainerSpec(
            name=container_name(platform.settings.platform, secrets.token_hex(6)),
            image=image.where[HOST], labels={}, hostname="x", env={"PORT": "5000"},
            command=command, memory_mb=256, cpus=1, pids=64, is_restarted=False,
        )  # fmt: skip
        session = platform.engine.attach(HOST, spec)
        output = b"".join(iter(session.read, b"")).decode()
        session.close()
        platform.engine.remove(HOST, spec.name)
        return output

    def with_buildpack(self, **scripts: str) -> "Builds":
        """A platform whose only buildpack is made of these scripts."""
        folder = self.platform.settings.directory / "buildpacks"
        (folder / "own/bin").mkdir(parents=True)
        (folder / "order").write_text("# the only one\n\nown\n")
        for name, text in {"detect": "echo Own", "compile": "true", **scripts}.items():
            path = folder / "own/bin" / name
            path.write_text(f"#!/bin/bash\n{text}\n")
            path.chmod(0o755)
        return self.with_settings(buildpacks_dir=folder)

    def with_settings(self, **values: Any) -> "Builds":
        settings = replace(self.platform.settings, **values)
        settings.write()
        return replace(self, platform=replace(self.platform, settings=settings))

    def begun(self, tree: str | Mapping[str, str], until: str) -> tuple[str, threading.Thread]:
        """A build in a thread of its own, at the moment when it has printed `until`."""
        build_id = self.queued(tree)
        thread = threading.Thread(
            target=push, args=(build_id, self.platform, "builds-1"), daemon=True
        )
        thread.start()
        eventually(lambda: until in self.output(build_id), within=30)
        return build_id, thread

    def leftovers(self) -> list[str]:
        """Of working folders."""
        return [path.name for path in (self.platform.settings.builds / "work").iterdir()]

    def containers(self) -> list[str]:
        return [seen.name for seen in self.platform.engine.list(HOST)]


def tar_of(tree: str | Mapping[str, str]) -> bytes:
    """Of a sample app, or of these files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as tar:
        if isinstance(tree, str):
            for path in sorted((APPS / tree).rglob("*")):
                if "__pycache__" not in path.parts:
                    tar.add(path, str(path.relative_to(APPS / tree)), recursive=False)
        else:
            for name, text in tree.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


@pytest.fixture(scope="session")
def stack() -> StackImages:
    return the_stack()


@pytest.fixture
def builds(
    settings: Settings, record: Database, redis_server: Path, stack: StackImages
) -> Iterator[Builds]:
    settings = replace(settings, stack_run=stack.run, stack_build=stack.build)
    settings.redis_socket.symlink_to(redis_server)
    for folder in (settings.sources, settings.builds, settings.logs):
        folder.mkdir()
    platform = connect(settings)
    subnet = _make_network(platform)
    platform.hosts.add(make_host(HOST, subnet=subnet))
    app = platform.apps.add(str(uuid.uuid4()), AppName("shop"), "ana", time.time())
    yield Builds(platform, app)
    label = f"label={PLATFORM}={settings.platform}"
    for seen in platform.engine.list(HOST):
        platform.engine.remove(HOST, seen.name)
    for image in docker("image", "ls", "-q", "--no-trunc", "--filter", label).stdout.split():
        docker("image", "rm", "--force", image, check=False)
    docker("network", "rm", settings.network)
    platform.record.close()


def _make_network(platform: Platform) -> str:
    engine = platform.engine
    assert isinstance(engine, DockerEngine)
    platform.hosts.add(make_host(HOST))
    for _ in range(50):
        subnet = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(256)}.0/24"
        try:
            engine.network.make(HOST, subnet)
        except SubnetTaken:
            continue
        return subnet
    raise AssertionError("no subnet is free")


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


APP = {"app.txt": "x", "Procfile": "web: cat app.txt\nworker: sleep 100\n"}


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
        ("no-buildpack-matches", ["(python, nodejs, static)", "Add a Dockerfile"]),
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


def test_a_flood_of_output_neither_stops_a_build_nor_fills_the_disk(builds: Builds) -> None:
    own = builds.with_buildpack(
        compile="yes 'twenty-nine bytes in a line' | head -c 40000000; echo; echo the end"
    )

    pushed = own.pushed(APP)

    assert pushed.build.state is BuildState.SUCCEEDED
    folder = own.platform.settings.logs
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 40_000_000
    whole = b""
    offset = 0
    while chunk := own.platform.logs.read_output(pushed.build.id, offset):
        data, offset = chunk
        if not data:
            break
        whole += data
    assert b"the end\n-----> Build succeeded" in whole


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
from paas.push import clear_leftovers, give_up_dead_builds, push
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


def processes_of(command: str) -> list[str]:
    listed = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in listed.splitlines() if line.strip() == command]
