"""GET answers with the whole environment as JSON, byte for byte; POST with the length and SHA-256 of what was sent."""

import hashlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(dict(os.environ))

    def do_POST(self) -> None:
        size, digest = 0, hashlib.sha256()
        for part in self._body():
            size += len(part)
            digest.update(part)
        self._answer({"bytes": size, "sha256": digest.hexdigest()})

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield from self._read(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield from self._read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass

    def _read(self, size: int) -> Iterator[bytes]:
        while size and (part := self.rfile.read(min(size, 65536))):
            size -= len(part)
            yield part

    def _answer(self, answer: dict[str, object]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 128


server = Server(("0.0.0.0", int(os.environ["PORT"])), Answer)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
