"""The router's log: one line per request, in Heroku's words, for whoever collects logs.

HAProxy sends a datagram per request; what comes out is a spool, FOLDER/log/NNNNNNNNNN.jsonl. The file with the largest
number is being written, line by line and never rewritten; at 8 MB the next one is begun, and the four newest are
kept. A line is one JSON object:

    {"at": "2025-03-01T10:20:30.123456789Z", "app_id": "…", "text": "at=info method=GET path=\\"/\\" …"}

A reader keeps the name of the file and the offset after the last whole line it has read. Requests for hosts that nobody
has are in no app's log, so they are not in the spool.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from router.names import Names

FILE_BYTES = 8 << 20
FILES = 4
LINE_BYTES = 8192
FLUSH_SECONDS = 0.1
"""How long a line may wait for others to be written with it."""
RECEIVE_BYTES = 4 << 20

DESCRIPTIONS: Mapping[str, str] = {
    "H11": "Backlog too deep",
    "H12": "Request timeout",
    "H13": "Connection closed without response",
    "H14": "No web processes running",
    "H15": "Idle connection",
    "H17": "Poorly formatted HTTP response",
    "H18": "Server Request Interrupted",
    "H19": "Backend connection timeout",
    "H21": "Backend connection refused",
    "H24": "Forced close",
    "H26": "Request Error",
    "H27": "Client Request Interrupted",
    "H28": "Client Connection Idle",
    "H80": "Maintenance mode",
    "H99": "Platform error",
}
CODES: Mapping[str, str] = {
    "sC": "H19", "SC": "H21", "sQ": "H11", "sH": "H12", "SH": "H13", "PH": "H17", "sD": "H15", "SD": "H18",
    "CH": "H27", "CD": "H27", "CR": "H27", "CC": "H27", "CQ": "H27", "cD": "H28", "cH": "H28", "cR": "H28",
    "PR": "H26", "KC": "H24", "KH": "H24", "KD": "H24", "KQ": "H24", "RC": "H99", "IH": "H99", "ID": "H99",
}  # fmt: skip
"""How HAProxy says that a request ended, in Heroku's words."""
CLIENT_GONE = {"H27": "499", "H28": "499"}


class RouterLog:
    """Receives until `stop`, in a thread of its own."""

    def __init__(self, path: Path, spool: "Spool", names: Names) -> None:
        self._path, self._spool, self._names = path, spool, names
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        path.unlink(missing_ok=True)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._is_stopped = False
        self._thread = threading.Thread(target=self._receive, name="log", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What has been received is in the spool afterwards."""
        self._is_stopped = True
        self._thread.join()
        self._socket.close()

    def _receive(self) -> None:
        written_at = time.monotonic()
        while not self._is_stopped:
            self._socket.settimeout(FLUSH_SECONDS)
            with suppress(TimeoutError):
                self._keep(self._socket.recv(LINE_BYTES))
                self._socket.setblocking(False)
                with suppress(BlockingIOError):
                    while time.monotonic() - written_at < FLUSH_SECONDS:
                        self._keep(self._socket.recv(LINE_BYTES))
            written_at = time.monotonic()
            self._spool.flush()

    def _keep(self, line: bytes) -> None:
        said = read_line(line.decode("utf-8", "replace"), self._names)
        if said is not None:
            self._spool.add(time.time_ns(), *said)


class Spool:
    """Bounded files. A disk that is full loses lines and nothing else."""

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES) -> None:
        self._folder, self._file_bytes = folder, file_bytes
        folder.mkdir(exist_ok=True)
        self._lines: list[bytes] = []
        self._file = -1
        self._size = 0
        self.lost = 0

    def add(self, at_ns: int, app_id: str, text: str) -> None:
        line = {"at": stamp(at_ns), "app_id": app_id, "text": text}
        self._lines.append(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            if self._file < 0 or self._size >= self._file_bytes:
                self._next()
            for chunk in lines:
                self._size += os.write(self._file, chunk)
        except OSError:
            self.lost += len(lines)

    def _next(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        kept = sorted(self._folder.glob("*.jsonl"))
        number = int(kept[-1].stem) + 1 if kept else 1
        path = self._folder / f"{number:010d}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        self._size = 0
        for old in kept[: max(0, len(kept) + 1 - FILES)]:
            old.unlink(missing_ok=True)


def read_line(line: str, names: Names) -> tuple[str, str] | None:
    """App id and Heroku's line; None when it is no app's. `line` is what `log-format` in router/config.py makes."""
    fields = line.strip().split(" ", 14)
    if len(fields) != 15:
        return None
    (
        slot,
        server,
        client,
        status,
        size,
        read,
        queued,
        connected,
        total,
        ended,
        code,
        request,
        *rest,
    ) = fields
    method, host, path = rest
    app_id = names.apps.get(slot)
    if app_id is None:
        return None
    code = (
        code
        if code != "-"
        else ""
        if status == "101" and ended[0] in "-CS"
        else CODES.get(ended[:2], "")
    )
    at = f'at=error code={code} desc="{DESCRIPTIONS.get(code, "")}"' if code else "at=info"
    connect, service = _times(int(read), int(queued), int(connected), int(total))
    quoted = path.replace('"', "%22")
    return app_id, (
        f'{at} method={method} path="{quoted}" host={host} request_id={request} fwd="{client}" '
        f"dyno={names.dynos.get(server, '')} connect={connect} service={service} "
        f"status={CLIENT_GONE.get(code, status)} bytes={size} protocol=http"
    )


def stamp(at_ns: int) -> str:
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _times(read: int, queued: int, connected: int, total: int) -> tuple[str, str]:
    """HAProxy writes -1 for what did not come to pass."""
    if connected < 0:
        return "", ""
    return f"{connected}ms", f"{max(0, total - max(0, read) - max(0, queued) - connected)}ms"
