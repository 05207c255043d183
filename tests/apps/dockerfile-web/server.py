"""An app with a Dockerfile: says who answers, as JSON, on the port that its EXPOSE names."""

import json
import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        answer = {
            "app": os.environ.get("HEROKU_APP_NAME", ""),
            "release": os.environ.get("HEROKU_RELEASE_VERSION", ""),
            "dyno": os.environ.get("DYNO", ""),
            "container": socket.gethostname(),
            "port": os.environ["PORT"],
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
