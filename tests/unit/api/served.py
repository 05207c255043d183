"""The API, served for real on both of its sockets, over a platform with the memory's engine."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx

from paas.api.listen import Server, local_socket, server, unix_socket
from paas.model.app import App, AppName
from paas.model.person import PersonName
from paas.settings import Settings
from paas.web import app as api
from paas.wiring import Platform
from tests.eventually import eventually
from tests.make import NOW
from tests.unit.scheduler.stage import Stage

DOOR_TOKEN = "d" * 64


@dataclass
class Served:
    """Ana is an admin and owns shop. Ben is none and owns blog. Eve owns nothing."""

    stage: Stage
    server: Server
    url: str
    tokens: dict[str, str]
    blog: App

    @property
    def platform(self) -> Platform:
        return self.stage.platform

    @property
    def shop(self) -> App:
        return self.stage.now()

    def by(self, name: str, **headers: str) -> httpx.Client:
        """Over TCP."""
        given = {"Authorization": f"Bearer {self.tokens[name]}", **headers}
        return httpx.Client(base_url=self.url, headers=given, timeout=20)

    def by_nobody(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def by_socket(self, **headers: str) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=str(self.platform.settings.api_socket))
        return httpx.Client(
            transport=transport, base_url="http://localhost", headers=headers, timeout=20
        )

    def by_door(self, **headers: str) -> httpx.Client:
        return self.by_socket(Authorization=f"Bearer {DOOR_TOKEN}", **headers)


def make_folders(settings: Settings) -> None:
    for folder in (settings.door, settings.logs, settings.sources, settings.api_socket.parent):
        folder.mkdir(parents=True, exist_ok=True)
    (settings.door / "token").write_text(f"{DOOR_TOKEN}\n")


@contextmanager
def serving(settings: Settings) -> Iterator[Served]:
    make_folders(settings)
    tcp = local_socket(0)
    settings = replace(settings, api_port=tcp.getsockname()[1])
    stage = Stage.set_up(settings)
    platform = stage.platform
    tokens = {"ana": platform.people.give_token(PersonName("ana"), "test", NOW)}
    for name in ("ben", "eve"):
        platform.people.add(PersonName(name), NOW, is_admin=False)
        tokens[name] = platform.people.give_token(PersonName(name), "test", NOW)
    blog = platform.apps.add("00000000-0000-4000-8000-000000000b10", AppName("blog"), "ben", NOW)
    made = api(platform)
    running = server(made, made.state.news)
    sockets = [unix_socket(settings.api_socket), tcp]
    thread = threading.Thread(target=lambda: asyncio.run(running.serve(sockets)))
    thread.start()
    try:
        eventually(lambda: running.started)
        yield Served(stage, running, f"http://127.0.0.1:{settings.api_port}", tokens, blog)
    finally:
        running.should_exit = True
        thread.join(10)
        assert not thread.is_alive()
        platform.record.close()
        platform.threads.shutdown()
