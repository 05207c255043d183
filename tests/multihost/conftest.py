"""A lab for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.contract.image import image_tar
from tests.integration.conftest import the_stack as the_stack  # pytest finds fixtures by name
from tests.multihost.lab import Lab, running_lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Without hosts."""
    with running_lab() as made:
        yield made


@pytest.fixture(scope="session")
def answering_image() -> bytes:
    """Packed. Holds an HTTP server: see `answering.py`."""
    return image_tar("haproxy")
