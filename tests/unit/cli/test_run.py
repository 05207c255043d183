import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.eventually import eventually
from tests.unit.cli.api import Api, Attached, Reply
from tests.unit.cli.conftest import PAAS, User

DYNOS = "POST /apps/shop/dynos"
ATTACH = "GET /apps/shop/dynos/d1/attach"
STARTED = {"id": "d1", "name": "run.4711", "attach_url": "/apps/shop/dynos/d1/attach"}


@pytest.fixture(autouse=True)
def started(api: Api) -> None:
    api.returns(DYNOS, STARTED, 201)


@dataclass
class Terminal:
    """A terminal of 30 rows and 100 columns, with `paas` typed in it."""

    process: subprocess.Popen[bytes]
    keyboard: int

    def resizes(self, rows: int, columns: int) -> None:
        _set_size(self.keyboard, rows, columns)
        os.kill(self.process.pid, signal.SIGWINCH)

    def reads_until(self, text: bytes) -> bytes:
        seen = b""
        while text not in seen:
            seen += os.read(self.keyboard, 4096)
        return seen

    @property
    def is_raw(self) -> bool:
        return not termios.tcgetattr(self.keyboard)[3] & termios.ICANON


@contextmanager
def a_terminal(user: User, *words: str) -> Iterator[Terminal]:
    keyboard, screen = pty.openpty()
    _set_size(keyboard, 30, 100)
    process = subprocess.Popen(
        [PAAS, *words], stdin=screen, stdout=screen, stderr=screen, start_new_session=True,
        env={**user.process_environment(), "TERM": "xterm-256color"},
    )  # fmt: skip
    try:
        yield Terminal(process, keyboard)
    finally:
        process.kill()
        process.wait()
        os.close(keyboard)
        os.close(screen)


def _set_size(descriptor: int, rows: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_a_terminal_is_the_dynos_terminal(api: Api, user: User) -> None:
    heard: list[str | bytes] = []
    resized = threading.Event()

    def shell(line: Attached) -> None:
        heard.append(line.receive())
        line.print(b"$ ")
        heard.append(line.receive())
        line.print(b"\x1b[32mok\x1b[0m")
        heard.append(line.receive())
        resized.set()
        line.exits(3)

    api.says(ATTACH, Reply(attach=shell))

    with a_terminal(user, "run", "-a", "shop", "bash") as terminal:
        terminal.reads_until(b"$ ")
        assert terminal.is_raw
        os.write(terminal.keyboard, b"\x03")
        terminal.reads_until(b"\x1b[32mok\x1b[0m")
        terminal.resizes(40, 120)
        assert resized.wait(5)
        code = terminal.process.wait(5)
        assert not terminal.is_raw

    assert code == 3
    assert heard == ['{"resize": [30, 100]}', b"\x03", '{"resize": [40, 120]}']
    assert api.asked[0].body == {
        "command": "bash", "attach": True, "force_no_tty": False,
        "env": {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"},
    }  # fmt: skip


def test_without_a_terminal_bytes_pass_both_ways_and_the_end_of_input_is_told(
    api: Api, user: User
) -> None:
    def cat(line: Attached) -> None:
        while isinstance(data := line.receive(), bytes):
            line.print(data)
        assert data == '{"eof": true}'
        line.exits(0)

    api.says(ATTACH, Reply(attach=cat))
    text = "\x00é\r\n" * 20000

    typed = user.really_types("paas run -a shop cat", stdin=text.encode())

    assert (typed.out, typed.err, typed.code) == (text, "", 0)
    assert api.asked[0].body == {"command": "cat", "attach": True, "force_no_tty": True}
    assert api.asked[1].headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize("code", [0, 7, 137])
def test_the_commands_exit_code_is_passed_on(api: Api, user: User, code: int) -> None:
    api.says(ATTACH, Reply(attach=lambda line: line.exits(code)))

    assert user.really_types("paas run -a shop true").code == code


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("bash", "bash"),
        ("'echo $HOME | wc -c'", "echo $HOME | wc -c"),
        ("-- ls -la --app x", "ls -la --app x"),
        ("ls -la", "ls -la"),
        ("python -c 'print(\"a b\")'", "python -c 'print(\"a b\")'"),
        ("-- -x", "-x"),
    ],
)
def test_words_are_sent_as_they_are(api: Api, user: User, typed: str, sent: str) -> None:
    user.types(f"paas run --detach -a shop {typed}")

    assert api.asked[0].body["command"] == sent


def test_a_detached_command_is_not_waited_for(api: Api, user: User) -> None:
    typed = user.types("paas run --detach -a shop python import.py")

    assert typed.out == "run.4711\n"
    assert "paas logs --tail --ps run.4711 -a shop" in typed.err
    assert (typed.code, api.lines) == (0, [DYNOS])
    assert api.asked[0].body["attach"] is False


def test_a_connection_that_is_lost_is_not_the_end_of_the_command(api: Api, user: User) -> None:
    api.says(ATTACH, Reply(attach=lambda line: line.print(b"working\n")))

    typed = user.really_types("paas run -a shop work")

    assert typed.out == "working\n"
    assert typed.err == (
        "paas: The connection to run.4711 of shop was lost before it ended. Is it still there? paas ps -a shop\n"
    )
    assert typed.code == 1


def test_an_attachment_that_is_refused_is_one_line(api: Api, user: User) -> None:
    typed = user.really_types("paas run -a shop work")

    assert typed.err.startswith("paas: run.4711 of shop cannot be attached to: ")
    assert typed.err.endswith("Type it again, or: paas run --detach -a shop COMMAND\n")
    assert typed.code == 1


def test_input_that_nobody_reads_does_not_keep_paas(api: Api, user: User) -> None:
    api.says(ATTACH, Reply(attach=lambda line: line.exits(0)))
    source, held_open = os.pipe()
    try:
        with subprocess.Popen(
            [PAAS, "run", "-a", "shop", "true"], stdin=source, env=user.process_environment()
        ) as paas:
            eventually(lambda: paas.poll() is not None)
    finally:
        os.close(source)
        os.close(held_open)

    assert paas.returncode == 0


def test_run_without_a_command_is_a_usage_error(api: Api, user: User) -> None:
    typed = user.types("paas run -a shop")

    assert typed.err == "paas run: Missing argument 'COMMAND...'. See: paas run --help\n"
    assert (typed.code, api.asked) == (2, [])
