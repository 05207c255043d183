"""What a request becomes on its way through, and what is written about it."""

import re
import socket
import struct
from collections.abc import Mapping
from contextlib import ExitStack

import pytest

from router.folder import Folder
from router.haproxy import HAProxy
from tests.eventually import eventually
from tests.integration.router.lab import Lab


@pytest.fixture
def shop(lab: Lab) -> Lab:
    """One app with one container, c1, as web.1."""
    lab.publish("shop", lab.container("c1").backend())
    return lab


@pytest.fixture
def hasty_shop(hasty_lab: Lab) -> Lab:
    """The same, with one second to answer."""
    hasty_lab.reset()
    hasty_lab.publish("shop", hasty_lab.container("c1").backend())
    return hasty_lab


def headers(text: str) -> dict[str, list[str]]:
    """As the app got them."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines()[1:]:
        name, colon, value = line.partition(": ")
        if colon:
            found.setdefault(name.lower(), []).append(value)
    return found


def in_flight(lab: Lab) -> Mapping[tuple[str, int], int]:
    haproxy = HAProxy(lab.folder)
    return haproxy.requests_in_flight([lab.running().slot_of["id-shop"]])


def told_lost(lab: Lab) -> int:
    """Lines, as the router says with its next acknowledgement."""
    lab.publish("third")
    ack = lab.ack()
    return ack.status.log_lines_lost if ack else -1


def test_the_app_gets_herokus_headers(shop: Lab) -> None:
    got = headers(shop.get("shop.localhost", Proxy="evil", x_forwarded_proto="https").text)

    assert got["x-forwarded-for"] == ["127.0.0.1"]
    assert got["x-forwarded-proto"] == ["http"]
    assert got["x-forwarded-port"] == [str(shop.port)]
    assert got["via"] == ["1.1 paas"]
    assert re.fullmatch(r"\d{13}", got["x-request-start"][0])
    assert re.fullmatch(r"[0-9a-f-]{36}", got["x-request-id"][0])
    assert "proxy" not in got


def test_what_the_client_says_it_forwards_is_kept_left_of_its_address(shop: Lab) -> None:
    one = headers(shop.get("shop.localhost", x_forwarded_for="1.1.1.1, 2.2.2.2").text)
    with socket.create_connection(("127.0.0.1", shop.port)) as client:
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n"
            b"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n\r\n"
        )
        two = headers(b"".join(iter(lambda: client.recv(4096), b"")).decode())

    none = headers(shop.get("shop.localhost", x_forwarded_for="").text)

    assert one["x-forwarded-for"] == ["1.1.1.1, 2.2.2.2,127.0.0.1"]
    assert none["x-forwarded-for"][-1].endswith("127.0.0.1")
    assert two["x-forwarded-for"] == ["1.1.1.1,2.2.2.2,127.0.0.1"]


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ("abcdefghij-0123456789", True),
        ("A" * 200, True),
        ("a+/=" * 5, True),
        ("A" * 201, False),
        ("short", False),
        ("abcdefghij 0123456789", False),
        ("<script>alert(1)</script>", False),
    ],
)
def test_a_good_request_id_is_kept(shop: Lab, given: str, is_kept: bool) -> None:
    got = headers(shop.get("shop.localhost", x_request_id=given).text)

    assert (got["x-request-id"] == [given]) is is_kept
    assert len(got["x-request-id"]) == 1


def test_a_websocket_passes_both_ways_and_survives_a_deploy(shop: Lab) -> None:
    with socket.create_connection(("127.0.0.1", shop.port)) as client:
        client.settimeout(5)
        client.sendall(
            b"GET /ws HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
        )
        upgraded = client.recv(4096)
        client.sendall(b"\x81\x05hello")
        first = client.recv(4096)
        shop.publish("shop", shop.container("c2").backend())
        client.sendall(b"again")
        second = client.recv(4096)
        ack = shop.ack()

    assert upgraded.startswith(b"HTTP/1.1 101")
    assert (first, second) == (b"\x81\x05hello", b"again")
    assert ack is not None
    assert ack.busy == {"c1": 1}
    eventually(lambda: any("status=101" in line and "at=info" in line for _, line in shop.log()))


def test_a_large_upload_passes(shop: Lab) -> None:
    answer = shop.get("shop.localhost", "/", "POST", b"x" * 20_000_000)

    assert answer.text.startswith("c1 POST / 20000000\n")


def test_a_request_is_written_as_heroku_writes_it(shop: Lab) -> None:
    shop.get("shop.localhost", '/a?b="c"', x_request_id="abcdefghij-0123456789")

    eventually(shop.log)

    ((app_id, line),) = shop.log()
    assert app_id == "id-shop"
    assert re.fullmatch(
        r'at=info method=GET path="/a\?b=%22c%22" host=shop\.localhost request_id=abcdefghij-0123456789 '
        r'fwd="127\.0\.0\.1" dyno=web\.1 connect=\d+ms service=\d+ms status=200 bytes=\d+ protocol=http',
        line.replace("#22", "%22"),
    )


def test_each_request_is_written_with_the_dyno_that_answered(shop: Lab) -> None:
    two = shop.container("c2")
    shop.publish("shop", two.backend("web.2"))
    shop.get("shop.localhost")
    shop.publish("blog", two.backend("web.9"))
    shop.get("blog.localhost")

    eventually(lambda: len(shop.log()) == 2)

    assert [(app_id, re.findall(r"dyno=(\S*)", line)) for app_id, line in shop.log()] == [
        ("id-shop", ["web.2"]),
        ("id-blog", ["web.9"]),
    ]


def test_of_a_busy_app_some_lines_are_left_out_and_counted_and_no_error_is(terse_lab: Lab) -> None:
    terse_lab.publish("shop", terse_lab.container("c1").backend())
    terse_lab.publish("blog", terse_lab.container("c2").backend())

    for _ in range(100):
        terse_lab.get("shop.localhost")
    for _ in range(10):
        terse_lab.get("shop.localhost", "/close", "POST")
    terse_lab.get("blog.localhost")

    left_out = HAProxy(terse_lab.folder).unwritten()
    assert left_out > 0
    eventually(lambda: len(terse_lab.log()) + left_out == 111)
    assert sum("code=H13" in line for _, line in terse_lab.log()) == 10
    assert sum(app_id == "id-blog" for app_id, _ in terse_lab.log()) == 1
    # HAProxy is asked every 5 s, and with no news in the table a router gives a sign of life every 10 s.
    eventually(lambda: told_lost(terse_lab) == left_out, within=20)


def test_an_app_with_nothing_running_is_h14(shop: Lab) -> None:
    shop.publish("shop")
    shop.get("shop.localhost")

    eventually(shop.log)

    ((_, line),) = shop.log()
    assert line.startswith('at=error code=H14 desc="No web processes running" method=GET path="/"')
    assert " dyno= connect= service= status=503 " in line


def test_an_app_that_hangs_leaves_room_for_the_others(small_lab: Lab) -> None:
    hangs, well = small_lab.container("hangs"), small_lab.container("well")
    small_lab.publish("shop", hangs.backend())
    small_lab.publish("blog", well.backend())
    with ExitStack() as clients:
        for _ in range(80):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", small_lab.port)))
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: shop.localhost\r\n\r\n")
        one = hangs.backend()
        eventually(lambda: in_flight(small_lab)[one.address, one.port] == 75)

        refused, other = small_lab.get("shop.localhost"), small_lab.get("blog.localhost")

    assert refused.headers["X-Paas-Error"] == "H11"
    assert other.status == 200


def test_a_connection_closed_without_response_is_h13(shop: Lab) -> None:
    answer = shop.get("shop.localhost", "/close", "POST")

    assert (answer.status, answer.headers["X-Paas-Error"]) == (502, "H13")
    eventually(lambda: any("code=H13" in line and "dyno=web.1" in line for _, line in shop.log()))


def test_a_refused_connection_is_h21(shop: Lab) -> None:
    shop.containers[0].end()
    shop.containers.clear()

    answer = shop.get("shop.localhost")

    assert (answer.status, answer.headers["X-Paas-Error"]) == (503, "H21")
    assert "H21" in answer.text
    eventually(
        lambda: any('code=H21 desc="Backend connection refused"' in line for _, line in shop.log())
    )


def test_an_app_that_is_too_slow_is_h12_and_works_on(hasty_shop: Lab) -> None:
    answer = hasty_shop.get("shop.localhost", "/slow", "POST")

    assert (answer.status, answer.headers["X-Paas-Error"]) == (504, "H12")
    assert hasty_shop.containers[0].began.is_set()
    eventually(
        lambda: any('code=H12 desc="Request timeout"' in line for _, line in hasty_shop.log())
    )
    assert re.search(r"service=1\d{3}ms status=504", hasty_shop.log()[-1][1])


def test_a_slow_upload_is_not_a_slow_app(hasty_shop: Lab) -> None:
    with socket.create_connection(("127.0.0.1", hasty_shop.port)) as client:
        client.settimeout(5)
        client.sendall(b"POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 4\r\n\r\n")
        for _ in range(4):
            with pytest.raises(TimeoutError):
                client.settimeout(0.6)
                client.recv(1)
            client.sendall(b"x")
        client.settimeout(5)

        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_client_that_goes_away_is_h27(shop: Lab) -> None:
    with socket.create_connection(("127.0.0.1", shop.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"POST /slow HTTP/1.1\r\nHost: shop.localhost\r\n\r\n")
        assert shop.containers[0].began.wait(5)
    shop.containers[0].go_on.set()

    eventually(shop.log)

    assert 'code=H27 desc="Client Request Interrupted"' in shop.log()[-1][1]
    assert "status=499" in shop.log()[-1][1]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /%00 HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: shop.localhost\r\nX: " + b"a" * 40000 + b"\r\n\r\n",
        b"A" * 20000,
    ],
)
def test_garbage_gets_an_answer_of_ours_or_none(shop: Lab, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", shop.port)) as client:
        client.settimeout(5)
        client.sendall(request_bytes)
        answer = client.recv(4096)

    assert re.match(rb"HTTP/1\.[01] (400|404|431)", answer), answer
    assert shop.get("shop.localhost").status == 200


def test_the_spool_is_where_it_is_said_to_be(shop: Lab) -> None:
    shop.get("shop.localhost")
    eventually(shop.log)

    assert [file.name for file in Folder(shop.path / "r").spool.iterdir()] == ["0000000001.jsonl"]
