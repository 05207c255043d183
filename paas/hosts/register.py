"""Registers a host: what it needs is put there and tried, and then it takes containers; or nothing has changed."""

import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from typing import TypeVar

from paas.engine.engine import HostFacts, SubnetTaken
from paas.errors import Conflict, Failed, PaasError, Unavailable
from paas.hosts.progress import Progress, Stage
from paas.hosts.reach import Reach
from paas.model.host import LOCAL, Host, HostHealth, HostName, Schedulable, UnknownHost
from paas.model.ssh_url import SshUrl, check_fingerprint
from paas.scheduler.observe import Observer
from paas.scheduler.wake import wake
from paas.subnet import address_towards, free_subnet
from paas.wire import Wire
from paas.wiring import Platform

OLDEST_ENGINE = (20, 10)
DISK_MB = 1024
"""What must be free there: room for the image of the tools, and what `place` wants free beside it."""
SUBNETS_TRIED = 5
PAUSE_SECONDS = 0.2
Answer = TypeVar("Answer")


class AlreadyRegistered(Conflict):
    def __init__(self, host: str, what: str) -> None:
        super().__init__(
            f"{what} is registered already, as host {host}. Nothing was changed. See: paas hosts"
        )


class NoWorker(Unavailable):
    def __init__(self, name: str, wire: Wire) -> None:
        super().__init__(
            f"No worker can be told about host {name}: {wire.why_not()}. Nothing was changed. "
            "See: paas doctor"
        )


class HostUnfit(Failed):
    """Its engine answers, and containers cannot be placed there."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"Host {host} {why}")


class GivenUp(Failed):
    def __init__(self, host: str) -> None:
        super().__init__(f"somebody removes {host} meanwhile.")


class NotRegistered(Failed):
    """What became of a registration: one line with host, stage, cause and next command."""

    def __init__(self, host: str, stage: Stage, cause: str) -> None:
        super().__init__(f"{host} was not registered ({stage}): {cause} Nothing was changed.")


def begin_registration(
    name: str, url: str, host_key: str | None, platform: Platform, now: float
) -> Host:
    """The row, and the job that registers it.

    Raises InvalidHostName, InvalidSshUrl, InvalidHostKey, AlreadyRegistered or NoWorker.
    """
    if host_key is not None:
        check_fingerprint(host_key)
    where = SshUrl.parse(url)
    host = _joining(HostName(name), where, host_key, platform, now)
    with platform.record.write():
        check_new(host.name, where, where.address, platform)
        platform.hosts.add(host)
    Progress(name, Stage.QUEUED).tell(platform.wire)
    if not platform.wire.upkeep("register_host", name):
        platform.hosts.remove(name)
        raise NoWorker(name, platform.wire)
    return host


def register(name: str, platform: Platform, reach: Reach) -> None:
    """Every stage is told, and safe to repeat after a crash. What fails takes back what was done."""
    try:
        host = platform.hosts.get(name)
    except UnknownHost:
        return
    if host.schedulable is not Schedulable.JOINING:
        return
    joining = Joining(host, platform, reach)
    try:
        joining.run()
    except (PaasError, OSError) as error:
        joining.take_back(str(error))
    except BaseException:
        joining.take_back(
            "the platform made a mistake, or its time was up: see run/log/workers.log."
        )
        raise
    else:
        Progress(name, Stage.DONE, joining.fingerprint).tell(platform.wire)


class Joining:
    """A registration that is under way."""

    def __init__(self, host: Host, platform: Platform, reach: Reach) -> None:
        self._host, self._platform, self._reach = host, platform, reach
        self.stage = Stage.QUEUED
        self.fingerprint: str | None = None

    def run(self) -> None:
        name, engine, settings = self._host.name, self._platform.engine, self._platform.settings
        self._begin(Stage.SSH)
        self._look()
        self._begin(Stage.TUNNEL)
        self._reach.open(self._host, settings)
        facts = self._awaited(lambda: engine.facts(name))
        self._begin(Stage.ENGINE)
        self._check(facts)
        self._begin(Stage.REGISTRY)
        self._awaited(lambda: self._reach.check_registry(settings))
        engine.push(LOCAL, settings.stack_run, f"paas/{settings.platform}/stack", "run")
        self._begin(Stage.RULES)
        self._prepare()
        facts = engine.facts(name)  # from now on there is somebody who can tell of the disk
        self._check(facts)
        Observer(self._host, self._platform).sweep()  # of an earlier registration
        self._begin(Stage.PROBE)
        engine.probe(name)
        self._open(facts)

    def take_back(self, cause: str) -> None:
        """Whatever was done, as far as the host can be reached; then the row. Tells why."""
        name, platform = self._host.name, self._platform
        if self.stage not in (Stage.QUEUED, Stage.SSH):
            with suppress(PaasError):
                platform.engine.clear(name)
            with suppress(PaasError, OSError):
                self._reach.close(name, platform.settings)
        platform.hosts.remove(name)
        why = NotRegistered(name, self.stage, cause)
        Progress(name, Stage.FAILED, self.fingerprint, str(why)).tell(platform.wire)

    def _begin(self, stage: Stage) -> None:
        """Raises GivenUp."""
        if self._platform.hosts.get(self._host.name).schedulable is not Schedulable.JOINING:
            raise GivenUp(self._host.name)
        self.stage = stage
        Progress(self._host.name, stage, self.fingerprint).tell(self._platform.wire)

    def _note(self, **values: object) -> None:
        self._platform.hosts.note(self._host.name, **values)
        self._host = self._platform.hosts.get(self._host.name)

    def _look(self) -> None:
        """The key of its sshd is pinned."""
        url = SshUrl.parse(self._host.ssh_url or "")
        found = self._reach.look(url, self._platform.settings, self._host.host_key)
        self.fingerprint = found.fingerprint
        self._note(host_key=found.host_key, address=found.address)
        check_new(self._host.name, url, found.address, self._platform, is_there=True)

    def _awaited(self, answer: Callable[[], Answer]) -> Answer:
        """Of what has only just been started."""
        deadline = time.monotonic() + self._reach.answer_seconds
        while True:
            try:
                return answer()
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE_SECONDS)

    def _check(self, facts: HostFacts) -> None:
        """Raises HostUnfit."""
        name = self._host.name
        version = re.match(r"(\d+)\.(\d+)", facts.engine_version)
        if version is None or (int(version[1]), int(version[2])) < OLDEST_ENGINE:
            oldest = ".".join(map(str, OLDEST_ENGINE))
            raise HostUnfit(
                name,
                f"has Docker {facts.engine_version}; {oldest} is the oldest that works. Upgrade it there.",
            )
        if facts.arch != (arch := self._platform.hosts.get(LOCAL).arch):
            raise HostUnfit(
                name,
                f"is {facts.arch}, and what is built here is {arch}. Register one that is {arch}.",
            )
        if 0 < facts.disk_free_mb < DISK_MB:
            raise HostUnfit(
                name,
                f"has {facts.disk_free_mb} MB of disk free, and {DISK_MB} MB are needed. There: docker system df",
            )

    def _prepare(self) -> None:
        """In the settings' subnet, or in another that is free there."""
        rng = random.Random()
        tried = []
        for _ in range(SUBNETS_TRIED):
            try:
                self._platform.engine.prepare(self._host.name, self._host.subnet)
            except SubnetTaken:
                tried.append(IPv4Network(self._host.subnet))
                self._note(subnet=str(free_subnet(tried, rng)))
            else:
                return
        self._platform.engine.prepare(self._host.name, self._host.subnet)

    def _open(self, facts: HostFacts) -> None:
        now = time.time()
        with self._platform.record.write():
            self._begin(self.stage)
            self._note(
                schedulable=str(Schedulable.OPEN),
                health=str(HostHealth.UP),
                health_since=now,
                health_reason=None,
                memory_mb=facts.memory_mb,
                disk_free_mb=facts.disk_free_mb,
                engine_version=facts.engine_version,
                arch=facts.arch,
                seen_at=now,
                reached_at=now,
            )
        self._platform.wire.upkeep("spread_images")
        wake(self._platform.apps.blocked(), self._platform)


