"""The API, served for real on both of its sockets, over a platform with the memory's engine."""

import asyncio
import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

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
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1ySp7mm0pETGvk3BUfne2QpeB5ytB80I6Lt85ZS4dh ana@laptop"
OTHER_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKuj0fnkWW94TJrYr0Ehw1kYGDdsDPzOEPWgzZRvdy90 ben@laptop"
)


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
        return _client(self.url, given)

    def by_nobody(self, **headers: str) -> httpx.Client:
        return _client(self.url, headers)

    def by_socket(self, **headers: str) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=str(self.platform.settings.api_socket), verify=False)
        return _client("http://localhost", headers, transport)

    def by_door(self, **headers: str) -> httpx.Client:
        return self.by_socket(Authorization=f"Bearer {DOOR_TOKEN}", **headers)


def _client(
    url: str, headers: Mapping[str, str], transport: httpx.HTTPTransport | None = None
) -> httpx.Client:
    transport = transport or httpx.HTTPTransport(verify=False)  # no certificates are read
    return httpx.Client(
        transport=transport, base_url=url, headers=headers, timeout=20, trust_env=False
    )


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
    loop = asyncio.new_event_loop()
    serving = loop.create_task(running.serve(sockets))
    thread = threading.Thread(target=_run, args=(loop, serving, running))
    thread.start()
    try:
        eventually(lambda: running.started)
        yield Served(stage, running, f"http://127.0.0.1:{settings.api_port}", tokens, blog)
    finally:
        made.state.news.is_closing = True
        loop.call_soon_threadsafe(serving.cancel)  # at once: how it ends in peace is test_listen's
        thread.join(10)
        assert not thread.is_alive()
        for each in sockets:
            each.close()
        platform.record.close()
        platform.threads.shutdown()


def _run(loop: asyncio.AbstractEventLoop, serving: asyncio.Task[None], running: Server) -> None:
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(serving)
    loop.run_until_complete(_end(running))
    loop.close()


async def _end(running: Server) -> None:
    await running.lifespan.shutdown()
    for connection in list(running.server_state.connections):
        connection.transport.abort()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.sleep(0)


def upload(
    client: httpx.Client, content: bytes | None = None, version: str = "3f2a91c"
) -> dict[str, str]:
    """A source, as a build names it."""
    blob = client.post("/sources").json()["source_blob"]
    answer = client.put(urlsplit(blob["put_url"]).path, content=content or tarball())
    assert answer.status_code == 200, answer.text
    return {"url": blob["get_url"], "version": version}


def tarball() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        member = tarfile.TarInfo("Procfile")
        member.size = 10
        tar.addfile(member, io.BytesIO(b"web: serve"))
    return made.getvalue()
