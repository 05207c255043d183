"""Whatever comes, the answer is one line of JSON that blames who sent it, and nothing is changed."""

import json
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from urllib.parse import quote_from_bytes

from tests.eventually import eventually
from tests.unit.api.served import Served
from tests.unit.api.test_gate import every_route

NASTY = [
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"../../etc/passwd", b"%", b"%00", b"'; DROP TABLE apps; --",
    b"$(id)", b"`id`", b"-rf", b"--help", b"\r\nX: y", b"a" * 5000, "\u0301".encode(), "\u202e".encode(), b"{}",
    b"[]", b"null", b"0", b"-1", b"1" * 400, b"NaN", b"1e400", b"\xf0\x9f\x90\x8d", b" ", b"\t", b"*", b"?", b"#",
    b"/", b"\\", b"~", b"@", b":",
]  # fmt: skip
BODIES = [
    b"", b"\x00", b"\xff" * 100, b"{", b"[", b"[]", b"{}", b"null", b"0", b'""', b'"\\ud800"', b"NaN", b"1" * 5000,
    b"[" * 50_000, b'{"a":' * 20_000, b'{"name": {"name": {}}}', b'{"updates": [[]]}', b'{"updates": {"type": 1}}',
    b'{"command": null}', b'{"source_blob": []}', b'{"name": "\\u0000", "hostname": "\\u0000"}', b"a=b&c=d",
    b'{"public_key": "\\u0000"}', b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--",
]  # fmt: skip
TYPES = ["application/json", "text/plain", "multipart/form-data; boundary=x", "a/b", "\xff", ""]


def hostile(number: int, method: str, path: str) -> Iterator[tuple[str, str]]:
    """The parameters of the path filled with a third of all that is nasty, the rest with what is there."""
    nasty_here = NASTY[number % 3 :: 3]
    names = [part for part in path.split("/") if part.startswith("{") and part != "{app}"]
    base = path.replace("{app}", "blog")
    for nasty in nasty_here if names else [b""]:
        filled = base
        for name in names:
            filled = filled.replace(name, quote_from_bytes(nasty, safe=""))
        yield method, filled
    for nasty in nasty_here if "{app}" in path else []:
        yield method, base.replace("blog", quote_from_bytes(nasty, safe=""), 1)


@contextmanager
def asking(served: Served) -> Iterator[Callable[..., tuple[int, bytes]]]:
    """As ana, by the plainest client there is: it asks thousands of times."""
    with closing(HTTPConnection("127.0.0.1", served.platform.settings.api_port, 20)) as connection:

        def ask(
            method: str, path: str, body: bytes | None = None, kind: bytes = b"text/plain"
        ) -> tuple[int, bytes]:
            headers = {"Authorization": f"Bearer {served.tokens['ana']}"}
            given = {} if body is None else {"Content-Type": kind}
            connection.request(method, path, body, {**headers, **given})
            with connection.getresponse() as answer:
                return answer.status, answer.read()

        yield ask


def is_one_line(path: str, answer: bytes) -> bool:
    """In the form of the route's errors: git shows a text, everybody else reads JSON."""
    if path.startswith("/{app}.git/") and not answer.startswith(b"{"):
        return answer.count(b"\n") <= 1
    told = json.loads(answer)
    return set(told) == {"id", "message"} and "\n" not in told["message"]


def test_no_path_is_a_mistake_of_ours(served: Served) -> None:
    """Nor does any bring down what is there."""
    skipped = {("DELETE", "/apps/blog"), ("GET", "/doctor"), ("GET", "/docs")}
    with asking(served) as ask:
        for number, (method, path) in enumerate(every_route()):
            for verb, target in hostile(number, method, path):
                if (verb, target) in skipped:
                    continue
                status, answer = ask(verb, target)
                assert status < 500, (verb, target, answer)
                if status >= 400:
                    assert is_one_line(path, answer), (verb, target, answer)
        assert ask("GET", "/apps/blog")[0] == 200


def test_no_body_is_a_mistake_of_ours(served: Served) -> None:
    before = len(served.platform.apps.all())
    with asking(served) as ask:
        for method, path in every_route():
            if method not in ("POST", "PATCH") or path in (
                "/apps",
                "/apps/{app}/actions/stop",
                "/sources",
            ):
                continue
            for number, body in enumerate(BODIES):
                kind = (
                    TYPES[number % len(TYPES)].encode("latin-1")
                    if number % 3
                    else b"application/json"
                )
                status, answer = ask(method, path.replace("{app}", "blog"), body, kind)
                assert status < 500, (method, path, body[:40], answer)
                if status >= 400:
                    assert is_one_line(path, answer), (method, path, body[:40])
    assert len(served.platform.apps.all()) == before
    assert served.platform.releases.all(served.blog.id) == []


def test_a_body_must_say_that_it_is_json(served: Served) -> None:
    """A page of another site can send text, and no JSON."""
    with served.by("ben") as client:
        for kind in ("text/plain", "", "application/x-www-form-urlencoded"):
            answer = client.post(
                "/apps", content=b'{"name": "sneaky"}', headers={"Content-Type": kind}
            )
            assert answer.status_code == 422
        good = "application/vnd.heroku+json; version=3"
        assert (
            client.post(
                "/apps", content=b'{"name": "fine"}', headers={"Content-Type": good}
            ).status_code
            == 201
        )


def test_no_query_and_no_header_is_a_mistake_of_ours(served: Served) -> None:
    with served.by("ana") as client:
        for nasty in NASTY[::2]:
            value = quote_from_bytes(nasty, safe="")
            for query in (
                f"?offset={value}",
                f"?lines={value}&tail={value}",
                f"?pass={value}",
                f"?{value}={value}",
            ):
                assert (
                    client.get(f"/apps/blog/logs{query.replace('tail', 'dyno')}").status_code < 500
                )
            header = nasty.translate(None, b"\r\n\x00 \t")
            for name in (
                "Range",
                "Accept",
                "Last-Event-ID",
                "Origin",
                "Request-Id",
                "Content-Type",
                "Paas-Person",
            ):
                answer = client.get("/apps/blog/releases", headers={name: header})
                assert answer.status_code in (200, 206), (name, header)


def test_what_is_not_http_is_told_so_and_cut_off(served: Served) -> None:
    chance = random.Random(7)
    noise = [chance.randbytes(200) for _ in range(20)]
    lines = [
        b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: x\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /apps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ]  # fmt: skip
    for sent in (*noise, *lines):
        with socket.create_connection(("127.0.0.1", served.platform.settings.api_port), 5) as raw:
            raw.sendall(sent + b"\r\n\r\n")
            raw.settimeout(5)
            head, _, body = b"".join(iter(lambda: raw.recv(65536), b"")).partition(b"\r\n\r\n")
        status = int(head.split()[1])
        assert 400 <= status < 500, sent
        first = body.partition(b"HTTP/1.1")[0]  # a second answer may follow, to what followed
        assert set(json.loads(first)) == {"id", "message"}, sent


def test_a_client_that_says_nothing_more_holds_up_nobody(served: Served) -> None:
    half = b"POST /apps HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nAuthorization: Bearer "
    half += served.tokens["ben"].encode() + b"\r\nContent-Type: application/json\r\n\r\n{"
    raws = [
        socket.create_connection(("127.0.0.1", served.platform.settings.api_port))
        for _ in range(100)
    ]
    try:
        for raw in raws:
            raw.sendall(half)
        with served.by("ben") as client:
            assert eventually(lambda: client.get("/account").status_code == 200, within=2) < 2
    finally:
        for raw in raws:
            raw.close()
