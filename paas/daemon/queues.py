"""Which workers there are, and what each works on."""

from collections.abc import Mapping

from paas.settings import Settings
from paas.wire import BUILDS, CONVERGE, UPKEEP


def worker_queues(settings: Settings) -> Mapping[str, str]:
    """A worker's name -> its queue. One each: a worker of several queues could lose a job."""
    counts = {CONVERGE: settings.converge_workers, BUILDS: settings.build_workers, UPKEEP: 1}
    return {
        f"{queue}-{number}": queue
        for queue, count in counts.items()
        for number in range(1, count + 1)
    }
