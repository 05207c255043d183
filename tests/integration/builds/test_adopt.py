"""An image that was there already is released as it is."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import pytest

from paas.model.build import Builder, BuildState
from tests.apps.workshop import docker
from tests.integration.builds.building_site import HOST, Builds

THEIRS = """FROM scratch
COPY hello /hello
EXPOSE 8080
USER 1234
CMD ["/hello"]
"""


def make_theirs(folder: Path, dockerfile: str = THEIRS) -> str:
    """Its name."""
    name = f"paas-test-{token_hex(4)}:v1"
    (folder / "hello").write_text("x")
    (folder / "Dockerfile").write_text(dockerfile)
    docker("build", "--quiet", "--tag", name, str(folder))
    return name


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[str]:
    name = make_theirs(tmp_path)
    yield name
    docker("image", "rm", "--force", name)


def id_of(name: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", name).stdout.strip()


def test_an_image_becomes_a_release_and_comes_back_when_it_is_lost(
    builds: Builds, theirs: str
) -> None:
    pushed = builds.build(builds.queued_of(image=theirs))

    image, release = pushed.image, pushed.release
    assert image is not None and release is not None, pushed.output
    assert (image.builder, image.port) == (Builder.IMAGE, 8080)
    assert (release.processes, release.description) == ({"web": ""}, f"Deploy {theirs}")
    seen = builds.platform.engine.image(HOST, image.where[HOST])
    assert seen is not None
    assert (seen.command, seen.user, seen.id == id_of(theirs)) == (("/hello",), "1234", False)
    assert seen.labels["paas.app"] == builds.app.id
    assert builds.platform.builds.source(image.source).image == id_of(theirs)

    docker("image", "rm", "--force", seen.id)
    lost = replace(
        pushed.build, id=str(uuid.uuid4()), state=BuildState.QUEUED, created_at=time.time()
    )
    builds.platform.builds.add(lost)
    assert "The image is there again" in builds.build(lost.id).output
    again = builds.platform.builds.image(image.id)
    assert again is not None
    docker("image", "rm", "--force", again.where[HOST], theirs)
    builds.platform.builds.add(gone := replace(lost, id=str(uuid.uuid4())))
    assert "an id cannot be fetched" in builds.build(gone.id).output
    assert builds.containers() == []


def test_what_cannot_be_deployed_says_why(builds: Builds, theirs: str, tmp_path: Path) -> None:
    mute = make_theirs(tmp_path, THEIRS.partition("CMD")[0])
    made = builds.build(builds.queued_of(image=theirs)).image
    assert made is not None

    for name, said in (
        (mute, "has neither CMD nor ENTRYPOINT"),
        (made.where[HOST], "is an image that a platform made for an app"),
        ("sha256:" + "0" * 64, "an id cannot be fetched"),
        ("registry.invalid/nothing:v1", "registry.invalid/nothing:v1 cannot be had: "),
    ):
        failed = builds.build(builds.queued_of(image=name))
        assert failed.build.state is BuildState.FAILED
        assert said in (failed.build.reason or "")
    builds.platform.hosts.note(HOST, arch="riscv64")
    assert "is for amd64, and the hosts are riscv64" in (
        builds.build(builds.queued_of(image=theirs)).build.reason or ""
    )
    docker("image", "rm", "--force", mute)
