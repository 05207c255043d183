"""Connections to the engines: one SDK client per host and thread, thrown away at the first trouble.

The SDK's client is not for several threads, and one that lost its engine may never recover. Its base URL is given,
never taken from the environment, and every call has a deadline.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Protocol

from requests import RequestException

from paas.engine.breaker import Breaker
from paas.engine.engine import EngineFailed, HostUnreachable
from paas.engine.sdk import APIClient, DockerException
from paas.engine.sdk import APIError as APIError  # for the files beside this one
from paas.engine.stream import Stream, StreamRefused
from paas.errors import Failed
from paas.model.host import Host

Client = Any
"""The SDK's APIClient, which has no types."""


class Hosts(Protocol):
    """Where a host's engine is: the record's HostStore."""

    def get(self, name: str) -> Host: ...

    def all(self) -> Sequence[Host]: ...


class Connections:
    def __init__(self, hosts: Hosts, patience_seconds: float) -> None:
        self._hosts = hosts
        self._patience = patience_seconds
        self._local = threading.local()
        self._breaker = Breaker()

    def host(self, name: str) -> Host:
        return self._hosts.get(name)

    def hosts(self) -> Sequence[Host]:
        return self._hosts.all()

    @contextmanager
    def to(self, host: str, seconds: float | None = None) -> Iterator[Client]:
        """This thread's client; a call may take `seconds`.

        Raises HostUnreachable for trouble on the way, EngineFailed for an error of the engine that the block lets out.
        After a call that met its deadline the next ones fail at once: see Breaker.
        """
        self._breaker.check(host)
        try:
            client = self._client(host)
            client.timeout = seconds or self._patience
            yield client
        except APIError as error:
            self._breaker.answered(host)
            raise EngineFailed(host, explain(error)) from None
        except StreamRefused as error:
            self._breaker.answered(host)
            raise EngineFailed(host, error.why) from None
        except (RequestException, DockerException, OSError) as error:
            raise self._lost(host, error) from None
        except Failed:
            self._breaker.answered(host)
            raise
        else:
            self._breaker.answered(host)

    def _lost(self, host: str, error: Exception) -> HostUnreachable:
        self.drop(host)
        why = one_line(error)
        if "timed out" in why:
            self._breaker.silent(host)
        return HostUnreachable(host, why)

    def drop(self, host: str) -> None:
        """The next call of this thread connects anew, to where the host then is."""
        client = self._clients().pop(host, None)
        if client is not None:
            client.close()

    def stream(
        self,
        host: str,
        method: str,
        path: str,
        body: object = None,
        *,
        upgrade: bool = False,
        headers: Mapping[str, str] = MappingProxyType({}),
        seconds: float | None = None,
    ) -> Stream:
        """A request on a connection of its own, whose answer is read as it comes and begins within `seconds`.

        For whoever has entered `to`. Raises HostUnreachable, and StreamRefused for an answer that is an error.
        """
        try:
            client = self._client(host)
            url = self._hosts.get(host).url
            path = f"/v{client.api_version}{path}"
            patience = seconds or self._patience
            return Stream.open(url, method, path, body, patience, upgrade=upgrade, headers=headers)
        except (RequestException, DockerException, OSError) as error:
            if seconds is None:
                raise self._lost(host, error) from None
            self.drop(host)
            raise HostUnreachable(host, one_line(error)) from None

    def _client(self, host: str) -> Client:
        client = self._clients().get(host)
        if client is None:
            url = self._hosts.get(host).url
            client = APIClient(  # type: ignore[no-untyped-call]
                base_url=url, version="auto", timeout=self._patience
            )
            client.trust_env = False  # no search for proxies and .netrc at every call
            self._clients()[host] = client
        return client

    def _clients(self) -> dict[str, Client]:
        if not hasattr(self._local, "clients"):
            self._local.clients = {}
        clients: dict[str, Client] = self._local.clients
        return clients


def explain(error: APIError) -> str:
    """The engine's own words, in one line."""
    return one_line(error.explanation or error)


def one_line(text: object) -> str:
    return " ".join(str(text).split())[:400]


@contextmanager
def fine_if(*statuses: int) -> Iterator[None]:
    """These answers of the engine say that there is nothing to do."""
    try:
        yield
    except APIError as error:
        if error.status_code not in statuses:
            raise
    except StreamRefused as refused:
        if refused.status not in statuses:
            raise
