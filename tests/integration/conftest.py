"""A real platform for the whole run, and one to break."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paas.builds.stack import ensure_stack
from tests.integration.installation import Installation
from tests.integration.user import User

STACK = Path(__file__).resolve().parents[2] / "buildpacks" / "stack"


@pytest.fixture(scope="session")
def the_stack() -> None:
    """Made if the engine does not have it."""
    certificates = sorted(Path("/usr/local/share/ca-certificates").glob("**/*.crt"))
    ensure_stack(STACK, "trixie", certificates, [].append)


@pytest.fixture(scope="session")
def installation(the_stack: None) -> Iterator[Installation]:
    """Shared: a test leaves its programs as they are."""
    yield from running_installation()


@pytest.fixture
def fresh(the_stack: None) -> Iterator[Installation]:
    """A test's own, to do anything to."""
    yield from running_installation()


def running_installation(**given: Any) -> Iterator[Installation]:
    """`given` as `Installation.make` takes it."""
    installation = Installation.make(**given)
    try:
        installation.run()
        yield installation
    finally:
        installation.destroy()


@pytest.fixture(scope="session")
def ana(installation: Installation) -> User:
    return installation.welcomes("ana")


@pytest.fixture
def user(ana: User) -> Iterator[User]:
    """An ordinary person. Their apps are gone afterwards."""
    yield ana
    ana.leaves()


@pytest.fixture(scope="session")
def admin(installation: Installation) -> User:
    return installation.welcomes("root", is_admin=True)
