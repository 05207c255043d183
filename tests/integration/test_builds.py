"""From a source to an image and its release, with the real engine."""

import io
import secrets
import tarfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from paas.builds.stack import StackImages
from paas.engine.body import PLATFORM
from paas.engine.docker_engine import DockerEngine
from paas.engine.engine import SubnetTaken
from paas.model.app import App, AppName
from paas.model.build import Build, Builder, BuildState, Image, Source
from paas.model.config import Config
from paas.model.container import ContainerSpec, container_name
from paas.model.release import Release
from paas.push import push
from paas.settings import Settings
from paas.store.database import Database
from paas.wiring import Platform, connect
from tests.apps.workshop import APPS, docker, the_stack
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
