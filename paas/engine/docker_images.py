"""The images of an engine, and their way into the platform's registry and out of it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from paas.engine.body import PLATFORM, process_body
from paas.engine.connections import APIError, Connections, fine_if, one_line
from paas.engine.engine import (
    HostUnreachable,
    ImageMissing,
    ImageNotFetched,
    ImageSeen,
    RegistryFailed,
)
from paas.engine.registry import Registry
from paas.engine.seen import image_seen
from paas.engine.stream import Stream, StreamRefused
from paas.model.container import ContainerSpec

QUIET_SECONDS = 30.0
"""Without progress for so long, it is given up."""
COMMIT_SECONDS = 600.0
WORK_SECONDS = 60.0
PULL_SECONDS = 300.0
PUSH_SECONDS = 600.0
FETCH_SECONDS = 1800.0
NOT_THERE, CONFLICT = 404, 409
UNKNOWN = ("manifest unknown", "name unknown", "not found")


@dataclass(frozen=True, slots=True)
class DockerImages:
    connections: Connections
    platform: str
    registry: Registry
    quiet_seconds: float = QUIET_SECONDS

    def image(self, host: str, reference: str) -> ImageSeen | None:
        with self.connections.to(host) as client, fine_if(NOT_THERE):
            return image_seen(client.inspect_image(reference))
        return None

    def remove(self, host: str, reference: str) -> None:
        seen = self.image(host, reference)
        if seen is None or (
            seen.labels.get(PLATFORM) != self.platform and not self._is_copy(reference)
        ):
            return
        with self.connections.to(host, WORK_SECONDS) as client, fine_if(NOT_THERE, CONFLICT):
            client.remove_image(reference, noprune=True)

    def _is_copy(self, reference: str) -> bool:
        """It came from the platform's registry."""
        return reference.startswith(f"{self.registry.address}/")

    def commit(self, host: str, name: str, tag: str, spec: ContainerSpec) -> str:
        repository, _, version = tag.rpartition(":")
        with self.connections.to(host, COMMIT_SECONDS) as client:
            container = client.inspect_container(name)["Config"]
            image = client.inspect_image(container["Image"])["Config"] or {}
            # The engine adds the container's own variables to those it is given: they are blanked.
            own = set(container["Env"] or ()) - set(image.get("Env") or ())
            env = {line.partition("=")[0]: "" for line in own} | dict(spec.env)
            config = process_body(spec) | {
                "Env": [f"{key}={value}" for key, value in env.items()],
                "Labels": {**spec.labels, PLATFORM: self.platform},
            }
            made = client.commit(name, repository, version, conf=config)
        return str(made["Id"])

    def push(self, host: str, reference: str, repository: str, tag: str) -> str:
        with self.registry.in_use():
            return self._push(host, reference, repository, tag)

    def _push(self, host: str, reference: str, repository: str, tag: str) -> str:
        local = f"{self.registry.address}/{repository}"
        with self.connections.to(host) as client:
            try:
                client.tag(reference, local, tag, force=True)
            except APIError as error:
                if error.status_code == NOT_THERE:
                    raise ImageMissing(host, reference) from None
                raise
        try:
            path = f"/images/{quote(local)}/push?{urlencode({'tag': tag})}"
            for told in self._progress(host, path, PUSH_SECONDS):
                if digest := (told.get("aux") or {}).get("Digest"):
                    return f"{local}@{digest}"
        except _Refused as refused:
            raise RegistryFailed(host, refused.why) from None
        finally:
            with suppress(HostUnreachable), self.connections.to(host) as client:
                client.remove_image(f"{local}:{tag}", noprune=True)
        raise RegistryFailed(host, "the push ended without a digest")

    def pull(self, host: str, name: str) -> None:
        with self.connections.to(host) as client:
            try:
                client.inspect_image(name)
                return
            except APIError as error:
                if error.status_code != NOT_THERE:
                    raise
        path = f"/images/create?{urlencode({'fromImage': name})}"
        try:
            for _ in self._progress(host, path, PULL_SECONDS):
                pass
        except _Refused as refused:
            if refused.status == NOT_THERE or any(word in refused.why for word in UNKNOWN):
                raise ImageMissing(host, name) from None
            raise RegistryFailed(host, refused.why) from None

    def fetch(self, host: str, name: str) -> Iterator[str]:
        path = f"/images/create?{urlencode({'fromImage': name})}"
        try:
            for told in self._progress(host, path, FETCH_SECONDS, {}):
                yield str(told.get("status", ""))
        except _Refused as refused:
            raise ImageNotFetched(host, name, refused.why) from None

    def adopt(
        self, host: str, name: str, reference: str, tag: str, labels: Mapping[str, str]
    ) -> str:
        repository, _, version = tag.rpartition(":")
        own = {**labels, PLATFORM: self.platform}
        body = {"Image": reference, "Labels": own, "HostConfig": {"NetworkMode": "none"}}
        with self.connections.to(host, COMMIT_SECONDS) as client:
            try:
                client.create_container_from_config(body, name)
            except APIError as error:
                if error.status_code == NOT_THERE:
                    raise ImageMissing(host, reference) from None
                raise
            try:
                made = client.commit(name, repository, version, conf={"Labels": own})
            finally:
                client.remove_container(name, v=True)
        return str(made["Id"])

    def _progress(
        self, host: str, path: str, seconds: float, headers: Mapping[str, str] | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """What the engine tells, to the end. Raises HostUnreachable, and _Refused for all that is not the engine's."""
        deadline = time.monotonic() + seconds
        headers = self.registry.for_engines() if headers is None else headers
        try:
            stream = self.connections.stream(
                host, "POST", path, headers=headers, seconds=self.quiet_seconds
            )
        except StreamRefused as refused:
            raise _Refused(refused.why, refused.status) from None
        except HostUnreachable:
            self._see_that_it_answers(host)
            raise _Refused(f"no answer within {self.quiet_seconds:.0f} s") from None
        try:
            for told in self._objects(host, stream, deadline):
                if error := told.get("error"):
                    raise _Refused(one_line(error))
                yield told
        finally:
            stream.close()

    def _objects(self, host: str, stream: Stream, deadline: float) -> Iterator[Mapping[str, Any]]:
        ahead = b""
        while True:
            patience = min(self.quiet_seconds, deadline - time.monotonic())
            try:
                data = stream.read(patience) if patience > 0 else None
            except OSError as error:
                raise HostUnreachable(host, one_line(error)) from None
            if data is None:
                self._see_that_it_answers(host)
                raise _Refused("it is too slow" if patience < self.quiet_seconds else "no progress")
            if not data:
                return
            *lines, ahead = (ahead + data).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)

    def _see_that_it_answers(self, host: str) -> None:
        """Then it is the registry that does not. Raises HostUnreachable."""
        with self.connections.to(host) as client:
            client.ping()


class _Refused(Exception):
    """Never leaves this file."""

    def __init__(self, why: str, status: int = 0) -> None:
        self.why, self.status = why, status
        super().__init__(why)