def _joining(
    name: HostName, url: SshUrl, host_key: str | None, platform: Platform, now: float
) -> Host:
    return Host(
        name=name,
        url=f"unix://{platform.settings.far_engines / name}.sock",
        is_local=False,
        subnet=platform.settings.subnet,
        arch="",
        health=HostHealth.SUSPECT,
        health_since=now,
        schedulable=Schedulable.JOINING,
        memory_mb=0,
        disk_free_mb=0,
        engine_version="",
        health_reason="it is being registered",
        ssh_url=str(url),
        host_key=host_key,
    )


def check_new(
    name: str, url: SshUrl, address: str, platform: Platform, *, is_there: bool = False
) -> None:
    """No other host has its name or is its engine; `is_there`: it has a row itself. Raises AlreadyRegistered."""
    for other in platform.hosts.all():
        if other.name != name:
            _check_other(url, address, other)
        elif not is_there:
            where = other.ssh_url or other.url
            raise AlreadyRegistered(name, f"A host of that name ({where})")


def _check_other(mine: SshUrl, address: str, other: Host) -> None:
    """Raises AlreadyRegistered: it is the same engine."""
    if other.ssh_url is not None:
        theirs = SshUrl.parse(other.ssh_url)
        is_same = address in (theirs.address, other.address) and mine.socket == theirs.socket
    else:
        is_same = other.url == f"unix://{mine.socket}" and _is_here(address)
    if is_same:
        raise AlreadyRegistered(other.name, f"The engine at {address} ({mine.socket})")


def _is_here(address: str) -> bool:
    """It is an address of this machine; for a name: no."""
    try:
        return address_towards(str(IPv4Address(address))) == address
    except (ValueError, OSError):
        return False
