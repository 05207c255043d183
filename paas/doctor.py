"""Examines a platform: one finding for each part, with the next command. (Long: a list of short checks.)

Run in a worker, so that the queue's round trip is proven by the answer; without Redis, in whoever asks.
"""

import fcntl
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from redis import Redis, RedisError

from paas.engine.engine import HostUnreachable
from paas.engine.router_tunnels import is_open, tunnel_name
from paas.engine.ssh import was_taken_out
from paas.engine.trial import REACHED, SECONDS, try_container
from paas.errors import PaasError
from paas.model.finding import Examination, Finding, FindingState
from paas.model.host import Host, HostHealth
from paas.model.router import RegisteredRouter
from paas.needed import NotThere, check_needed
from paas.running import running, started_once
from paas.wiring import Platform

FACT = "doctor"
"""Under this name the record keeps the last examination."""
OLDEST_ENGINE = (20, 10)
SILENT_SECONDS = 30.0
"""A router gives a sign of life much more often."""
CLOCK_SECONDS = 10.0
FEW_SLOTS = 8
CONNECT_SECONDS = 3.0

Check = Callable[[Platform, float], Iterator[Finding]]


def examine(platform: Platform) -> Examination:
    """Everything; kept in the record too. Takes a second, and up to ten for each host that is not well."""
    checks = (
        programs,
        processes,
        redis,
        queue,
        routers,
        door,
        engines,
        leases,
        container,
        stack,
        builds,
        disk,
        clock,
    )
    found = _run(checks, platform, time.time())
    platform.routers.set_fact(FACT, found.dump())
    return found


def examine_without_worker(platform: Platform) -> Examination:
    """What can be seen while no worker answers: the queue stands still, and whatever is served is served on."""
    return _run(
        (programs, processes, redis, no_worker, door, hosts, disk, clock), platform, time.time()
    )


