"""Listens beside the port it was given."""

import os
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

port = int(os.environ["PORT"]) + 1
ThreadingHTTPServer(("0.0.0.0", port), SimpleHTTPRequestHandler).serve_forever()
