"""An attached container of Docker: raw bytes both ways."""

from collections import deque

from paas.engine.engine import Engine
from paas.engine.frames import Frames
from paas.engine.stream import Stream

WAIT_SECONDS = 60.0


class DockerSession:
    """Reading, writing and waiting may be done by different threads."""

    def __init__(
        self, engine: Engine, host: str, name: str, stream: Stream, *, has_terminal: bool
    ) -> None:
        self._engine, self._host, self._name = engine, host, name
        self._stream = stream
        self._frames = None if has_terminal else Frames()
        self._ready: deque[bytes] = deque()

    def read(self) -> bytes:
        """An engine that goes away in between is the end."""
        while not self._ready:
            try:
                data = self._stream.read() or b""
            except OSError:
                return b""
            if self._frames is None or not data:
                return data
            self._ready.extend(content for _, content in self._frames.feed(data) if content)
        return self._ready.popleft()

    def write(self, data: bytes) -> None:
        """Silent when nobody takes it any more."""
        try:
            self._stream.send(data)
        except OSError:
            return

    def end_input(self) -> None:
        try:
            self._stream.end_input()
        except OSError:
            return

    def resize(self, rows: int, columns: int) -> None:
        self._engine.resize(self._host, self._name, rows, columns)

    def wait(self) -> int:
        while True:
            code = self._engine.wait(self._host, self._name, WAIT_SECONDS)
            if code is not None:
                return code

    def close(self) -> None:
        self._stream.close()
