"""The platform's own registry: how images come to other hosts.

It listens on a loopback port of the platform's machine, and each host's tunnel carries it to the same port there: an
image has one name everywhere. Whoever is on those machines can reach the port, so a password guards it.
"""

import base64
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from paas.errors import Unavailable
from paas.settings import Settings

USER = "paas"
ANSWER_SECONDS = 10.0
GONE = (200, 202, 404)


class RegistrySilent(Unavailable):
    def __init__(self, why: str) -> None:
        super().__init__(f"The platform's registry does not answer: {why}. See: paas doctor")


@dataclass(frozen=True, slots=True)
class Registry:
    port: int
    folder: Path
    password_file: Path
    """It is there as soon as there is a registry."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.registry_port, settings.registry, settings.registry_password)

    @property
    def address(self) -> str:
        """What the names of its images begin with, on every host."""
        return f"127.0.0.1:{self.port}"

    def name(self, repository: str, tag: str) -> str:
        return f"{self.address}/{repository}:{tag}"

    def tools(self, platform: str) -> str:
        """The stack's run image, for the engine's own containers on other hosts."""
        return self.name(f"paas/{platform}/stack", "run")

    def for_engines(self) -> Mapping[str, str]:
        """The header that lets an engine in; it keeps nothing of it."""
        told = {"username": USER, "password": self._password(), "serveraddress": self.address}
        return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(told).encode()).decode()}

    def remove(self, name: str) -> None:
        """An image, by the name with its digest that `push` gave. Silent if it is gone. Raises RegistrySilent.

        What it alone needed is freed when the registry is started the next time: see `is_to_be_freed`.
        """
        repository, _, digest = name.removeprefix(f"{self.address}/").partition("@")
        status = self._ask("DELETE", f"/v2/{repository}/manifests/{digest}")
        if status not in GONE:
            raise RegistrySilent(f"it answers {status} where {repository} is to be removed")
        self._removed.touch()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While something is brought there; nothing is freed meanwhile."""
        with self._lock(fcntl.LOCK_SH):
            yield

    @contextmanager
    def is_to_be_freed(self) -> Iterator[bool]:
        """There is something to free, and while we are here nobody brings anything. It is freed by a start."""
        if not self._removed.exists():
            yield False
            return
        try:
            with self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
                self._removed.unlink(missing_ok=True)
                yield True
        except BlockingIOError:
            yield False

    @contextmanager
    def _lock(self, kind: int) -> Iterator[None]:
        held = os.open(self.folder / "lock", os.O_RDONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(held, kind)
            yield
        finally:
            os.close(held)

    @property
    def _removed(self) -> Path:
        return self.folder / "removed"

    def check(self) -> None:
        """It answers, and lets us in. Raises RegistrySilent."""
        if (status := self._ask("GET", "/v2/")) != 200:
            raise RegistrySilent(f"it answers {status}")

    def _ask(self, method: str, path: str) -> int:
        known = base64.b64encode(f"{USER}:{self._password()}".encode()).decode()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, headers={"Authorization": f"Basic {known}"})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, HTTPException) as error:
            raise RegistrySilent(str(error) or type(error).__name__) from None
        finally:
            connection.close()

    def _password(self) -> str:
        """Empty: there is no registry yet."""
        try:
            return self.password_file.read_text().strip()
        except FileNotFoundError:
            return ""


NO_REGISTRY = Registry(5001, Path("/nonexistent"), Path("/dev/null"))
"""Where no host is elsewhere none is needed, and this one lets nobody in."""
