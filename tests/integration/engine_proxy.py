"""Stands between a platform and the engine, and can be cut: no engine hangs or goes away on request."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

ENGINE = "/var/run/docker.sock"


class EngineProxy:
    """A unix socket at `path`. Cut, it is not there, and every connection is closed; hanging, nothing passes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: set[socket.socket] = set()
        self._flows = threading.Event()
        self._flows.set()
        self._server: socket.socket | None = None
        self.heal()

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def cut(self) -> None:
        if self._server is not None:
            self._path.unlink()
            with suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()
            self._server = None
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def hang(self) -> None:
        self._flows.clear()

    def heal(self) -> None:
        self._flows.set()
        if self._server is None:
            self._server = socket.socket(socket.AF_UNIX)
            self._server.bind(str(self._path))
            self._server.listen(100)
            threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def close(self) -> None:
        self._flows.set()
        self.cut()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(ENGINE)
            self._open |= {near, far}
            left = threading.Barrier(2)
            for source, sink in ((near, far), (far, near)):
                pump = threading.Thread(target=self._pump, args=(source, sink, left), daemon=True)
                pump.start()

    def _pump(self, source: socket.socket, sink: socket.socket, left: threading.Barrier) -> None:
        """Until the end of `source`, which it passes on; the last of the two closes nothing that is in use."""
        with suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        with suppress(threading.BrokenBarrierError):
            left.wait()
        self._open.discard(source)
        source.close()
