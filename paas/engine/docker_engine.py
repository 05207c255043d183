"""Where things run: Docker, by the SDK. `engine.py` says what each verb promises. (Long: one method for each verb.)"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from math import ceil
from pathlib import Path
from typing import Any

from requests import ConnectionError as ConnectionLost
from requests import Timeout

from paas.engine.body import PLATFORM, container_body
from paas.engine.build_bounds import bound_builds, free_builds
from paas.engine.connections import APIError, Client, Connections, Hosts, explain, fine_if
from paas.engine.docker_images import DockerImages
from paas.engine.docker_network import DockerNetwork
from paas.engine.docker_session import DockerSession
from paas.engine.docker_streams import LogReader, open_events, read_events, read_output
from paas.engine.engine import (
    AddressTaken,
    Event,
    HostFacts,
    ImageMissing,
    ImageSeen,
    RawLine,
    Seen,
    Session,
    StartFailed,
)
from paas.engine.open_files import OpenFiles
from paas.engine.probe import probe
from paas.engine.registry import NO_REGISTRY, Registry
from paas.engine.seen import container_seen, facts_seen, is_ours
from paas.engine.stream import Stream
from paas.model.container import ContainerSpec, container_name

WORK_SECONDS = 60.0
"""For what the engine must do and not only tell."""
TIMED_OUT = 124
GONE = -1
NOT_THERE, CONFLICT = 404, 409
TAKEN = ("address already in use", "port is already allocated")
DISK_FREE = ("stat", "--file-system", "--format=%a %S", "/")


class DockerEngine:
    def __init__(
        self,
        platform: str,
        network: str,
        hosts: Hosts,
        *,
        tools_image: str = "paas/stack:run",
        registry: Registry = NO_REGISTRY,
        open_ports: Sequence[int] = (),
        routers: Callable[[], Sequence[str]] = tuple,
        patience_seconds: float = 10.0,
        notes: Path | None = None,  # see OpenFiles
    ) -> None:
        """`routers` tells the addresses of those on other machines than the platform's own.

        `patience_seconds`: how long an engine may take to answer a question, and a command in a container to end.
        """
        self._platform, self._network, self._hosts = platform, network, hosts
        self._open_files = OpenFiles(notes)
        self._patience = patience_seconds
        self._connections = Connections(hosts, patience_seconds)
        self._images = DockerImages(self._connections, platform, registry)
        self.network = DockerNetwork(
            self._connections, self._images, platform, network, tools_image, open_ports, routers
        )

    def facts(self, host: str) -> HostFacts:
        with self._connections.to(host) as client:
            info: dict[str, Any] = client.info()
        return facts_seen(info, self._disk_free_mb(host, info["DockerRootDir"]))

    def _disk_free_mb(self, host: str, directory: str) -> int:
        """0: not known. Elsewhere a container of ours sees the file system that the engine has its own on."""
        if not self._hosts.get(host).is_local:
            code, told = self.exec(host, self.network.guard_name, DISK_FREE)
            blocks, size = (int(word) for word in told.split()) if code == 0 else (0, 0)
            return blocks * size >> 20
        try:
            return shutil.disk_usage(directory).free >> 20
        except OSError:
            return 0

    def prepare(self, host: str, subnet: str) -> None:
        self._open_files.forget(host)
        self.network.fetch_tools(host)
        self.network.make(host, subnet)
        self.network.filter_packets(host)
        self.network.guard(host)

    def guard(self, host: str) -> None:
        self.network.guard(host)

    def clear(self, host: str) -> None:
        self.network.forget(host)
        free_builds(self.network, host)
        self._images.remove(host, self.network.tools_on(host))

    def bound_builds(self, host: str, memory_mb: int, cpus: float) -> bool:
        with self._connections.to(host) as client:
            info: dict[str, Any] = client.info()
        return bound_builds(self.network, host, info, memory_mb, cpus)

    def probe(self, host: str) -> None:
        probe(self, self._hosts.get(host), self._platform, self.network.tools_on(host))

    def start(self, host: str, spec: ContainerSpec) -> None:
        with self._connections.to(host, WORK_SECONDS) as client:
            for _ in range(2):
                self._create(client, host, spec)
                if self._begin(client, host, spec):
                    return
        raise StartFailed(host, spec.name, "the engine refuses its limits")

    def attach(self, host: str, spec: ContainerSpec) -> Session:
        with self._connections.to(host, WORK_SECONDS) as client:
            stream = self._attach(client, host, spec) or self._attach(client, host, spec)
        if stream is None:
            raise StartFailed(host, spec.name, "the engine refuses its limits")
        return DockerSession(self, host, spec.name, stream, has_terminal=spec.has_terminal)

    def _attach(self, client: Client, host: str, spec: ContainerSpec) -> Stream | None:
        """None: as `_begin` says."""
        asked = f"stream=1&stdout=1&stderr=1&stdin={int(spec.takes_input)}"
        path = f"/containers/{spec.name}/attach?{asked}"
        self._create(client, host, spec)
        with ExitStack() as unless_begun:
            stream = self._connections.stream(host, "POST", path, upgrade=True)
            unless_begun.callback(stream.close)
            if self._begin(client, host, spec):
                unless_begun.pop_all()
                return stream
        return None

    def _create(self, client: Client, host: str, spec: ContainerSpec) -> None:
        """Silent if a container of this name is there."""
        open_files = self._open_files.limit(host)
        body = container_body(spec, self._platform, self._network, open_files)
        try:
            client.create_container_from_config(body, spec.name)
        except APIError as error:
            why = explain(error)
            if error.status_code == CONFLICT:
                return
            if error.status_code == NOT_THERE and "no such image" in why.lower():
                raise ImageMissing(host, spec.image) from None
            raise StartFailed(host, spec.name, why) from None

    def _begin(self, client: Client, host: str, spec: ContainerSpec) -> bool:
        """False: the engine cannot give so many files; it is removed, and the next one will ask for fewer."""
        try:
            client.start(spec.name)
            return True
        except APIError as error:
            why = explain(error)
            with fine_if(NOT_THERE, CONFLICT):
                client.remove_container(spec.name, force=True, v=True)
            if "setting rlimit" in why:  # several may learn it at once
                self._open_files.are_few(host)
                return False
            if any(words in why.lower() for words in TAKEN) and (taken := leased(spec)):
                raise AddressTaken(host, taken) from None
            raise StartFailed(host, spec.name, why) from None

    def stop(self, host: str, name: str, grace_seconds: float) -> None:
        if self._is_ours(name):
            with self._connections.to(host, WORK_SECONDS) as client, fine_if(NOT_THERE, CONFLICT):
                client.stop(name, timeout=ceil(grace_seconds))

    def signal(self, host: str, name: str, signal: str) -> None:
        if self._is_ours(name):
            with self._connections.to(host) as client, fine_if(NOT_THERE, CONFLICT):
                client.kill(name, signal)

    def remove(self, host: str, name: str) -> None:
        if self._is_ours(name):
            with self._connections.to(host, WORK_SECONDS) as client, fine_if(NOT_THERE, CONFLICT):
                client.remove_container(name, force=True, v=True)

    def inspect(self, host: str, name: str) -> Seen | None:
        with self._connections.to(host) as client:
            return self._look(client, name)

    def list(self, host: str) -> Sequence[Seen]:
        # The engine's list leaves out what an inspection tells: exit code, restarts.
        with self._connections.to(host) as client:
            filters = {"label": [f"{PLATFORM}={self._platform}"]}
            listed = [found["Id"] for found in client.containers(all=True, filters=filters)]
            looked = [self._look(client, container) for container in listed]
        return [seen for seen in looked if seen is not None]

    def _look(self, client: Client, container: str) -> Seen | None:
        """None: gone, or not this platform's."""
        with fine_if(NOT_THERE):
            seen = container_seen(client.inspect_container(container))
            return seen if is_ours(seen.labels, self._platform) else None
        return None

    def wait(self, host: str, name: str, timeout_seconds: float) -> int | None:
        if timeout_seconds > 0 and self._is_ours(name):
            with self._connections.to(host) as client:
                try:
                    return int(client.wait(name, timeout=timeout_seconds)["StatusCode"])
                except (Timeout, ConnectionLost):
                    self._connections.drop(host)  # and see whether the engine still answers
                except APIError as error:
                    if error.status_code != NOT_THERE:
                        raise
                    return GONE
        seen = self.inspect(host, name)
        return GONE if seen is None else seen.exit_code

    @contextmanager
    def events(self, host: str) -> Iterator[Iterator[Event | None]]:
        stream = open_events(self._connections, host, self._platform)
        try:
            yield read_events(stream)
        finally:
            stream.close()

    @contextmanager
    def logs(self, host: str, name: str, since_ns: int) -> Iterator[Iterator[RawLine]]:
        with closing(LogReader(self._connections, host, name, since_ns).lines()) as lines:
            yield lines

    def resize(self, host: str, name: str, rows: int, columns: int) -> None:
        # 500 is this engine's word for "not running" too.
        with self._connections.to(host) as client, fine_if(NOT_THERE, CONFLICT, 500):
            client.resize(name, height=rows, width=columns)

    def exec(self, host: str, name: str, argv: Sequence[str]) -> tuple[int, str]:
        with self._connections.to(host) as client, fine_if(NOT_THERE, CONFLICT):
            made = client.exec_create(name, [*argv])["Id"]
            body = {"Detach": False, "Tty": False}
            path = f"/exec/{made}/start"
            stream = self._connections.stream(host, "POST", path, body, upgrade=True)
            output, is_complete = read_output(stream, time.monotonic() + self._patience)
            return (self._exec_code(client, made) if is_complete else TIMED_OUT), output
        return GONE, ""

    def _exec_code(self, client: Client, made: str) -> int:
        """The engine may close the output a moment before it knows the code."""
        for _ in range(20):
            code = client.exec_inspect(made)["ExitCode"]
            if code is not None:
                return int(code)
            time.sleep(0.05)
        return GONE

    def image(self, host: str, reference: str) -> ImageSeen | None:
        return self._images.image(host, reference)

    def images(self, host: str) -> Sequence[ImageSeen]:
        with self._connections.to(host, WORK_SECONDS) as client:
            filters = {"label": [f"{PLATFORM}={self._platform}"]}
            listed = [found["Id"] for found in client.images(filters=filters)]
        looked = [self.image(host, image) for image in listed]
        return [seen for seen in looked if seen is not None]

    def tag_image(self, host: str, reference: str, tag: str) -> None:
        repository, _, version = tag.rpartition(":")
        with self._connections.to(host) as client:
            try:
                client.tag(reference, repository, version, force=True)
            except APIError as error:
                if error.status_code == NOT_THERE:
                    raise ImageMissing(host, reference) from None
                raise

    def remove_image(self, host: str, reference: str) -> None:
        self._images.remove(host, reference)

    def commit(self, host: str, name: str, tag: str, spec: ContainerSpec) -> str:
        return self._images.commit(host, name, tag, spec)

    def fetch(self, host: str, name: str) -> Iterator[str]:
        return self._images.fetch(host, name)

    def adopt(
        self, host: str, name: str, reference: str, tag: str, labels: Mapping[str, str]
    ) -> str:
        return self._images.adopt(host, name, reference, tag, labels)

    def push(self, host: str, reference: str, repository: str, tag: str) -> str:
        return self._images.push(host, reference, repository, tag)

    def pull(self, host: str, name: str) -> None:
        self._images.pull(host, name)

    def _is_ours(self, name: str) -> bool:
        return name.startswith(container_name(self._platform, ""))


def leased(spec: ContainerSpec) -> str | None:
    """The address, or the host's port, that the container was to have."""
    return str(spec.published.port) if spec.published is not None else spec.address
