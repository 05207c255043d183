from collections.abc import Iterator

import pytest

from paas.jobs import begin_worker, connected
from paas.model.host import Schedulable
from paas.wire import UPKEEP
from paas.wiring import Platform
from tests.make import make_host


@pytest.fixture
def begun(platform: Platform) -> Iterator[Platform]:
    """A worker begins after a host was left on its way in, and another on its way out."""
    platform.settings.write()
    for name, schedulable in zip(
        ("h2", "h3", "h4", "h5"),
        (Schedulable.JOINING, Schedulable.LEAVING, Schedulable.OPEN, Schedulable.LOST),
        strict=True,
    ):
        platform.hosts.add(make_host(name, schedulable=schedulable))
    begin_worker(platform.settings, "upkeep-1")
    yield platform
    own = connected()
    own.record.close()
    own.redis.close()
    own.threads.shutdown()


def test_what_a_worker_that_died_did_with_a_host_goes_on(begun: Platform) -> None:
    queued = {(job.func_name, *job.args) for job in begun.wire.queue(UPKEEP).jobs}

    assert queued == {
        ("paas.jobs.register_host", "h2"),
        ("paas.jobs.remove_host", "h3"),
        ("paas.jobs.remove_host", "h5"),
    }


def test_it_is_not_queued_once_more_for_each_worker(begun: Platform) -> None:
    begin_worker(begun.settings, "converge-1")

    assert begun.wire.queue(UPKEEP).count == 3
