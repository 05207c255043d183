import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from paas.cli.address import Address
from paas.cli.client import ApiRefused, Client
from paas.cli.links import local
from paas.settings import Settings
from paas.store.database import Database
from tests.eventually import eventually
from tests.unit.api.served import Served, serving, tarball, upload


def put_path(url: str) -> str:
    return urlsplit(url).path


def test_a_source_is_uploaded_by_a_url_that_needs_no_token(served: Served) -> None:
    with served.by("ben") as client, served.by_nobody() as nobody:
        url = client.post("/sources").json()["source_blob"]["put_url"]
        answer = nobody.put(url, content=iter([tarball()[:700], tarball()[700:]]))

    assert answer.status_code == 200
    source_id = put_path(url).rpartition("/")[2]
    assert served.platform.sources.path(source_id).read_bytes() == tarball()


def test_a_source_is_written_once(served: Served) -> None:
    with served.by("ben") as client:
        url = upload(client)["url"]
        again = client.put(put_path(url), content=b"other")

    assert again.status_code == 409
    source_id = put_path(url).rpartition("/")[2]
    assert served.platform.sources.path(source_id).read_bytes() == tarball()


def test_a_source_is_its_makers(served: Served) -> None:
    with served.by("ben") as ben, served.by("eve") as eve:
        url = ben.post("/sources").json()["source_blob"]["put_url"]
        others = eve.put(put_path(url), content=tarball())
        absent = eve.put("/sources/7", content=tarball())

    assert others.status_code == absent.status_code == 404


def test_an_upload_that_breaks_off_leaves_nothing(served: Served) -> None:
    with served.by("ben") as client:
        url = client.post("/sources").json()["source_blob"]["put_url"]
    path = urlsplit(url)
    with socket.create_connection(("127.0.0.1", served.platform.settings.api_port)) as raw:
        raw.sendall(
            f"PUT {path.path}?{path.query} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".encode()
            + b"x" * 70000
        )
        eventually(lambda: list(served.platform.settings.sources.iterdir()))

    eventually(lambda: not list(served.platform.settings.sources.iterdir()))


def test_slow_uploads_hold_up_nobody_else(served: Served) -> None:
    slow = threading.Event()

    def trickle() -> Iterator[bytes]:
        yield b"x"
        slow.wait(20)

    def put(url: str) -> None:
        with served.by("ben") as mine:
            mine.put(url, content=trickle())

    with served.by("ben") as client:
        urls = [
            put_path(client.post("/sources").json()["source_blob"]["put_url"]) for _ in range(60)
        ]
        uploads = [threading.Thread(target=put, args=(url,)) for url in urls]
        for thread in uploads:
            thread.start()
        try:
            eventually(
                lambda: len(list(served.platform.settings.sources.iterdir())) == 60, within=20
            )
            begun = time.monotonic()
            assert client.get("/account").status_code == 200
            assert time.monotonic() - begun < 2
        finally:
            slow.set()
            for thread in uploads:
                thread.join()


def test_the_command_line_uploads_in_pieces_and_hears_a_refusal(
    settings: Settings, record: Database, redis_server: Path
) -> None:
    settings.redis_socket.symlink_to(redis_server)
    with serving(replace(settings, source_mb=1)) as served:
        api = Client(Address.parse(served.url), served.tokens["ben"])
        fits, too_large = (
            local(api.address, api.post("/sources").one()["source_blob"]["put_url"])
            for _ in range(2)
        )

        api.upload(fits, iter([b"x" * 70_000, b"y" * 5]))
        with pytest.raises(ApiRefused, match="larger than 1 MB"):
            api.upload(too_large, (b"x" * (1 << 20) for _ in range(1000)))
        api.close()

    kept = list(settings.sources.iterdir())
    assert [path.read_bytes() for path in kept] == [b"x" * 70_000 + b"y" * 5]
