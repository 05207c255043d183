"""MemoryEngine: the double of the engine, long because it is one class with every verb. Both pass one contract suite.

A World has machines; an engine sees those containers in it that are its platform's. What a container does when it is
started is said by `behave`; without it, it runs until it is stopped. Hosts can be lost, hanging, slow, full or closed
on request, and the one registry of the world can be lost, or forget.
"""

# ruff: noqa: ARG002 - an engine's verbs are told more than a memory needs to know

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from paas.engine.body import PLATFORM
from paas.engine.engine import (
    AddressTaken,
    EngineFailed,
    Event,
    EventKind,
    HostFacts,
    HostUnreachable,
    ImageMissing,
    ImageNotFetched,
    ImageSeen,
    RawLine,
    RegistryFailed,
    Seen,
    Session,
    StartFailed,
)
from paas.model.container import ContainerSpec

IMAGE = "image-1"
"""Every machine has it."""
REGISTRY = "127.0.0.1:5001"
PIECE = 10_000


@dataclass(frozen=True, slots=True)
class Does:
    """What a container does."""

    prints: tuple[str, ...] = ()
    exits: int | None = None
    """None: it runs until it is stopped."""
    after_seconds: float = 0
    echoes: bool = False
    """Answers each line of input with `got LINE`, and exits at the end of input."""
    ignores_term: bool = False


@dataclass(slots=True)
class Box:
    """A container."""

    spec: ContainerSpec
    platform: str
    does: Does
    address: str
    is_running: bool = False
    is_wanted: bool = True
    """False: whoever stopped it does not want it to be started again."""
    started_at: float | None = None
    exit_code: int | None = None
    is_oom: bool = False
    starts: int = 0
    lines: list[RawLine] = field(default_factory=list)
    input: bytearray = field(default_factory=bytearray)

    @property
    def port(self) -> tuple[str, int] | None:
        """Of the host, where it is published."""
        published = self.spec.published
        return None if published is None else (published.address, published.port)

    @property
    def will_run(self) -> bool:
        return self.is_wanted and self.spec.is_restarted

    def seen(self) -> Seen:
        return Seen(
            name=self.spec.name,
            is_running=self.is_running,
            labels={**self.spec.labels, PLATFORM: self.platform},
            address=self.address,
            started_at=self.started_at,
            exit_code=None if self.is_running else self.exit_code,
            is_oom=self.is_oom,
            restarts=max(self.starts - 1, 0),
        )


@dataclass(slots=True)
class Machine:
    name: str
    boxes: dict[str, Box] = field(default_factory=dict)
    images: dict[str, ImageSeen] = field(default_factory=dict)
    events: list[tuple[str, Event]] = field(default_factory=list)
    """With the platform each belongs to."""
    trouble: Callable[[], None] = lambda: None
    is_full: bool = False
    is_closed: bool = False
    bounds_builds: bool = True
    build_bounds: tuple[int, float] | None = None
    addresses: int = 0
    """How many of its own choice it gave."""

    def image(self, reference: str) -> ImageSeen | None:
        known = self.images.values()
        names = ((i, (i.id, *i.tags, *i.digests)) for i in known)
        return next((image for image, called in names if reference in called), None)


def make_image(image_id: str, *tags: str, **labels: str) -> ImageSeen:
    return ImageSeen(
        id=image_id,
        tags=tags,
        size=1 << 20,
        arch="amd64",
        command=("serve",),
        entrypoint=(),
        user="",
        ports=(),
        labels=labels,
        healthcheck=(),
    )


