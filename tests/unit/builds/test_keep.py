"""Who builds keeps the lease, and stops when the build may not go on."""

import threading
import time
from collections.abc import Iterator

import pytest

from paas.builds.keep import BuildCancelled, BuildTooLong, Keeper
from paas.model.build import Build, BuildState
from paas.store.builds import BuildStore
from paas.store.database import Database
from tests.eventually import eventually
from tests.make import APP_ID

pytestmark = pytest.mark.alone  # its processes take their time


@pytest.fixture
def builds(record: Database) -> Iterator[BuildStore]:
    store = BuildStore(record)
    store.add(Build("one", APP_ID, BuildState.QUEUED, "source", "c0ffee", "ana", time.time()))
    store.begin("one", "builds-1", time.time(), time.time() + 30)
    yield store


def test_a_cancelled_build_is_ended_within_two_seconds(builds: BuildStore) -> None:
    ended = threading.Event()

    with (
        Keeper("one", builds, 60) as keeper,
        pytest.raises(BuildCancelled),
        keeper.ending(ended.set),
    ):
        builds.end("one", BuildState.CANCELLED, time.time(), "by ana")
        assert ended.wait(2)


def test_what_does_not_end_at_once_is_told_again(builds: BuildStore) -> None:
    times: list[float] = []

    with (
        Keeper("one", builds, 60) as keeper,
        pytest.raises(BuildCancelled),
        keeper.ending(lambda: times.append(time.monotonic())),
    ):
        builds.end("one", BuildState.CANCELLED, time.time())
        eventually(lambda: len(times) >= 2)


def test_a_build_that_takes_too_long_is_ended_and_the_limit_named(builds: BuildStore) -> None:
    ended = threading.Event()

    with (
        Keeper("one", builds, 0.5) as keeper,
        pytest.raises(BuildTooLong, match="longer than 0 s"),
        keeper.ending(ended.set),
    ):
        assert ended.wait(3)


def test_nothing_is_begun_once_it_is_over(builds: BuildStore) -> None:
    with Keeper("one", builds, 0.1) as keeper:
        time.sleep(1.2)
        with pytest.raises(BuildTooLong), keeper.ending(lambda: None):
            raise AssertionError("it was begun")


def test_a_keeper_that_was_left_ends_nothing(builds: BuildStore) -> None:
    ended = threading.Event()
    with Keeper("one", builds, 60) as keeper, keeper.ending(ended.set):
        pass

    builds.end("one", BuildState.CANCELLED, time.time())

    assert not ended.wait(1.5)
