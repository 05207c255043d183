"""A router for tests: one that they share, or one of their own to break."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.router.lab import Lab, running_lab


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """Without apps."""
    shared_lab.reset()
    return shared_lab


@pytest.fixture(scope="session")
def shared_lab() -> Iterator[Lab]:
    with short_folder() as folder, running_lab(folder) as lab:
        yield lab


@pytest.fixture
def own_lab() -> Iterator[Lab]:
    """This test's alone."""
    with short_folder() as folder, running_lab(folder) as lab:
        yield lab


@pytest.fixture(scope="session")
def hasty_lab() -> Iterator[Lab]:
    """An app has one second to answer."""
    with short_folder() as folder, running_lab(folder, "--first-byte-seconds=1") as lab:
        yield lab


@pytest.fixture
def terse_lab() -> Iterator[Lab]:
    """Of a busy app it writes five lines a second."""
    with short_folder() as folder, running_lab(folder, "--lines-per-app=5") as lab:
        yield lab


@pytest.fixture
def small_lab() -> Iterator[Lab]:
    """Its HAProxy has room for 150 connections."""
    with short_folder() as folder, running_lab(folder, open_files=2300) as lab:
        yield lab


@contextmanager
def short_folder() -> Iterator[Path]:
    """For sockets."""
    path = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path)
