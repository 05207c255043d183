"""A lab for the tests of a module, and a fleet for those of several."""

from collections.abc import Iterator

import pytest

from tests.contract.image import image_tar
from tests.integration.conftest import the_stack as the_stack  # pytest finds fixtures by name
from tests.integration.load import Load
from tests.integration.user import User
from tests.multihost.fleet import APP, Fleet, running_fleet
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


@pytest.fixture(scope="session")
def fleet(the_stack: None) -> Iterator[Fleet]:
    """Three hosts. A test may do anything to them: the next one's user heals them first."""
    with running_fleet("h1", "h2", "h3") as fleet:
        yield fleet


@pytest.fixture
def user(fleet: Fleet) -> Iterator[User]:
    """Has an app with a dyno on each host."""
    fleet.heals()
    fleet.admin.deployed("slow-request", APP)
    said = fleet.admin.types(f"paas scale web=3 -a {APP}")
    assert said.code == 0, said.text
    assert sorted(fleet.where(APP).values()) == ["h1", "h2", "h3"]
    yield fleet.admin
    fleet.heals()
    fleet.admin.leaves()


@pytest.fixture
def load(user: User) -> Iterator[Load]:
    with Load(user.http_port, APP, slow=0, is_idempotent=True) as load:
        load.goes_on()
        yield load
