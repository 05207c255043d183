import socket
from collections.abc import Iterator

import pytest

from paas.git.exchange import COMMANDS_LIMIT, CommandsSilent, TooManyRefs, peek
from paas.git.packets import Changes, NotGits, begins, packet

COMMAND = packet(f"{'0' * 40} {'1' * 40} refs/heads/main".encode())


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_was_looked_at_is_still_there(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(COMMAND + b"0000PACK")

    changes = peek(ours, Changes.read)

    assert [command.ref for command in changes.commands] == ["refs/heads/main"]
    assert ours.recv(1000) == COMMAND + b"0000PACK"


@pytest.mark.parametrize("said", [b"", COMMAND])
def test_who_does_not_go_on_is_told_so(
    ends: tuple[socket.socket, socket.socket], said: bytes
) -> None:
    ours, theirs = ends
    theirs.sendall(said)

    with pytest.raises(CommandsSilent):
        peek(ours, Changes.read, 0.1)


def test_who_ends_too_early_sent_nothing_of_gits(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    theirs.sendall(b"00")
    theirs.shutdown(socket.SHUT_WR)

    with pytest.raises(NotGits):
        peek(ours, begins)


def test_more_commands_than_can_be_looked_at_are_too_many(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    theirs.sendall(COMMAND * (COMMANDS_LIMIT // len(COMMAND) + 1))

    with pytest.raises(TooManyRefs):
        peek(ours, Changes.read)
