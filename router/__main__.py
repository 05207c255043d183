"""The router's command line; nothing else is read, no settings and no environment."""

import argparse
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from paas.routes.request_lines import RequestLines
from paas.routes.table import RouteTable
from router.config import Edge
from router.folder import Folder, FolderUnfit
from router.follow import Follower
from router.haproxy import HAProxy
from router.keep import Keeper
from router.log import RouterLog, Spool
from router.names import Names
from router.quarantine import Quarantine
from router.ship import Shipper
from router.start import become_haproxy, configure

LOCK_SECONDS = 10
REPEAT_SECONDS = 60
HOST_AND_PORT = re.compile(r"(?P<host>[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})", re.ASCII)


class Report:
    """A line on standard error; the same again is silent for a minute."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if now - self._said.get(line, -REPEAT_SECONDS) >= REPEAT_SECONDS:
            self._said = {**self._said, line: now} if len(self._said) < 100 else {line: now}
            sys.stderr.write(f"router: {line}\n")
            sys.stderr.flush()


def main() -> int:
    given = read_arguments()
    report = Report()
    edge = Edge(
        http_port=given.http_port,
        binds=tuple(given.bind or ["0.0.0.0"]),
        first_byte_seconds=given.first_byte_seconds,
        lines_per_app=given.lines_per_app,
    )
    try:
        folder = Folder(given.folder)
    except FolderUnfit as error:
        report(str(error))
        return 2
    if given.configure:
        configure(folder, edge)
    elif given.exec_haproxy:
        become_haproxy(folder, edge)
    elif given.redis is None or given.platform is None:
        report("To follow a table it takes --redis and --platform.")
        return 2
    else:
        return follow(given, folder, edge, report)
    return 0


def follow(given: argparse.Namespace, folder: Folder, edge: Edge, report: Report) -> int:
    folder.path.mkdir(exist_ok=True)
    deadline = time.monotonic() + LOCK_SECONDS
    while (lock := folder.lock("follower")) is None:
        if time.monotonic() > deadline:
            report(f"Another follower is at work in {folder.path}.")
            return 1
        time.sleep(0.05)
    with lock:
        names = Names()
        quarantine = Quarantine(HAProxy(folder), report)
        log = RouterLog(folder.log_pipe, Spool(folder.spool), names, quarantine.doubt)
        table = RouteTable(connect(given), given.platform)
        shipper = ship(given, folder, report)
        keeper = Keeper(folder, edge, names, report)
        follower = Follower(given.name, table, keeper, lambda: log.lost + keeper.unwritten, report)
        for stopping in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stopping, lambda *_: follower.stop())
        quarantine.start()
        log.start()
        if shipper is not None:
            shipper.start()
        follower.follow()
        log.stop()
        quarantine.stop()
        if shipper is not None:
            shipper.stop()
    return 0


def ship(
    given: argparse.Namespace, folder: Folder, report: Callable[[str], None]
) -> Shipper | None:
    if not given.ship_lines:
        return None
    there = RequestLines(connect(given), given.platform)

    def send(lines: str, is_first: bool) -> None:
        there.send(given.name, lines, is_first=is_first)

    return Shipper(folder.spool, folder.shipped, send, report)


def connect(given: argparse.Namespace) -> Redis:
    """Without retries: the follower wants to know when a connection was lost."""
    password = given.redis_password_file
    where: dict[str, Any] = {"unix_socket_path": given.redis}
    if found := HOST_AND_PORT.fullmatch(given.redis):
        where = {"host": found["host"], "port": int(found["port"])}
    return Redis(
        **where,
        username=given.redis_user if password else None,
        password=password.read_text().strip() if password else None,
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 0),
    )


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m router", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, required=True, help="where its files and sockets are"
    )
    parser.add_argument("--http-port", type=int, default=80)
    parser.add_argument("--bind", action="append", metavar="ADDRESS", help="default: 0.0.0.0")
    parser.add_argument("--first-byte-seconds", type=int, default=30, help="H12 after so long")
    parser.add_argument(
        "--lines-per-app", type=int, default=500, help="in the log, a second, beside errors"
    )
    parser.add_argument("--name", default="local", help="as it is registered")
    parser.add_argument("--platform", help="the platform's id")
    parser.add_argument("--redis", metavar="SOCKET", help="or HOST:PORT")
    parser.add_argument("--redis-user", default="router")
    parser.add_argument("--redis-password-file", type=Path, metavar="FILE")
    parser.add_argument(
        "--ship-lines", action="store_true", help="send the log to the platform, by Redis"
    )
    parser.add_argument(
        "--configure", "--render-only", action="store_true", help="write HAProxy's files, and end"
    )
    parser.add_argument(
        "--exec-haproxy", action="store_true", help="write them, take over, and become HAProxy"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
