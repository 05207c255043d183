"""An image from a registry that anybody may ask, and none from the platform's own."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.api.client import APIClient

from paas.engine.engine import ImageNotFetched
from paas.needed import program
from tests.contract.lab import Lab
from tests.contract.test_engine import built
from tests.eventually import eventually
from tests.share import free_ports

pytestmark = pytest.mark.docker


@pytest.fixture
def open_registry(tmp_path: Path, engine_client: APIClient, test_image: str) -> Iterator[str]:
    """The name of an image that is in it, and nowhere else."""
    [port] = free_ports(1)
    (tmp_path / "config.yml").write_text(
        f'version: "0.1"\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: "{tmp_path}"}}}}\n'
        f'http: {{addr: "127.0.0.1:{port}"}}\n'
    )
    name = f"127.0.0.1:{port}/open-{secrets.token_hex(3)}"
    argv = [program("docker-registry"), "serve", str(tmp_path / "config.yml")]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(argv, stdout=log, stderr=log) as process,
    ):
        engine_client.tag(test_image, name, "v1")
        try:
            eventually(lambda: "error" not in engine_client.push(name, "v1"))
            engine_client.remove_image(f"{name}:v1")
            yield f"{name}:v1"
        finally:
            process.terminate()


def test_what_anybody_may_have_is_fetched_with_its_digest(
    docker_lab: Lab, engine_client: APIClient, open_registry: str, test_image: str
) -> None:
    words = list(docker_lab.engine.fetch(docker_lab.host, open_registry))

    seen = docker_lab.engine.image(docker_lab.host, open_registry)
    theirs = docker_lab.engine.image(docker_lab.host, test_image)
    engine_client.remove_image(open_registry)
    assert seen is not None and theirs is not None
    assert seen.id == theirs.id
    assert words[0].startswith("Pulling from open-")
    assert any(digest.startswith(open_registry.removesuffix(":v1")) for digest in seen.digests)
    assert docker_lab.engine.image(docker_lab.host, open_registry) is None


def test_the_platforms_own_registry_gives_nothing_to_a_stranger(docker_lab: Lab) -> None:
    repository = f"paas/{docker_lab.platform}/closed"
    image_id = built(docker_lab, f"{repository}:v1")
    name = docker_lab.engine.push(docker_lab.host, image_id, repository, "v1")
    docker_lab.engine.remove_image(docker_lab.host, f"{repository}:v1")

    with pytest.raises(ImageNotFetched):
        list(docker_lab.engine.fetch(docker_lab.host, name))

    assert docker_lab.engine.image(docker_lab.host, name) is None
