"""A host and an address for each dyno. Pure: chance comes in as an argument."""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import NamedTuple

from paas.errors import Unavailable
from paas.model.container import FILLS, Container
from paas.model.formation import Dyno
from paas.model.host import Host, HostHealth, Schedulable

DISK_FLOOR_MB = 512
"""Below this much free disk a host gets nothing new."""
PORTS = range(20_000, 30_000)
"""Of a host: leased to what serves there and is published. Below those that the kernel gives to clients."""


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


class Spot(NamedTuple):
    """Where a container will answer; leased with its row."""

    address: str | None
    published: int | None
    """A port of the host; None where the container has an address of its own, or serves nothing."""


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
    refusals = _refusals(hosts, unreserved_mb, memory_mb, arch)
    ready = [host.name for host in hosts if host.name not in refusals]
    return _draw(dyno, _fewest(ready, siblings), unreserved_mb, refusals, rng)


class Placer:
    """Places one dyno after another, each as `place` would: it counts for those that follow.

    What one costs does not grow with the rows, and seldom with the hosts.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        filling: Mapping[str, int],
        rows: Iterable[Container],
        *,
        memory_mb: int,
        arch: str,
    ) -> None:
        """`filling`: how many containers hold room on each host. `rows`: those that a dyno may be a sibling of."""
        self._hosts = {host.name: host for host in hosts}
        self._memory_mb, self._arch = memory_mb, arch
        self._unreserved_mb = _left(hosts, filling, memory_mb)
        self._refusals = _refusals(hosts, self._unreserved_mb, memory_mb, arch)
        self._siblings: dict[tuple[str, str], Counter[str]] = {}
        for row in rows:
            if row.state in FILLS:
                of_type = self._siblings.setdefault((row.dyno.app_id, row.dyno.process), Counter())
                of_type[row.host] += 1
        self._drawn_from: dict[tuple[str, str], list[str]] = {}
        """By process type: the ready hosts with the fewest siblings."""

    def place(self, dyno: Dyno, rng: random.Random) -> Placement:
        """Raises NoHostReady."""
        process = (dyno.app_id, dyno.process)
        siblings = self._siblings.setdefault(process, Counter())
        spread = self._drawn_from.get(process)
        if not spread:
            ready = [name for name in self._hosts if name not in self._refusals]
            spread = self._drawn_from[process] = _fewest(ready, siblings)
        placement = _draw(dyno, spread, self._unreserved_mb, self._refusals, rng)
        siblings[placement.host] += 1
        spread.remove(placement.host)
        self._reserve(placement.host)
        return placement

    def _reserve(self, name: str) -> None:
        self._unreserved_mb[name] -= self._memory_mb
        why = refusal(self._hosts[name], self._unreserved_mb[name], self._memory_mb, self._arch)
        if why is not None:
            self._refusals = {**self._refusals, name: why}  # placements hold the ones before
            self._drawn_from.clear()


def _refusals(
    hosts: Iterable[Host], unreserved_mb: Mapping[str, int], memory_mb: int, arch: str
) -> Mapping[str, str]:
    return {
        host.name: why
        for host in hosts
        if (why := refusal(host, unreserved_mb[host.name], memory_mb, arch)) is not None
    }


def _fewest(ready: Sequence[str], siblings: Counter[str]) -> list[str]:
    fewest = min((siblings[name] for name in ready), default=0)
    return [name for name in ready if siblings[name] == fewest]


def _draw(
    dyno: Dyno,
    spread: Sequence[str],
    unreserved_mb: Mapping[str, int],
    refusals: Mapping[str, str],
    rng: random.Random,
) -> Placement:
    if not spread:
        raise NoHostReady(dyno, refusals)
    drawn = rng.sample(spread, k=min(2, len(spread)))
    candidates = {name: unreserved_mb[name] for name in drawn}
    return Placement(dyno, max(drawn, key=lambda name: candidates[name]), candidates, refusals)


def unreserved(hosts: Iterable[Host], rows: Iterable[Container], memory_mb: int) -> dict[str, int]:
    """What each host's containers have not reserved, in MB. A fifth of the memory is the host's own."""
    return _left(hosts, Counter(row.host for row in rows if row.state in FILLS), memory_mb)


def _left(hosts: Iterable[Host], filling: Mapping[str, int], memory_mb: int) -> dict[str, int]:
    return {
        host.name: host.memory_mb * 4 // 5 - filling.get(host.name, 0) * memory_mb for host in hosts
    }


def free_spot(host: Host, port: int | None, taken: Collection[str], rng: random.Random) -> Spot:
    """A port of the host where that is what routers reach, if it serves; on the platform's own machine else an address
    of its own. Raises NoAddressLeft."""
    if host.is_local and (port is None or not host.publishes):
        return Spot(free_address(host, taken, rng), None)
    if port is None:
        return Spot(None, None)
    begin = rng.randrange(len(PORTS))
    for offset in range(len(PORTS)):
        found = PORTS[(begin + offset) % len(PORTS)]
        if str(found) not in taken:
            return Spot(host.address, found)
    raise NoAddressLeft(host.name)


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
