"""The platform's registry on its own disk, and an engine that finds it damaged."""

from pathlib import Path

import pytest

from paas.engine.engine import RegistryFailed
from paas.engine.registry import Registry, RegistrySilent
from tests.contract.lab import Lab
from tests.contract.registry import LabRegistry
from tests.contract.test_engine import built

pytestmark = pytest.mark.docker


def blobs(registry: LabRegistry) -> dict[Path, int]:
    found = (registry.settings.registry / "images").rglob("blobs/**/data")
    return {path: path.stat().st_size for path in found}


def test_what_was_removed_is_freed_by_a_start(docker_lab: Lab, registry: LabRegistry) -> None:
    repository, known = f"paas/{docker_lab.platform}/freed", Registry.of(registry.settings)
    image_id = built(docker_lab, f"{repository}:v1")
    before = blobs(registry)
    name = docker_lab.engine.push(docker_lab.host, image_id, repository, "v1")
    added = blobs(registry).keys() - before.keys()

    known.remove(name)
    known.remove(name)
    with known.is_to_be_freed() as is_to_be_freed:
        assert is_to_be_freed
        registry.lose_registry()
        registry.heal_registry()

    assert added
    assert not blobs(registry).keys() & added
    assert docker_lab.engine.push(docker_lab.host, image_id, repository, "v1") == name
    docker_lab.engine.remove_image(docker_lab.host, f"{repository}:v1")
    docker_lab.engine.pull(docker_lab.host, name)
    docker_lab.engine.remove_image(docker_lab.host, name)


def test_nothing_is_freed_while_something_is_brought_there(registry: LabRegistry) -> None:
    known = Registry.of(registry.settings)
    (registry.settings.registry / "removed").touch()

    with known.in_use(), known.is_to_be_freed() as while_used:
        pass
    with known.is_to_be_freed() as after:
        pass
    with known.is_to_be_freed() as again:
        pass

    assert (while_used, after, again) == (False, True, False)


def test_what_is_not_what_its_digest_says_is_refused(
    docker_lab: Lab, registry: LabRegistry
) -> None:
    repository = f"paas/{docker_lab.platform}/damaged"
    image_id = built(docker_lab, f"{repository}:v1")
    name = docker_lab.engine.push(docker_lab.host, image_id, repository, "v1")
    docker_lab.engine.remove_image(docker_lab.host, f"{repository}:v1")
    digest = name.partition("@sha256:")[2]
    [manifest] = [path for path in blobs(registry) if path.parent.name == digest]
    whole = manifest.read_bytes()
    manifest.write_bytes(whole.replace(b'"size":', b'"size": ', 1))

    with pytest.raises(RegistryFailed) as failed:
        docker_lab.engine.pull(docker_lab.host, name)

    assert "\n" not in str(failed.value)
    assert docker_lab.engine.image(docker_lab.host, name) is None
    manifest.write_bytes(whole)


def test_who_has_not_the_password_is_not_let_in(docker_lab: Lab, registry: LabRegistry) -> None:
    repository = f"paas/{docker_lab.platform}/closed"
    image_id = built(docker_lab, f"{repository}:v1")
    password = registry.settings.registry_password
    right = password.read_text()
    password.write_text("wrong\n")
    try:
        with pytest.raises(RegistryFailed):
            docker_lab.engine.push(docker_lab.host, image_id, repository, "v1")
        with pytest.raises(RegistrySilent, match="401"):
            Registry.of(registry.settings).check()
    finally:
        password.write_text(right)
