"""A platform that builds, on a network of its own."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paas.builds.stack import StackImages
from paas.engine.body import PLATFORM
from paas.model.app import AppName
from paas.settings import Settings
from paas.store.database import Database
from paas.wiring import connect
from tests.apps.workshop import docker, the_stack
from tests.forge import Authority
from tests.integration.builds.building_site import HOST, Builds, make_network
from tests.make import make_host

TRUSTING = """
FROM {image}
USER root
COPY ca.crt /usr/local/share/ca-certificates/forge.crt
RUN update-ca-certificates
USER 20000:20000
"""


@pytest.fixture(scope="session")
def stack() -> StackImages:
    return the_stack()


@pytest.fixture
def builds(
    settings: Settings, record: Database, redis_server: Path, stack: StackImages
) -> Iterator[Builds]:
    settings = replace(
        settings, stack_run=stack.run, stack_small=stack.small, stack_build=stack.build
    )
    settings.redis_socket.symlink_to(redis_server)
    for folder in (settings.sources, settings.builds, settings.logs):
        folder.mkdir()
    platform = connect(settings)
    subnet = make_network(platform)
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


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def trusting(
    stack: StackImages, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The build image, for an operator with a certificate authority of their own."""
    folder = tmp_path_factory.mktemp("trusting")
    (folder / "Dockerfile").write_text(TRUSTING.format(image=stack.build))
    authority.write(folder / "ca.crt")
    image = docker("build", "--quiet", str(folder)).stdout.strip()
    yield image
    docker("image", "rm", "--force", image)
