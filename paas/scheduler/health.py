"""Whether a host is up, suspect or down, and what that is known by.

`up`: its engine answers, its packet filter is in order. `suspect`: the engine has been silent for a while: nothing new
goes there, nothing is moved. `down`: neither engine nor sshd nor any container there has answered for longer; only then
are its dynos placed elsewhere. When many go silent at once it is more likely our own link: nothing is moved then.
"""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from paas.engine.tunnels import alone
from paas.errors import PaasError
from paas.model.container import UP
from paas.model.host import Host, HostHealth
from paas.scheduler.clock import SWEEP_SECONDS
from paas.scheduler.wake import wake
from paas.wiring import Platform

CONNECT_SECONDS = 1.0
CONTAINERS_ASKED = 4
FROZEN_FROM = 3
"""With as many hosts or more, no more than a third of them may go down at once."""


class Health:
    """Of one host, as this process sees it: what was silent while nobody looked has not been silent for long."""

    def __init__(self, host: str, platform: Platform) -> None:
        self._host, self._platform = host, platform
        self._begun = time.time()

    def prepare(self) -> None:
        """Network and packet filter; one that comes back is tried with a container first. Raises HostUnreachable."""
        with alone(self._host, self._platform.settings):
            host = self._platform.hosts.get(self._host)
            if not host.is_registered:
                return
            self._platform.engine.prepare(host.name, host.subnet)
            if host.is_local:
                settings = self._platform.settings
                mb, cpus = settings.all_builds_mb, settings.all_builds_cpus
                self._platform.engine.bound_builds(host.name, mb, cpus)
        if host.health is not HostHealth.UP:
            self._platform.engine.probe(host.name)
        self.check()

    def check(self) -> None:
        """Its engine answers: it is up. Raises HostUnreachable."""
        now, platform = time.time(), self._platform
        with alone(self._host, platform.settings):
            if not platform.hosts.get(self._host).is_registered:
                return
            platform.engine.guard(self._host)
        facts = platform.engine.facts(self._host)
        with platform.record.write():
            was = platform.hosts.get(self._host)
            if was.given_up_by is not None:
                return
            since = was.health_since if was.health is HostHealth.UP else now
            platform.hosts.note(
                was.name,
                health=str(HostHealth.UP),
                health_since=since,
                health_reason=None,
                arch=facts.arch,
                engine_version=facts.engine_version,
                memory_mb=facts.memory_mb,
                disk_free_mb=facts.disk_free_mb,
                seen_at=now,
                reached_at=now,
            )
        if was.health is not HostHealth.UP:
            wake({*platform.apps.blocked(), *self._apps()}, platform)

    def doubt(self, why: PaasError) -> None:
        """Its engine did not answer, or what it needs could not be put there."""
        now, settings = time.time(), self._platform.settings
        host = self._platform.hosts.get(self._host)
        if (
            host.health is HostHealth.DOWN
            or now - self._since(host.seen_at) < settings.suspect_seconds
        ):
            return
        answers = self._what_answers(host)
        if answers is not None:
            self._note(host, HostHealth.SUSPECT, f"{why} But {answers} answers.", reached_at=now)
        elif now - self._since(host.reached_at) < settings.down_seconds:
            self._note(host, HostHealth.SUSPECT, str(why))
        elif (stays := self._why_nothing_moves(host)) is not None:
            self._note(host, HostHealth.SUSPECT, f"{why} Nothing is moved: {stays}.")
        else:
            self._note(host, HostHealth.DOWN, f"{why} Nor does sshd, nor any container there.")

    def _since(self, at: float | None) -> float:
        return max(self._begun, at or 0.0)

    def _note(self, host: Host, health: HostHealth, reason: str, **values: float) -> None:
        """Not over what a person has said meanwhile."""
        if (health, reason, values) == (host.health, host.health_reason, {}):
            return
        since = {} if health is host.health else {"health_since": time.time()}
        with self._platform.record.write():
            if self._platform.hosts.get(host.name).given_up_by is not None:
                return
            self._platform.hosts.note(
                host.name, health=str(health), health_reason=reason, **since, **values
            )
        if health is not host.health:
            wake(self._apps(), self._platform)

    def _what_answers(self, host: Host) -> str | None:
        """sshd, or a container by its address. A connection is enough. They are asked side by side."""
        asked = []
        if host.ssh_url and host.address:
            asked.append(("sshd", (host.address, urlsplit(host.ssh_url).port or 22)))
        rows = [row for row in self._platform.containers.on(host.name) if row.state is UP]
        asked += [(row.dyno.name, row.endpoint) for row in rows if row.endpoint][:CONTAINERS_ASKED]
        if not asked:
            return None
        names, addresses = zip(*asked, strict=True)
        with ThreadPoolExecutor(len(asked)) as threads:
            heard = threads.map(_answers, addresses)
            return next((name for name, has in zip(names, heard, strict=True) if has), None)

    def _why_nothing_moves(self, host: Host) -> str | None:
        hosts = [one for one in self._platform.hosts.all() if one.is_registered]
        silent = [one for one in hosts if one.name == host.name or _may_be_silent(one, host)]
        if len(hosts) >= FROZEN_FROM and 3 * len(silent) > len(hosts):
            return f"{len(silent)} of {len(hosts)} hosts are silent at once"
        if not any(one.is_ready for one in hosts if one.name != host.name):
            return "no other host is ready"
        return None

    def _apps(self) -> set[str]:
        return {row.dyno.app_id for row in self._platform.containers.on(self._host)}


def _may_be_silent(other: Host, host: Host) -> bool:
    """It is, or it was not heard since `host` fell silent: for a healthy one that lasts a sweep at most."""
    since = (host.seen_at or 0.0) + SWEEP_SECONDS
    is_unheard = other.health is HostHealth.UP and (other.seen_at or 0.0) <= since
    return is_unheard or other.health is HostHealth.SUSPECT


def _answers(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False