class World:
    def __init__(self, *hosts: str) -> None:
        self.machines = {host: Machine(host) for host in hosts or ("local",)}
        for machine in self.machines.values():
            machine.images[IMAGE] = make_image(IMAGE)
        self.registry: dict[str, ImageSeen] = {}
        """By name, with its tag and by digest."""
        self.has_registry = True
        self.commits = 0
        self.changed = threading.Condition()

    def lose(self, host: str) -> None:
        """It does not answer any more; what runs there goes on."""

        def trouble() -> None:
            raise HostUnreachable(host, "connection refused")

        self._set(host, trouble)

    def hang(self, host: str, seconds: float) -> None:
        """It takes every call and answers none; each is given up after `seconds`."""

        def trouble() -> None:
            time.sleep(seconds)
            raise HostUnreachable(host, f"no answer within {seconds} s")

        self._set(host, trouble)

    def slow(self, host: str, seconds: float) -> None:
        self._set(host, lambda: time.sleep(seconds))

    def fill(self, host: str) -> None:
        """Nothing can be started there any more."""
        self.machines[host].is_full = True

    def close(self, host: str) -> None:
        """What runs there cannot be reached: a firewall that nobody told."""
        self.machines[host].is_closed = True

    def lose_registry(self) -> None:
        """It does not answer any more; what it has it keeps."""
        self.has_registry = False

    def heal_registry(self) -> None:
        self.has_registry = True

    def heal(self, host: str) -> None:
        self.machines[host].is_full = self.machines[host].is_closed = False
        self._set(host, lambda: None)

    def _set(self, host: str, trouble: Callable[[], None]) -> None:
        with self.changed:
            self.machines[host].trouble = trouble
            self.changed.notify_all()


