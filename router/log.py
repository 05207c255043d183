"""The router's log: one line per request, in Heroku's words, for whoever collects logs.

HAProxy writes a line per request into a pipe with a name, FOLDER/log.fifo, which it holds open itself: it never waits
for a reader, and the pipe keeps some thousand lines while there is none. What comes out is a spool,
FOLDER/log/NNNNNNNNNN.jsonl. The file with the largest number is being written, line by line and never rewritten; at
8 MB the next one is begun, and the four newest are kept. A line is one JSON object:

    {"at": "2025-03-01T10:20:30.123456789Z", "app_id": "…", "text": "at=info method=GET path=\\"/\\" …"}

A reader keeps the name of the file and the offset after the last whole line it has read. Requests for hosts that nobody
has are in no app's log, so they are not in the spool.

The time belongs to the requests: of an app with more than 500 a second HAProxy leaves lines out (router/config.py), but
not those of a status of 500 and above; of what it writes, 1,000 lines a second are kept, shared so that who writes much
loses and who writes little does not. All that is left out is counted.
"""

import fcntl
import json
import os
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from router.names import Names

FILE_BYTES = 8 << 20
FILES = 4
PIPE_BYTES = 1 << 20
READ_SECONDS = 0.01
"""Between two reads of a pipe that is written to: one read takes many lines."""
LINES_PER_SECOND = 1000
FIELDS, RETRIES = 16, 12
"""Of a line, and which of them says how often it was tried again. A HAProxy of before an upgrade may leave
that one out."""
ENCODER = json.JSONEncoder(ensure_ascii=False)

DESCRIPTIONS: Mapping[str, str] = {
    "H10": "App crashed",
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
    "LR": "H11", "PR": "H26", "KC": "H24", "KH": "H24", "KD": "H24", "KQ": "H24", "RC": "H99", "IH": "H99", "ID": "H99",
}  # fmt: skip
"""How HAProxy says that a request ended, in Heroku's words. It answers by itself (LR) where it says a code, or H11."""
CLIENT_GONE = {"H27": "499", "H28": "499"}


class RouterLog:
    """Reads the pipe until `stop`, in a thread of its own. `doubt` is told the slot of what had to be tried again."""

    def __init__(
        self, pipe: Path, spool: "Spool", names: Names, doubt: Callable[[str], None]
    ) -> None:
        self._spool, self._names, self._doubt = spool, names, doubt
        self._pipe = open_pipe(pipe)
        self._rest = b""
        self._allowed: float = LINES_PER_SECOND
        self._allowed_at = time.monotonic()
        self._lost = 0
        self._is_stopped = False
        self._thread = threading.Thread(target=self._read, name="log", daemon=True)

    @property
    def lost(self) -> int:
        """Lines that were not written: too many, or the disk was full."""
        return self._lost + self._spool.lost

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What was read is in the spool afterwards; the rest stays in the pipe for the next one."""
        self._is_stopped = True
        with suppress(BlockingIOError):
            os.write(self._pipe, b"\n")
        self._thread.join()
        os.close(self._pipe)

    def _read(self) -> None:
        readable = select.poll()
        readable.register(self._pipe, select.POLLIN)
        while not self._is_stopped:
            readable.poll(1000)
            with suppress(BlockingIOError):
                self._keep(os.read(self._pipe, PIPE_BYTES))
            self._spool.flush()
            time.sleep(READ_SECONDS)

    def _keep(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        at_ns = time.time_ns()
        kept = fair_share(lines, self._allow(len(lines)))
        self._lost += len(lines) - len(kept)
        again = {line.partition(b" ")[0].decode() for line in lines if was_tried_again(line)}
        for slot in again & self._names.apps.keys():
            self._doubt(slot)
        for line in kept:
            said = read_line(line.decode("utf-8", "replace"), self._names)
            if said is not None:
                self._spool.add(at_ns, *said)

    def _allow(self, lines: int) -> int:
        now = time.monotonic()
        earned = (now - self._allowed_at) * LINES_PER_SECOND
        self._allowed, self._allowed_at = min(LINES_PER_SECOND, self._allowed + earned), now
        allowed = min(lines, int(self._allowed))
        self._allowed -= allowed
        return allowed


def fair_share(lines: Sequence[bytes], allowed: int) -> Sequence[bytes]:
    """So many of them, in order: an app that has less than the share that is left for each keeps all of its lines."""
    if len(lines) <= allowed:
        return lines
    slots = [line.partition(b" ")[0] for line in lines]
    share, sizes = 0, sorted(Counter(slots).values())
    for place, size in enumerate(sizes):
        share = allowed // (len(sizes) - place)
        if size > share:
            break
        allowed -= size
    kept, taken = [], Counter[bytes]()
    for slot, line in zip(slots, lines, strict=True):
        taken[slot] += 1
        if taken[slot] <= share:
            kept.append(line)
    return kept


def open_pipe(path: Path) -> int:
    """For reading and writing, so that it is open at both ends whoever else is there. Made where there is none."""
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    with suppress(OSError):  # what an ordinary user may have in all pipes together is bounded
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return pipe


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
        self._lines.append(ENCODER.encode(line).encode() + b"\n")

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            if self._file < 0 or self._size >= self._file_bytes:
                self._next()
            text = b"".join(lines)
            self._size += (written := os.write(self._file, text))
        except OSError:
            self.lost += len(lines)
            return
        if written < len(text):  # the disk is full; the torn line ends with its file
            self.lost += text.count(b"\n", written)
            self._size = self._file_bytes

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


def was_tried_again(line: bytes) -> bool:
    """Another container answered than the first that was asked, or none did: +1, or 3."""
    fields = line.split(b" ", RETRIES + 1)
    return (
        len(fields) > RETRIES and fields[RETRIES].lstrip(b"+").isdigit() and fields[RETRIES] != b"0"
    )


def read_line(line: str, names: Names) -> tuple[str, str] | None:
    """App id and Heroku's line; None when it is no app's. `line` is what `log-format` in router/config.py makes."""
    fields = line.strip().split(" ", FIELDS - 1)
    if len(fields) == FIELDS - 1:
        fields.insert(RETRIES, "0")
    if len(fields) != FIELDS:
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
        _,
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


@lru_cache(maxsize=1)
def stamp(at_ns: int) -> str:
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _times(read: int, queued: int, connected: int, total: int) -> tuple[str, str]:
    """HAProxy writes -1 for what did not come to pass."""
    if connected < 0:
        return "", ""
    return f"{connected}ms", f"{max(0, total - max(0, read) - max(0, queued) - connected)}ms"
