"""Tries to reach everything that targets.json names, all at once, and writes what became of it to a file, as JSON.

`["tcp", address, port]` connects; `["udp", address, port]` sends and hears nothing; `["unix", path]` connects;
`["file", path]` opens; `["url", url]` gets.
"""

import json
import socket
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECONDS = 4.0
REACHED = "reached"


def attempt(target: list[str | int]) -> str:
    try:
        _reach(target)
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    return REACHED


def _reach(target: list[str | int]) -> None:
    match target:
        case ["tcp", str(address), int(port)]:
            socket.create_connection((address, port), SECONDS).close()
        case ["udp", str(address), int(port)]:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
                sending.sendto(b"from inside", (address, port))
        case ["unix", str(path)]:
            with socket.socket(socket.AF_UNIX) as connecting:
                connecting.connect(path)
        case ["file", str(path)]:
            Path(path).open("rb").close()
        case ["url", str(url)]:
            urllib.request.urlopen(url, timeout=5 * SECONDS).close()
        case _:
            raise ValueError(target)


def explore() -> dict[str, str]:
    targets = json.loads(Path("targets.json").read_text())
    with ThreadPoolExecutor(len(targets)) as threads:
        return dict(zip(targets, threads.map(attempt, targets.values()), strict=True))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(explore()))
