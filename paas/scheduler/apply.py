"""Does on the engines what was decided. Every deed may be repeated; what is already so is not an error."""

import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import suppress
from functools import partial

from paas.engine.engine import (
    AddressTaken,
    Engine,
    HostUnreachable,
    ImageMissing,
    StartFailed,
)
from paas.logs.store import say
from paas.model.app import App
from paas.model.build import Image
from paas.model.container import (
    CRASHED,
    GONE,
    PLACED,
    PULLING,
    STARTING,
    UP,
    Container,
    ContainerSpec,
    Kind,
    container_name,
)
from paas.model.release import Release
from paas.scheduler.spec import dyno_spec
from paas.store.leases import Lease
from paas.wire import UPKEEP
from paas.wiring import Platform

PULL_SECONDS = 600.0
"""How long a host may take to have an image."""


def start_all(
    app: App,
    release: Release,
    rows: Sequence[Container],
    lease: Lease,
    platform: Platform,
    now: float,
) -> list[HostUnreachable]:
    """Side by side; each row goes on by itself as soon as its container runs. The hosts that did not answer.

    A host that takes too long is not waited for: what was to run there is placed on another, if one is ready.
    """
    if release.image is None:
        return []
    image = platform.builds.image(release.image)
    if image is None:
        return []
    started: dict[Future[None], Container] = {}
    for row in rows:
        if row.host not in image.where:
            _wait_for_image(row, image, lease, platform, now)
            continue
        spec = dyno_spec(app, release, image, row, platform.settings)
        start = partial(platform.engine.start, row.host, spec)
        if row.kind is not Kind.DYNO:
            start = partial(start_once, platform.engine, row.host, spec)
        started[platform.threads.submit(row.host, start)] = row
        platform.wire.announce(app.id)
    unreachable = []
    patience = platform.threads.stuck_seconds
    for future in _as_they_end(started, patience):
        row = started[future]
        try:
            future.result(timeout=0)
        except TimeoutError:
            future.cancel()
            unreachable.append(HostUnreachable(row.host, f"no answer within {patience:g} s"))
            if row.kind is Kind.DYNO and _is_another_ready(platform):
                give_up(row, lease, platform, now, reason=f"host {row.host} did not answer")
        except AddressTaken as taken:
            platform.containers.put_aside(row.host, taken.address, now)
            give_up(row, lease, platform, now, reason=str(taken))
        except ImageMissing:
            # Not the container's fault: nothing is placed until the image is there again (see assign).
            if give_up(row, lease, platform, now):
                platform.builds.place_image(image.id, row.host, None)
        except StartFailed as failed:
            if crash(row, f"could not be started: {failed.why}", platform, now, lease=lease):
                platform.containers.note(row.id, is_logged=True)
        except HostUnreachable as error:
            unreachable.append(error)
        else:
            note_started(row, lease, platform)
            platform.wire.announce(app.id)
    return unreachable


def start_once(engine: Engine, host: str, spec: ContainerSpec) -> None:
    """Not again, if a step that was killed has started it. Raises what `Engine.start` raises."""
    if not _has_run(engine, host, spec.name):
        engine.start(host, spec)


def was_started(row: Container, platform: Platform) -> bool:
    """By a step that was killed before it wrote that down. Raises HostUnreachable."""
    name = container_name(platform.settings.platform, row.id)
    return _has_run(platform.engine, row.host, name)


def _has_run(engine: Engine, host: str, name: str) -> bool:
    seen = engine.inspect(host, name)
    return seen is not None and (seen.is_running or seen.exit_code is not None)


def note_started(row: Container, lease: Lease | None, platform: Platform) -> None:
    """What is to end is not asked whether it is up: it has a time to end in."""
    began = time.time()  # an engine may have taken its time
    with platform.record.write():
        deadline = _deadline(row, platform, began)
        platform.containers.move(row.id, STARTING, began, lease, deadline=deadline)
        if row.kind is not Kind.DYNO:
            platform.containers.move(row.id, UP, began, lease, deadline=deadline)


def _as_they_end(started: Collection[Future[None]], seconds: float) -> Iterator[Future[None]]:
    """Those that do not end in time come last."""
    ended = set()
    with suppress(TimeoutError):
        for future in as_completed(started, timeout=seconds):
            ended.add(future)
            yield future
    yield from set(started) - ended


def _is_another_ready(platform: Platform) -> bool:
    stuck = platform.threads.stuck()
    return any(host.is_ready and host.name not in stuck for host in platform.hosts.all())


