"""A connection for ssh, from a port that is always the same."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from paas.engine import dial
from tests.share import free_ports


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def dialled(port: int, source: int) -> socket.socket:
    """What ssh gets."""
    ours, its = socket.socketpair()
    argv = [sys.executable, "-I", "-S", dial.__file__, "127.0.0.1", str(port), str(source)]
    with ours, its:
        done = subprocess.run(argv, stdout=its, stderr=subprocess.PIPE, check=True, timeout=20)
        assert not done.stderr
        _, [number], _, _ = socket.recv_fds(ours, 1, 1)
    return socket.socket(fileno=number)


def test_ssh_gets_a_connection_that_works(server: socket.socket) -> None:
    [source] = free_ports(1)

    with dialled(server.getsockname()[1], source) as connection:
        accepted, peer = server.accept()
        with accepted:
            connection.sendall(b"hello")
            assert accepted.recv(5) == b"hello"

    assert peer[1] == source


def test_the_port_is_free_again_at_once(server: socket.socket) -> None:
    [source] = free_ports(1)
    for _ in range(3):
        dialled(server.getsockname()[1], source).close()

        accepted, peer = server.accept()
        accepted.close()
        assert peer[1] == source


def test_another_port_does_where_the_own_is_in_use(server: socket.socket) -> None:
    [source] = free_ports(1)

    with (
        dialled(server.getsockname()[1], source),
        dialled(server.getsockname()[1], source) as second,
    ):
        assert second.getpeername() == server.getsockname()


def test_a_host_that_is_away_is_named_and_not_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    [port, source] = free_ports(2)
    argv = [sys.executable, "-I", "-S", dial.__file__, "127.0.0.1", str(port), str(source)]

    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)

    assert done.returncode == 1
    assert f"127.0.0.1:{port}: " in done.stderr