class MemoryEngine:
    def __init__(
        self,
        platform: str,
        world: World | None = None,
        behave: Callable[[ContainerSpec], Does] = lambda _: Does(),
    ) -> None:
        self.world = world or World()
        self.behave = behave
        self._platform = platform

    def crash(self, host: str, name: str, code: int = 1, *, is_oom: bool = False) -> None:
        """It exits by itself, now; its restart policy holds."""
        machine, box = self.world.machines[host], self.world.machines[host].boxes[name]
        box.is_oom = is_oom
        self._exit(machine, box, code)

    def say(self, host: str, name: str, text: str) -> None:
        """It prints a line."""
        self._print(self.world.machines[host].boxes[name], text)

    def facts(self, host: str) -> HostFacts:
        self._reach(host)
        return HostFacts("amd64", "20.10.24", memory_mb=4096, disk_free_mb=20_000, cpus=2)

    def prepare(self, host: str, subnet: str) -> None:
        self._reach(host)

    def guard(self, host: str) -> None:
        self._reach(host)

    def bound_builds(self, host: str, memory_mb: int, cpus: float) -> bool:
        machine = self._reach(host)
        machine.build_bounds = (memory_mb, cpus) if machine.bounds_builds else None
        return machine.bounds_builds

    def clear(self, host: str) -> None:
        self._reach(host)

    def probe(self, host: str) -> None:
        if self._reach(host).is_closed:
            raise EngineFailed(host, "its probe container does not answer")

    def start(self, host: str, spec: ContainerSpec) -> None:
        machine = self._reach(host)
        with self.world.changed:
            box = self._create(machine, spec)
            if not box.is_running:
                others = [other for other in machine.boxes.values() if other.is_running]
                if box.address in [other.address for other in others]:
                    del machine.boxes[spec.name]
                    raise AddressTaken(host, box.address)
                if box.port is not None and box.port in [other.port for other in others]:
                    del machine.boxes[spec.name]
                    raise AddressTaken(host, str(box.port[1]))
                box.is_wanted = True
                self._begin(machine, box)

    def _create(self, machine: Machine, spec: ContainerSpec) -> Box:
        if (box := machine.boxes.get(spec.name)) is not None:
            return box
        if machine.image(spec.image) is None:
            raise ImageMissing(machine.name, spec.image)
        if machine.is_full:
            raise StartFailed(machine.name, spec.name, "no space left on device")
        if any(not outside.startswith("/") for outside in spec.mounts):
            raise StartFailed(machine.name, spec.name, "a mount's path must be absolute")
        machine.addresses += 1
        address = spec.address or f"10.85.12.{machine.addresses}"
        box = Box(spec, self._platform, self.behave(spec), address)
        machine.boxes[spec.name] = box
        return box

    def _begin(self, machine: Machine, box: Box) -> None:
        box.is_running, box.started_at = True, time.time()
        box.starts += 1
        self._tell(machine, box, EventKind.STARTED)
        for text in box.does.prints:
            self._print(box, text)
        if box.does.exits is not None and not box.does.echoes:
            if box.does.after_seconds:
                self._later(box.does.after_seconds, self._exit, machine, box, box.does.exits)
            else:
                self._exit(machine, box, box.does.exits)

    def _exit(self, machine: Machine, box: Box, code: int) -> None:
        with self.world.changed:
            if box.is_running:
                box.is_running, box.exit_code = False, code
                if box.is_oom:
                    self._tell(machine, box, EventKind.OOM)
                self._tell(machine, box, EventKind.EXITED, code)
                if box.will_run:
                    self._later(0.1 * 2 ** (box.starts - 1), self._restart, machine, box)

    def _restart(self, machine: Machine, box: Box) -> None:
        with self.world.changed:
            is_there = machine.boxes.get(box.spec.name) is box
            if is_there and box.will_run and not box.is_running:
                self._begin(machine, box)

    def _later(self, seconds: float, deed: Callable[..., None], *arguments: object) -> None:
        timer = threading.Timer(seconds, deed, arguments)
        timer.daemon = True
        timer.start()

    def _print(self, box: Box, text: str) -> None:
        with self.world.changed:
            at_ns = max(time.time_ns(), box.lines[-1].at_ns + 1 if box.lines else 0)
            data = text.encode()
            pieces = [data[cut : cut + PIECE] for cut in range(0, len(data), PIECE)] or [b""]
            for number, piece in enumerate(pieces):
                box.lines.append(RawLine(at_ns + number, piece.decode(errors="replace")))
            self.world.changed.notify_all()

    def _tell(
        self, machine: Machine, box: Box, kind: EventKind, exit_code: int | None = None
    ) -> None:
        event = Event(kind, box.spec.name, time.time(), exit_code)
        machine.events.append((box.platform, event))
        self.world.changed.notify_all()

    def stop(self, host: str, name: str, grace_seconds: float) -> None:
        self._end(host, name, 137 if self._ignores_term(host, name) else 143)

    def signal(self, host: str, name: str, signal: str) -> None:
        if signal.removeprefix("SIG") == "KILL":
            self._end(host, name, 137)
        elif not self._ignores_term(host, name):
            self._end(host, name, 143)

    def _ignores_term(self, host: str, name: str) -> bool:
        box = self._box(self._reach(host), name)
        return box is not None and box.does.ignores_term

    def _end(self, host: str, name: str, code: int) -> None:
        machine = self._reach(host)
        with self.world.changed:
            if (box := self._box(machine, name)) is not None:
                box.is_wanted = False
                self._exit(machine, box, code)

    def remove(self, host: str, name: str) -> None:
        machine = self._reach(host)
        with self.world.changed:
            if (box := self._box(machine, name)) is not None:
                box.is_wanted = False
                self._exit(machine, box, 137)
                del machine.boxes[name]
                self._tell(machine, box, EventKind.REMOVED)

    def inspect(self, host: str, name: str) -> Seen | None:
        box = self._box(self._reach(host), name)
        return None if box is None else box.seen()

    def list(self, host: str) -> Sequence[Seen]:
        boxes = self._reach(host).boxes.values()
        return [box.seen() for box in boxes if box.platform == self._platform]

    def wait(self, host: str, name: str, timeout_seconds: float) -> int | None:
        machine = self._reach(host)

        def has_ended() -> bool:
            box = self._box(machine, name)
            return box is None or not box.is_running

        with self.world.changed:
            if not self.world.changed.wait_for(has_ended, timeout_seconds):
                return None
            box = self._box(machine, name)
            return -1 if box is None else box.exit_code

    @contextmanager
    def events(self, host: str) -> Iterator[Iterator[Event | None]]:
        machine = self._reach(host)
        yield self._follow(machine, len(machine.events))

    def _follow(self, machine: Machine, position: int) -> Iterator[Event | None]:
        while True:
            with self.world.changed:
                if len(machine.events) == position:
                    self.world.changed.wait(1)
                told = machine.events[position:]
            try:
                machine.trouble()
            except HostUnreachable:
                return
            position += len(told)
            if not told:
                yield None
            for platform, event in told:
                if platform == self._platform:
                    yield event

    @contextmanager
    def logs(self, host: str, name: str, since_ns: int) -> Iterator[Iterator[RawLine]]:
        yield self._lines(self._reach(host), name, since_ns)

    def _lines(self, machine: Machine, name: str, since_ns: int) -> Iterator[RawLine]:
        if (box := self._box(machine, name)) is None:
            return
        position = 0
        while True:
            with self.world.changed:
                told = box.lines[position:]
                is_there = machine.boxes.get(name) is box
                if not told and not (is_there and (box.is_running or box.will_run)):
                    return
                if not told:
                    self.world.changed.wait(1)
            machine.trouble()
            position += len(told)
            yield from (line for line in told if line.at_ns > since_ns)

    def attach(self, host: str, spec: ContainerSpec) -> Session:
        self.start(host, spec)
        return MemorySession(self, host, self._reach(host).boxes[spec.name])

    def resize(self, host: str, name: str, rows: int, columns: int) -> None:
        self._reach(host)

    def exec(self, host: str, name: str, argv: Sequence[str]) -> tuple[int, str]:
        """Knows `echo` alone."""
        box = self._box(self._reach(host), name)
        if box is None or not box.is_running:
            return -1, ""
        return (0, " ".join(argv[1:]) + "\n") if argv[0] == "echo" else (127, "not found")

    def image(self, host: str, reference: str) -> ImageSeen | None:
        return self._reach(host).image(reference)

    def images(self, host: str) -> Sequence[ImageSeen]:
        known = self._reach(host).images.values()
        return [image for image in known if image.labels.get(PLATFORM) == self._platform]

    def tag_image(self, host: str, reference: str, tag: str) -> None:
        machine = self._reach(host)
        image = machine.image(reference)
        if image is None:
            raise ImageMissing(host, reference)
        if (before := machine.image(tag)) is not None:
            rest = tuple(known for known in before.tags if known != tag)
            machine.images[before.id] = replace(before, tags=rest)
        image = machine.images[image.id]
        machine.images[image.id] = replace(image, tags=(*image.tags, tag))

    def remove_image(self, host: str, reference: str) -> None:
        machine = self._reach(host)
        image = machine.image(reference)
        if image is None or image.labels.get(PLATFORM) != self._platform:
            return
        tags = tuple(tag for tag in image.tags if tag != reference)
        digests = tuple(digest for digest in image.digests if digest != reference)
        if reference == image.id and len(tags) + len(digests) == 1:
            tags, digests = (), ()
        is_used = any(machine.image(box.spec.image) == image for box in machine.boxes.values())
        if tags or digests:
            machine.images[image.id] = replace(image, tags=tags, digests=digests)
        elif not is_used:
            del machine.images[image.id]

    def push(self, host: str, reference: str, repository: str, tag: str) -> str:
        machine = self._reach(host)
        image = machine.image(reference)
        if image is None:
            raise ImageMissing(host, reference)
        self._reach_registry(host)
        name = f"{REGISTRY}/{repository}"
        digest = f"{name}@sha256:{hashlib.sha256(image.id.encode()).hexdigest()}"
        kept = replace(image, tags=(), digests=(digest,))
        self.world.registry |= {f"{name}:{tag}": kept, digest: kept}
        return digest

    def pull(self, host: str, name: str) -> None:
        machine = self._reach(host)
        if machine.image(name) is not None:
            return
        self._reach_registry(host)
        kept = self.world.registry.get(name)
        if kept is None:
            raise ImageMissing(host, name)
        if machine.is_full:
            raise RegistryFailed(host, "no space left on device")
        image = machine.images.get(kept.id, kept)
        tags = image.tags if "@" in name else (*image.tags, name)
        machine.images[kept.id] = replace(
            image, tags=tags, digests=tuple({*image.digests, *kept.digests})
        )

    def _reach_registry(self, host: str) -> None:
        if not self.world.has_registry:
            raise RegistryFailed(host, "connection refused")

    def fetch(self, host: str, name: str) -> Iterator[str]:
        """From the world's registry."""
        kept = self.world.registry.get(name)
        if kept is None:
            raise ImageNotFetched(host, name, "not found")
        yield "Pulling"
        self._reach(host).images[kept.id] = replace(kept, tags=(*kept.tags, name))

    def adopt(
        self, host: str, name: str, reference: str, tag: str, labels: Mapping[str, str]
    ) -> str:
        machine = self._reach(host)
        image = machine.image(reference)
        if image is None:
            raise ImageMissing(host, reference)
        own = {**image.labels, **labels, PLATFORM: self._platform}
        image_id = (
            f"adopted-{hashlib.sha256(f'{image.id}{sorted(own.items())}'.encode()).hexdigest()}"
        )
        machine.images[image_id] = replace(image, id=image_id, tags=(), digests=(), labels=own)
        self.tag_image(host, image_id, tag)
        return image_id

    def commit(self, host: str, name: str, tag: str, spec: ContainerSpec) -> str:
        machine = self._reach(host)
        with self.world.changed:
            self.world.commits += 1
            image_id = f"committed-{self.world.commits}"
        labels: Mapping[str, str] = {**spec.labels, PLATFORM: self._platform}
        machine.images[image_id] = replace(
            make_image(image_id, **labels),
            command=spec.command,
            entrypoint=spec.entrypoint or (),
            user=spec.user or "",
        )
        self.tag_image(host, image_id, tag)
        return image_id

    def _reach(self, host: str) -> Machine:
        machine = self.world.machines[host]
        machine.trouble()
        return machine

    def _box(self, machine: Machine, name: str) -> Box | None:
        box = machine.boxes.get(name)
        return box if box is not None and box.platform == self._platform else None