def _wait_for_image(
    row: Container, image: Image, lease: Lease, platform: Platform, now: float
) -> None:
    """Its host has yet to pull it. If it can be had nowhere, the dyno is placed anew once it can."""
    if image.digest is None:
        give_up(row, lease, platform, now)
        return
    if row.state is PLACED:
        platform.containers.move(row.id, PULLING, now, lease, deadline=now + PULL_SECONDS)
        platform.wire.announce(row.dyno.app_id)
    if image.id not in platform.wire.waiting(UPKEEP):
        platform.wire.upkeep("spread_image", image.id)


def give_up(
    row: Container, lease: Lease, platform: Platform, now: float, reason: str | None = None
) -> bool:
    """Nothing of it exists, and its dyno is placed anew. False: whoever has the lease by now may have started it."""
    with platform.record.write():
        is_gone = platform.containers.move(
            row.id, GONE, now, lease, is_logged=True, reason=reason or row.reason
        )
        if is_gone:
            platform.apps.touch(row.dyno.app_id)
    return is_gone


def crash(
    row: Container,
    reason: str,
    platform: Platform,
    now: float,
    exit_code: int | None = None,
    lease: Lease | None = None,
) -> bool:
    """Its place is empty from here on; what is left of it is stopped and removed by the steps that follow.

    False, and nothing has changed: the lease was lost, or it is in another state by now. What came up meanwhile serves.
    """
    code = row.exit_code if exit_code is None else exit_code
    return _empty(row, reason, platform, now, lease, crashed_at=now, exit_code=code)


def lose(row: Container, reason: str, platform: Platform, now: float, lease: Lease) -> bool:
    """As a crash, through no fault of its own: its place is filled anew at once."""
    return _empty(row, reason, platform, now, lease)


def _empty(
    row: Container,
    reason: str,
    platform: Platform,
    now: float,
    lease: Lease | None,
    **values: object,
) -> bool:
    with platform.record.write():
        current = platform.containers.get(row.id)
        if current is None or current.state is not row.state:
            return False
        if not platform.containers.move(row.id, CRASHED, now, lease, reason=reason, **values):
            return False
        platform.apps.touch(row.dyno.app_id)
    say(
        platform.logs,
        row.dyno.app_id,
        row.dyno.name,
        f"State changed from {row.state} to crashed: {reason}",
        now,
    )
    return True


def stop_crashed(row: Container, platform: Platform) -> None:
    """Ends what the engine would start again. Its log can then be read to the end."""
    platform.engine.stop(row.host, container_name(platform.settings.platform, row.id), 1)


def remove(row: Container, platform: Platform) -> None:
    platform.engine.remove(row.host, container_name(platform.settings.platform, row.id))


def signal(row: Container, name: str, platform: Platform) -> None:
    """`name` is SIGTERM or SIGKILL."""
    platform.engine.signal(row.host, container_name(platform.settings.platform, row.id), name)


def listening(row: Container, platform: Platform) -> Sequence[str]:
    """What its processes listen on, as `address:port`; empty when it does not run. Raises HostUnreachable."""
    name = container_name(platform.settings.platform, row.id)
    try:
        code, text = platform.engine.exec(
            row.host, name, ["cat", "/proc/net/tcp", "/proc/net/tcp6"]
        )
    except StartFailed:
        return ()
    return _listeners(text) if code in (0, 1) else ()


def _listeners(text: str) -> Sequence[str]:
    """From /proc/net/tcp and tcp6 (proc(5)): state 0A listens; addresses are hexadecimal, little-endian by word."""
    found = set()
    for line in text.splitlines():
        words = line.split()
        if len(words) < 4 or words[3] != "0A" or ":" not in words[1]:
            continue
        address, port = words[1].split(":")
        if len(address) == 8:
            shown = ".".join(str(byte) for byte in reversed(bytes.fromhex(address)))
        else:
            shown = "[::1]" if address.endswith("01000000") else "[::]"
        if not shown.startswith("127.0.0.11"):  # the engine's own resolver
            found.add(f"{shown}:{int(port, 16)}")
    return sorted(found)


def _deadline(row: Container, platform: Platform, now: float) -> float:
    settings = platform.settings
    if row.kind is not Kind.DYNO:
        return now + settings.release_seconds
    return now + (settings.settle_seconds if row.port is None else settings.start_seconds)
