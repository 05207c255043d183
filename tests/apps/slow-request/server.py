"""Answers after ?seconds=, and names who answered. After SIGTERM, requests in flight are finished before it ends."""

import json
import os
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

in_flight: set[int] = set()
idle = threading.Condition()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    """An answer leaves in one piece: nobody can mend one whose app is killed after its first half."""

    def do_GET(self) -> None:
        with idle:
            in_flight.add(id(self))
        try:
            asked = parse_qs(urlsplit(self.path).query)
            time.sleep(float(asked.get("seconds", ["0"])[0]))
            self._answer()
        finally:
            with idle:
                in_flight.discard(id(self))
                idle.notify_all()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's word
        """Prints nothing per request: what prints waits for whoever reads it, and an engine that hangs does not."""

    def _answer(self) -> None:
        answer = {
            "app": os.environ.get("HEROKU_APP_NAME", ""),
            "release": os.environ.get("HEROKU_RELEASE_VERSION", ""),
            "dyno": os.environ.get("DYNO", ""),
            "container": socket.gethostname(),
        }
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
server.socket.close()
print(f"told to stop with {len(in_flight)} in flight", flush=True)
with idle:
    idle.wait_for(lambda: not in_flight)
print("stopped", flush=True)
