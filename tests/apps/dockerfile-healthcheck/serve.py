"""Listens at once, and is warm two seconds later; answers with how it was started."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

threading.Timer(2, Path("/tmp/warm").touch).start()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = {
            "argv": sys.argv[1:],
            "entered": os.environ.get("ENTERED"),
            "uid": os.getuid(),
            "port": os.environ["PORT"],
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        return


ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
