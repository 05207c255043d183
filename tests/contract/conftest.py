"""One lab in memory, one on Docker."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import pytest
from docker.api.client import APIClient
from docker.errors import APIError, ImageNotFound

from paas.engine.body import PLATFORM
from paas.engine.docker_engine import DockerEngine
from paas.engine.engine import SubnetTaken
from paas.engine.registry import Registry
from paas.model.host import Host
from tests.contract.image import image_tar
from tests.contract.lab import Lab
from tests.contract.registry import LabRegistry, running_registry
from tests.engine import IMAGE, Does, MemoryEngine, World
from tests.make import make_host

SOCKET = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class OneHost:
    """A host book with one entry."""

    url: str = SOCKET

    def get(self, name: str) -> Host:
        return make_host(name, url=self.url)

    def all(self) -> list[Host]:
        return [self.get("local")]


@pytest.fixture(params=["memory", pytest.param("docker", marks=pytest.mark.docker)])
def lab(request: pytest.FixtureRequest) -> Lab:
    found = request.getfixturevalue(f"{request.param}_lab")
    assert isinstance(found, Lab)
    return found


@pytest.fixture
def memory_lab() -> Lab:
    world = World()
    labs = [_memory_lab(platform, world) for platform in ("one", "two")]
    labs[0].neighbour = labs[1]
    return labs[0]


def _memory_lab(platform: str, world: World) -> Lab:
    does: dict[str, Does] = {}
    engine = MemoryEngine(platform, world, behave=lambda spec: does[spec.name])
    return Lab(engine, platform, IMAGE, "10.85.0", world, does=does)


@pytest.fixture
def docker_lab(docker_labs: Lab) -> Iterator[Lab]:
    """Nothing of an earlier test is in it."""
    yield docker_labs
    for lab in (docker_labs, docker_labs.neighbour):
        assert lab is not None
        for seen in lab.engine.list(lab.host):
            lab.engine.remove(lab.host, seen.name)


@pytest.fixture(scope="session")
def test_image(engine_client: APIClient) -> Iterator[str]:
    tag = f"paas-test-{secrets.token_hex(4)}"
    engine_client.import_image_from_data(image_tar(), repository=tag, tag="latest")
    yield f"{tag}:latest"
    engine_client.remove_image(f"{tag}:latest")


@pytest.fixture(scope="session")
def engine_client() -> Iterator[APIClient]:
    """The bare SDK."""
    client = APIClient(base_url=SOCKET, version="auto")
    yield client
    client.close()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def docker_labs(engine_client: APIClient, test_image: str, registry: LabRegistry) -> Iterator[Lab]:
    """Two platforms with a network each. The packet filter is not theirs."""
    labs = [_docker_lab(test_image, registry) for _ in range(2)]
    labs[0].neighbour = labs[1]
    yield labs[0]
    for lab in labs:
        _remove_images(engine_client, f"{PLATFORM}={lab.platform}")
        engine_client.remove_network(f"paas-{lab.platform}")


def _remove_images(engine: APIClient, label: str) -> None:
    """What was made of another goes before it."""
    left = {image["Id"] for image in engine.images(filters={"label": [label]})}
    while left:
        parents = set()
        for image in left:
            try:
                engine.remove_image(image, force=True)
            except ImageNotFound:
                continue  # it went with its child
            except APIError as error:
                assert error.status_code == HTTPStatus.CONFLICT, error
                parents.add(image)
        assert parents < left
        left = parents


def _docker_lab(image: str, registry: LabRegistry) -> Lab:
    platform = f"t{secrets.token_hex(3)}"
    known = Registry.of(registry.settings)
    engine = DockerEngine(platform, f"paas-{platform}", OneHost(), registry=known)
    first = make_network(engine)
    return Lab(engine, platform, image, first, registry)


def make_network(engine: DockerEngine) -> str:
    """In a subnet that nobody has; the first three numbers of its addresses."""
    for _ in range(50):
        first = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(256)}"
        try:
            engine.network.make("local", f"{first}.0/24")
        except SubnetTaken:
            continue
        return first
    raise AssertionError("no subnet is free")
