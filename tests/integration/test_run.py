import fcntl
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator

import pytest

from tests.eventually import eventually
from tests.integration.installation import Installation
from tests.integration.user import User


@pytest.fixture(scope="module")
def runner(installation: Installation) -> Iterator[User]:
    """Has an app to run commands in."""
    runner = installation.welcomes("runner")
    runner.deployed("python-web", "shop")
    yield runner
    runner.leaves()


def test_a_one_off_prints_and_its_exit_code_is_passed_on(runner: User) -> None:
    runner.types("paas config:set WORD='a b' -a shop")

    said = runner.types(
        "paas run -a shop -- python -c 'import os; print(os.environ[\"WORD\"]); exit(7)'"
    )

    assert (said.code, said.out.replace("\r", "")) == (7, "a b\n"), said.text


def test_a_one_off_reads_what_it_is_given(runner: User) -> None:
    said = runner.types("paas run --no-tty -a shop -- wc -c", stdin="x" * 100_000)

    assert said.out.split() == ["100000"], said.text


def test_a_detached_one_off_is_in_the_log(runner: User) -> None:
    said = runner.types("paas run --detach -a shop -- echo 'once and done'")

    assert said.code == 0, said.text
    name = said.out.split()[0]
    assert name.startswith("run.")
    ended = f"heroku[{name}]: Process exited with status 0"
    eventually(lambda: ended in runner.types("paas logs -a shop").out, within=10)
    eventually(lambda: f"app[{name}]: once and done" in runner.types("paas logs -a shop").out)


def test_a_command_that_is_not_there_fails(runner: User) -> None:
    said = runner.types("paas run -a shop -- no-such-command")

    assert said.code == 127, said.text


def test_nothing_can_be_run_before_the_first_push(user: User) -> None:
    user.creates("bare")

    said = user.types("paas run -a bare -- echo hello")

    assert "bare has no release to run a command in" in said.error


def in_terminal(user: User, line: str) -> tuple[int, subprocess.Popen[bytes]]:
    """Typed at a terminal of 33 rows and 99 columns; what the terminal is held by, and the command."""
    held, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    process = subprocess.Popen(
        shlex.split(line),
        cwd=user.home,
        env={**user.environment, "TERM": "xterm"},
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(inner)
    return held, process


def read_until(held: int, word: bytes) -> bytes:
    """What the terminal showed. Empty `word`: until nobody writes to it any more."""
    shown = b""
    while not word or word not in shown:
        ready, _, _ = select.select([held], [], [], 30)
        assert ready, shown
        try:
            shown += os.read(held, 65536)
        except OSError:  # its last user has gone
            assert not word, shown
            break
    return shown


def test_a_terminal_is_handed_through_with_its_size_and_its_keys(runner: User) -> None:
    # what is typed arrives, and a new size does
    held, process = in_terminal(runner, "paas run -a shop bash --norc")
    read_until(held, b"$ ")
    os.write(held, b"stty size; echo $TERM; tty -s && echo real-$((40+2))\r")
    shown = read_until(held, b"real-42")
    fcntl.ioctl(held, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 88, 0, 0))
    os.killpg(process.pid, signal.SIGWINCH)
    time.sleep(1)
    os.write(held, b"stty size; exit 5\r")
    shown += read_until(held, b"")
    assert process.wait(timeout=30) == 5
    assert b"33 99" in shown and b"xterm" in shown and b"44 88" in shown, shown

    # Ctrl-C is for the command and not for us
    held, process = in_terminal(runner, "paas run -a shop -- sleep 1000")
    eventually(lambda: "run." in runner.types("paas ps -a shop").out, within=15)
    time.sleep(1)
    os.write(held, b"\x03")
    read_until(held, b"")
    assert process.wait(timeout=30) == 130
    eventually(lambda: "run." not in runner.types("paas ps -a shop").out, within=20)


def test_who_goes_away_ends_what_they_run(runner: User) -> None:
    running = runner.begins("paas run --no-tty -a shop -- sleep 1000")
    eventually(lambda: "run." in runner.types("paas ps -a shop").out, within=15)

    running.kill()

    eventually(lambda: "run." not in runner.types("paas ps -a shop").out, within=30)


def test_words_after_the_dashes_are_the_commands_own(runner: User) -> None:
    said = runner.types("paas run --no-tty -a shop -- echo -a other --detach -- '$HOME' 'a  b'")

    assert said.out == "-a other --detach -- $HOME a  b\n", said.text
