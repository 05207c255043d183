"""Starts a platform in the background, and waits until it is up."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
from redis import RedisError

from paas.daemon.names import REDIS
from paas.daemon.queues import worker_queues
from paas.daemon.run import take_lock
from paas.doctor import redis_findings
from paas.engine.ssh import leads_elsewhere
from paas.errors import Failed
from paas.model.finding import FindingState
from paas.program import log_file
from paas.running import running
from paas.settings import Settings
from paas.supervision import NotRunning, Supervision
from paas.wiring import connect_redis

PATIENCE_SECONDS = 60.0


class NotUp(Failed):
    def __init__(self, settings: Settings, missing: str) -> None:
        super().__init__(
            f"After {PATIENCE_SECONDS:.0f} s the platform in {settings.directory} is not up: {missing}. "
            f"Read the logs in {settings.run / 'log'}; what is wrong there cured, do the same again."
        )


def start(settings: Settings, *words: str) -> None:
    """`paasd run`, without a terminal and without a parent; returns at once. Raises AlreadyRunning.

    `words`: of another command that runs what is in the folder.
    """
    os.close(take_lock(settings))
    with log_file(settings, "paasd").open("ab") as log:
        subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-m",
                "paas.serve",
                *(words or ("run",)),
                str(settings.directory),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )


def wait_until_up(settings: Settings, seconds: float = PATIENCE_SECONDS) -> None:
    """Every program runs and the API answers; hosts elsewhere are not waited for. Raises NotUp."""
    deadline = time.monotonic() + seconds
    while missing := _missing(settings):
        if time.monotonic() > deadline:
            raise NotUp(settings, missing)
        time.sleep(0.1)


def what_is_wrong(settings: Settings) -> Iterator[str]:
    """With the Redis that runs, however it came to that: one line each. Raises RedisError."""
    for finding in redis_findings(connect_redis(settings), settings.directory):
        if finding.state is not FindingState.OK:
            yield f"{finding.name}: {finding.text}. Next: {finding.next}"


def tell_what_is_wrong(settings: Settings) -> None:
    try:
        for line in what_is_wrong(settings):
            click.echo(f"paasd: {line}", err=True)
    except RedisError as error:
        see = log_file(settings, REDIS)
        click.echo(f"paasd: Redis does not answer: {error}. Next: tail {see}", err=True)


def _missing(settings: Settings) -> str:
    try:
        states = Supervision(settings).states()
    except NotRunning:
        return "no supervisor answers"
    alive = {program.name for program in running(settings)}
    needed = (state for state in states if not leads_elsewhere(state.name))
    down = [state.name for state in needed if not state.is_running]
    down += [name for name in worker_queues(settings) if name not in alive]
    if down:
        return f"{', '.join(down)} not running"
    return "" if _answers(settings) else "the API does not answer"


def _answers(settings: Settings) -> bool:
    """Anything, in HTTP."""
    connection = http.client.HTTPConnection("localhost", timeout=2)
    try:
        with socket.socket(socket.AF_UNIX) as api:
            api.settimeout(2)
            api.connect(str(settings.api_socket))
            connection.sock = api
            connection.request("GET", "/account")
            connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    return True


@click.command("start")
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Run a platform in the background; returns when it is up."""
    settings = Settings.load(directory)
    start(settings)
    wait_until_up(settings)
    tell_what_is_wrong(settings)
