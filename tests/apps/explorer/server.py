"""GET answers with what this process reached just now, and with what the build had reached."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from explore import explore

BUILT = Path(__file__).with_name("built.json")


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = {"build": json.loads(BUILT.read_text()), "run": explore()}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Answer).serve_forever()
