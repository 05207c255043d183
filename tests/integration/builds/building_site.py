"""Builds apps on the real engine, on a platform without its programs."""

import io
import secrets
import subprocess
import tarfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from paas.apps.build_config import configure_build
from paas.engine.docker_engine import DockerEngine
from paas.engine.engine import SubnetTaken
from paas.model.app import App
from paas.model.build import Build, BuildState, Image, Source
from paas.model.config import Config
from paas.model.container import ContainerSpec, container_name
from paas.model.release import Release
from paas.push import push
from paas.wiring import Platform
from tests.apps.workshop import APPS
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
        return self._queued(source, secrets.token_hex(20))

    def _queued(self, source: Source, commit: str) -> str:
        build = Build(
            str(uuid.uuid4()), self.app.id, BuildState.QUEUED, source.id, commit, "ana", time.time()
        )
        self.platform.builds.add(build)
        return build.id

    def queued_of(self, **source: Any) -> str:
        """The id of a build of what is no tar: `image` or `url`."""
        given = Source(str(uuid.uuid4()), "ana", time.time(), **source)
        self.platform.builds.add_source(given)
        return self._queued(given, "")

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
        """All of it."""
        data, offset = self.platform.logs.read_output(build_id, 0)
        whole = data
        while data:
            data, offset = self.platform.logs.read_output(build_id, offset)
            whole += data
        return whole.decode()

    def configured(self, **values: str) -> None:
        with self.platform.record.write():
            release = self.platform.releases.add(
                self.app.id, image=None, processes={}, config=Config(values),
                description="Set", commit="", by="ana", now=time.time(),
            )  # fmt: skip
            self.platform.apps.settle(self.app.id, release.number, time.time())

    def sets(self, **changes: str | Sequence[str] | None) -> None:
        """How the app is built."""
        configure_build(self.app, changes, "ana", self.platform, time.time())

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
        return self.begun_as(self.queued(tree), until)

    def begun_as(self, build_id: str, until: str) -> tuple[str, threading.Thread]:
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
                content_of = text.encode(errors="surrogateescape")
                member.size = len(content_of)
                tar.addfile(member, io.BytesIO(content_of))
    return content.getvalue()


def make_network(platform: Platform) -> str:
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


APP = {"app.txt": "x", "Procfile": "web: cat app.txt\nworker: sleep 100\n"}


def processes_of(command: str) -> list[str]:
    listed = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in listed.splitlines() if line.strip() == command]