class MemorySession:
    def __init__(self, engine: MemoryEngine, host: str, box: Box) -> None:
        self._engine, self._host, self._box = engine, host, box
        self._position = 0
        self._is_closed = False

    def read(self) -> bytes:
        box, changed = self._box, self._engine.world.changed

        def is_news() -> bool:
            return len(box.lines) > self._position or not box.is_running or self._is_closed

        with changed:
            changed.wait_for(is_news)
            told = box.lines[self._position :]
            self._position += len(told)
        return b"".join(line.text.encode() + b"\n" for line in told)

    def write(self, data: bytes) -> None:
        self._box.input += data
        while self._box.does.echoes and (end := self._box.input.find(b"\n")) >= 0:
            line = self._box.input[:end].decode()
            del self._box.input[: end + 1]
            self._engine.say(self._host, self._box.spec.name, f"got {line}")

    def end_input(self) -> None:
        if self._box.does.echoes:
            self._engine.crash(self._host, self._box.spec.name, self._box.does.exits or 0)

    def resize(self, rows: int, columns: int) -> None:
        self._engine.resize(self._host, self._box.spec.name, rows, columns)

    def wait(self) -> int:
        while True:
            code = self._engine.wait(self._host, self._box.spec.name, 60)
            if code is not None:
                return code

    def close(self) -> None:
        with self._engine.world.changed:
            self._is_closed = True
            self._engine.world.changed.notify_all()
