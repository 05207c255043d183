"""A host and an address for each dyno. Pure: chance comes in as an argument."""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from paas.errors import Unavailable
from paas.model.container import FILLS, Container
from paas.model.formation import Dyno
from paas.model.host import Host, HostHealth, Schedulable

DISK_FLOOR_MB = 512
"""Below this much free disk a host gets nothing new."""


class NoHostReady(Unavailable):
    def __init__(self, dyno: Dyno, refusals: Mapping[str, str]) -> None:
        self.dyno, self.refusals = dyno, refusals
        why = "; ".join(f"{host}: {reason}" for host, reason in sorted(refusals.items()))
        super().__init__(
            f"No host can take {dyno.name}: {why or 'none is registered'}. See: paas hosts"
        )


class NoAddressLeft(Unavailable):
    def __init__(self, host: str) -> None:
        super().__init__(f"Host {host} has no free address left for another container.")


@dataclass(frozen=True, slots=True)
class Placement:
    """Why a dyno is where it is."""

    dyno: Dyno
    host: str
    candidates: Mapping[str, int]
    """The one or two hosts compared, with their unreserved memory in MB."""
    refusals: Mapping[str, str]

    def explain(self, seed: int) -> Mapping[str, object]:
        """What is kept with the row."""
        return {"seed": seed, "candidates": dict(self.candidates), "refused": dict(self.refusals)}


def refusal(host: Host, unreserved_mb: int, memory_mb: int, arch: str) -> str | None:
    """Why this host cannot take a container; None if it can."""
    if host.health is not HostHealth.UP:
        return f"is {host.health}"
    if host.schedulable is not Schedulable.OPEN:
        return f"is {host.schedulable}"
    if host.arch != arch:
        return f"is {host.arch}, the image is {arch}"
    if unreserved_mb < memory_mb:
        return f"has {max(unreserved_mb, 0)} MB unreserved, {memory_mb} MB are needed"
    if 0 < host.disk_free_mb < DISK_FLOOR_MB:
        return f"has {host.disk_free_mb} MB disk free"
    return None


def place(
    dyno: Dyno,
    hosts: Sequence[Host],
    *,
    siblings: Counter[str],
    unreserved_mb: Mapping[str, int],
    memory_mb: int,
    arch: str,
    rng: random.Random,
) -> Placement:
    """Among the ready hosts with the fewest siblings two at random; more unreserved memory wins.

    `siblings` counts this process type's containers by host, those of the same plan too. Raises NoHostReady.
    """
    refusals = {
        host.name: why
        for host in hosts
        if (why := refusal(host, unreserved_mb[host.name], memory_mb, arch)) is not None
    }
    ready = [host.name for host in hosts if host.name not in refusals]
    if not ready:
        raise NoHostReady(dyno, refusals)
    fewest = min(siblings[name] for name in ready)
    spread = [name for name in ready if siblings[name] == fewest]
    drawn = rng.sample(spread, k=min(2, len(spread)))
    candidates = {name: unreserved_mb[name] for name in drawn}
    return Placement(dyno, max(drawn, key=lambda name: candidates[name]), candidates, refusals)


def unreserved(hosts: Iterable[Host], rows: Iterable[Container], memory_mb: int) -> dict[str, int]:
    """What each host's containers have not reserved, in MB. A fifth of the memory is the host's own."""
    taken = Counter(row.host for row in rows if row.state in FILLS)
    return {host.name: host.memory_mb * 4 // 5 - taken[host.name] * memory_mb for host in hosts}


def free_address(host: Host, taken: Collection[str], rng: random.Random) -> str:
    """One of the first three quarters of the host's subnet; the last is for the engine's own choice.

    Raises NoAddressLeft.
    """
    network = ip_network(host.subnet)
    count = network.num_addresses * 3 // 4 - 2
    begin = rng.randrange(count)
    for offset in range(count):
        found = str(network.network_address + 2 + (begin + offset) % count)
        if found not in taken:
            return found
    raise NoAddressLeft(host.name)