def no_worker(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001
    see = f"paasd status {platform.settings.directory}"
    for host in platform.hosts.all():
        if not host.is_registered:
            text = f"no job made the round trip within 10 s: the worker of such jobs is busy with host {host.name}"
            yield warn("queue", text, "paas hosts; then: paas doctor")
            return
    yield red("queue", "no job made the round trip within 10 s; nothing is deployed or scaled", see)


def programs(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001 - a Check
    """Of others, on this machine."""
    try:
        version = check_needed()
    except NotThere as error:
        yield red("programs", error.why, error.cure)
    else:
        yield ok("programs", f"HAProxy {version}, Redis, OpenSSH and git are there")


def processes(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001 - a Check
    settings = platform.settings
    see = f"paasd status {settings.directory}"
    alive = {program.name for program in running(settings)}
    for name in started_once(settings):
        if was_taken_out(name, settings):
            continue
        if name in alive:
            yield ok(f"process {name}", "runs")
        else:
            yield red(f"process {name}", "does not run; its log is in run/log", see)
    if _is_supervised(platform):
        yield ok("supervisor", "runs")
    else:
        why = "does not run: nobody starts again what ends"
        yield red("supervisor", why, f"paasd run {settings.directory}")


def redis(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001
    yield from redis_findings(platform.redis, platform.settings.directory)


def redis_findings(redis: Redis, directory: Path) -> Iterator[Finding]:
    """Whether it keeps all that it is told, and has room. Raises RedisError."""
    known = redis.info("everything")
    policy, appends = known["maxmemory_policy"], known["aof_enabled"]
    used, most = int(known["used_memory"]), int(known["maxmemory"])
    restart = f"paasd stop {directory}, then paasd run {directory}"
    if policy != "noeviction":
        yield red("redis policy", f"may forget what it was told ({policy})", restart)
    elif not appends:
        yield red("redis policy", "keeps nothing over a restart (appendonly is off)", restart)
    elif known["aof_last_write_status"] != "ok":
        yield red("redis policy", "cannot write to its disk", f"df {directory}")
    else:
        yield ok("redis policy", "evicts nothing and writes every second")
    text = f"{used >> 20} of {most >> 20} MB used"
    if most == 0:
        yield red("redis memory", "has no limit: it may take the whole machine's", restart)
    elif used > 0.8 * most:
        yield warn("redis memory", text, "paas builds:cancel what nobody waits for")
    else:
        yield ok("redis memory", text)


def queue(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001
    """To be asked in a worker: that it is answered is the proof."""
    waiting = {name: platform.wire.queue(name).count for name in ("converge", "builds", "upkeep")}
    text = ", ".join(f"{count} waiting in {name}" for name, count in waiting.items())
    if waiting["converge"] > 100:
        yield warn("queue", f"{text}; the workers do not keep up", "paas logs -a APP")
    else:
        yield ok("queue", f"a job made the round trip; {text}")


def routers(platform: Platform, now: float) -> Iterator[Finding]:
    version = platform.routes.version()
    if version is None:
        yield red("route table", "is empty; watch fills it from the record", "paas doctor")
    acks = platform.routes.acknowledgements()
    for router in platform.routers.all():
        name, ack = f"router {router.name}", acks.get(router.name)
        see = f"paasd status {platform.settings.directory}"
        remove = f"if it is gone for good: paas routers:remove {router.name}"
        if router.is_elsewhere:
            see = f"on {router.address}: paasd router status"
            log = platform.settings.run / "log" / f"{tunnel_name(router.name)}.log"
            remove = f"tail {log} ({remove})"
        if router.is_joining:
            yield warn(name, "is joining: nobody waits for it yet", _joins(router, platform))
        elif ack is None or now - ack.at > SILENT_SECONDS:
            since = "ever" if ack is None else f"for {now - ack.at:.0f} s"
            yield red(name, f"has not been heard {since}; it serves on what it knew", remove)
        elif not ack.status.haproxy:
            yield red(name, "its HAProxy does not answer", see)
        elif version is not None and not ack.version.covers(version):
            behind = version.number - ack.version.number
            yield warn(name, f"is behind the route table (by {behind})", "paas doctor")
        elif ack.status.drift or ack.status.slots_free < FEW_SLOTS:
            slots = f"{ack.status.slots_free} of {ack.status.slots} slots free"
            yield warn(name, f"drifted {ack.status.drift} times, {slots}", "paas logs -a APP")
        else:
            yield ok(name, f"HAProxy {ack.status.haproxy}, has the newest table")


def _joins(router: RegisteredRouter, platform: Platform) -> str:
    """What it waits for."""
    if is_open(router.name, platform.settings):
        return f"paas routers:line {router.name}, and what that prints on {router.address}"
    return f"paas ps of those that are to move, paas hosts; or: paas routers:remove {router.name}"


def door(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001
    """Who answers on the ports that people use."""
    settings = platform.settings
    bound = settings.bind_address
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, bound)
    see = f"paasd status {settings.directory}"
    for name, port, says in (
        ("door", settings.ssh_port, b""),
        ("router port", settings.http_port, b"GET / HTTP/1.0\r\nHost: doctor.invalid\r\n\r\n"),
    ):
        try:
            with socket.create_connection((address, port), CONNECT_SECONDS) as connection:
                connection.sendall(says)
                said = connection.recv(64)
        except OSError as error:
            yield red(name, f"{address}:{port} does not answer: {error}", see)
            continue
        if said.startswith((b"SSH-2.0", b"HTTP/1.1 404")):
            yield ok(name, f"answers on port {port}")
        else:
            yield red(name, f"something else answers on port {port}: {said[:20]!r}", see)


def engines(platform: Platform, now: float) -> Iterator[Finding]:
    """Each host's engine, asked; of those that are silent the record knows enough."""
    for host in _answering(platform):
        try:
            facts = platform.engine.facts(host.name)
        except HostUnreachable as error:
            yield red(f"engine of {host.name}", str(error), _look_at(host, platform))
            continue
        found = re.match(r"(\d+)\.(\d+)", facts.engine_version)
        name = f"engine of {host.name}"
        if found is None or (int(found[1]), int(found[2])) < OLDEST_ENGINE:
            need = ".".join(map(str, OLDEST_ENGINE))
            yield red(name, f"is {facts.engine_version}; {need} is the oldest that works", "")
        else:
            yield ok(name, f"Docker {facts.engine_version} answers")
        yield from _disk(f"disk of {host.name}'s engine", facts.disk_free_mb or None)
    yield from hosts(platform, now)
    yield ok(
        "docker0",
        "containers that others start on docker0 reach neither this machine nor each other while a platform is here",
    )


def hosts(platform: Platform, now: float) -> Iterator[Finding]:
    """Each host, as the record tells."""
    for host in platform.hosts.all():
        seen = "never" if host.seen_at is None else f"{now - host.seen_at:.0f} s ago"
        if not host.is_registered:
            see = f"paas hosts (to be rid of it: paas hosts:remove {host.name})"
            yield warn(f"host {host.name}", f"is {host.schedulable}", see)
        elif host.health is HostHealth.UP:
            yield ok(f"host {host.name}", f"up, {host.schedulable}, seen {seen}")
        else:
            why = (host.health_reason or "it does not answer").rstrip(".")
            text = f"{host.health}: {why}; seen {seen}"
            yield red(f"host {host.name}", text, _look_at(host, platform))


def leases(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001 - a Check
    """What a worker wanted to write that had slept for longer than its lease: none of it was written."""
    yield ok("leases", f"{platform.leases.refused()} writes of stale workers refused")


def container(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001 - a Check
    """One on the platform's network of each host, tried."""
    for host in _answering(platform):
        try:
            yield _trial(host, platform) if host.is_local else _probe(host, platform)
        except PaasError as error:
            yield red(f"container on {host.name}", str(error), _look_at(host, platform))


def _trial(host: Host, platform: Platform) -> Finding:
    settings, name = platform.settings, f"container on {host.name}"
    code, seconds = try_container(
        platform.engine, settings.platform, host, settings.stack_run, settings.ssh_port
    )
    if code == REACHED:
        why = f"it reaches the host's port {settings.ssh_port}: the packet filter is not there"
        return red(name, why, f"paasd upgrade {settings.directory}")
    if code is None or seconds > SECONDS:
        return red(name, f"did not end within {SECONDS:.0f} s", "docker info")
    if code != 0:
        return red(name, f"ended with {code}", "docker info")
    return ok(name, f"created, run and removed in {seconds:.1f} s; it cannot reach the host")


def _probe(host: Host, platform: Platform) -> Finding:
    started = time.monotonic()
    platform.engine.probe(host.name)
    seconds = time.monotonic() - started
    text = f"answered this machine, and did not reach its host's sshd, within {seconds:.1f} s"
    return ok(f"container on {host.name}", text)


def stack(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001
    settings = platform.settings
    for host in _answering(platform):
        if not host.is_local:
            continue  # it has the run image under another name, or its probe fails
        for name, reference in (
            ("run", settings.stack_run),
            ("small", settings.stack_small),
            ("build", settings.stack_build),
        ):
            image = platform.engine.image(host.name, reference)
            if image is None:
                text = f"host {host.name} has no image {reference}"
                yield red(f"{name} image", text, "sudo ./install.sh")
            else:
                yield ok(f"{name} image", f"{reference}, {image.size / 1e6:.0f} MB")


def builds(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001
    """What an engine cannot bound for one Dockerfile build, it may for all of them; done anew, and so seen."""
    settings, name = platform.settings, "dockerfile builds"
    mb, cpus = settings.all_builds_mb, settings.all_builds_cpus
    each = f"each has {settings.build_seconds:.0f} s and a bounded output"
    for host in _answering(platform):
        if not host.is_local:
            continue
        if platform.engine.bound_builds(host.name, mb, cpus):
            text = f"{each}; all together {mb} MB and {cpus:g} CPUs. Disk and processes are not bounded"
            yield ok(name, text)
        else:
            text = f"{each}; memory, CPU, disk and processes are not bounded on this engine"
            yield warn(name, text, "let only people push whom you trust with that: paas people")


def disk(platform: Platform, now: float) -> Iterator[Finding]:  # noqa: ARG001
    directory = platform.settings.directory
    yield from _disk(f"disk of {directory}", shutil.disk_usage(directory).free >> 20)


def clock(platform: Platform, now: float) -> Iterator[Finding]:
    """Against what was written down before: deadlines and leases trust that it does not go back."""
    known = [host.seen_at or 0 for host in platform.hosts.all()]
    known += [router.acknowledged_at or 0 for router in platform.routers.all()]
    known += [row.since for row in platform.containers.live()]
    ahead = max(known, default=0) - now
    if ahead > CLOCK_SECONDS:
        yield red("clock", f"went back: the record knows of {ahead:.0f} s later", "timedatectl")
    else:
        yield ok("clock", "does not contradict the record")


def _answering(platform: Platform) -> Sequence[Host]:
    """The hosts that are up: to ask one that is not would take too long."""
    return [
        host for host in platform.hosts.all() if host.health is HostHealth.UP and host.is_registered
    ]


def _look_at(host: Host, platform: Platform) -> str:
    if host.is_local:
        return "docker info"
    log = platform.settings.run / "log" / f"tunnel-{host.name}.log"
    return f"tail {log} (if it is gone for good: paas hosts:remove {host.name} --lost)"


def ok(name: str, text: str) -> Finding:
    return Finding(name, FindingState.OK, text)


def warn(name: str, text: str, next_command: str) -> Finding:
    return Finding(name, FindingState.WARN, text, next_command)


def red(name: str, text: str, next_command: str) -> Finding:
    return Finding(name, FindingState.RED, text, next_command)


def _run(checks: Sequence[Check], platform: Platform, now: float) -> Examination:
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check(platform, now)
        except (PaasError, RedisError, OSError) as error:
            name = check.__name__
            see = "docker info" if isinstance(error, HostUnreachable) else ""
            findings.append(
                red(name, str(error), see or f"paasd status {platform.settings.directory}")
            )
    return Examination(now, findings)


def _is_supervised(platform: Platform) -> bool:
    """The supervisor holds the folder's lock."""
    with (platform.settings.run / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _disk(name: str, free_mb: int | None) -> Iterator[Finding]:
    if free_mb is None:
        return
    text = f"{free_mb / 1024:.1f} GB free"
    if free_mb < 1024:
        yield red(name, f"{text}: builds will fail", "df -h; docker system df")
    elif free_mb < 5 * 1024:
        yield warn(name, text, "df -h; docker system df")
    else:
        yield ok(name, text)
