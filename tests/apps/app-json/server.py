"""GET /up answers `ready` one second after it began; anything else with the environment as JSON."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BEGUN = time.monotonic()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        is_ready = time.monotonic() - BEGUN > 1
        body = (
            json.dumps(dict(os.environ)) if self.path != "/up" else "ready" if is_ready else "wait"
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Answer).serve_forever()
