"""What the engines alone take for containers that a platform has placed: created, started, accepting a connection."""

import random
import secrets
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import docker

from paas.engine.body import container_body
from paas.model.app import App
from paas.model.container import Container, container_name
from paas.scheduler.place import free_spot
from paas.scheduler.spec import dyno_spec
from paas.settings import Settings
from paas.wiring import Platform

POLLS_A_SECOND = 2000
"""Of all containers together: more would take the time from what is measured."""


@dataclass(frozen=True)
class Bare:
    """One container, by a client of its own."""

    client: Any
    """The SDK's APIClient, which has no types."""
    name: str
    body: dict[str, Any]
    endpoint: tuple[str, int]

    def begin(self, pause: float) -> None:
        self.client.create_container_from_config(self.body, self.name)
        self.client.start(self.name)
        until_accepted(self.endpoint, pause)

    def end(self) -> None:
        self.client.remove_container(self.name, force=True)
        self.client.close()


def bare_seconds(
    app: App,
    rows: Sequence[Container],
    engines: Mapping[str, str],
    platform: Platform,
    settings: Settings,
) -> float:
    """As many more of these containers, each on its host with limits, init and port as it had them, all side by side.

    `engines`: host -> where the SDK speaks to its engine, past any tunnel.
    """
    taken = {host: set(platform.containers.leased(host, time.time())) for host in engines}
    made = [_bare(app, row, engines[row.host], taken[row.host], platform, settings) for row in rows]
    pause = len(made) / POLLS_A_SECOND
    begun = time.perf_counter()
    side_by_side([threading.Thread(target=one.begin, args=(pause,)) for one in made])
    seconds = time.perf_counter() - begun
    side_by_side([threading.Thread(target=one.end) for one in made])
    return seconds


def _bare(
    app: App, row: Container, url: str, taken: set[str], platform: Platform, settings: Settings
) -> Bare:
    release = platform.releases.get(app.id, row.dyno.release)
    assert release.image is not None
    image = platform.builds.image(release.image)
    assert image is not None
    spot = free_spot(platform.hosts.get(row.host), row.port, taken, random.Random())
    taken.add(str(spot.published or spot.address))
    row = replace(row, address=spot.address, published=spot.published)
    spec = dyno_spec(app, release, image, row, settings)
    body = {**container_body(spec, "bench-sdk", settings.network, None), "Labels": {}}
    client = docker.APIClient(url)
    client.ping()
    assert row.endpoint is not None
    return Bare(client, container_name("sdk", secrets.token_hex(6)), body, row.endpoint)


def side_by_side(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def until_accepted(endpoint: tuple[str, int], pause: float) -> None:
    while True:
        try:
            socket.create_connection(endpoint, timeout=1).close()
            return
        except OSError:
            time.sleep(pause)
