"""Listens where only its own container reaches it."""

import os
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

ThreadingHTTPServer(
    ("127.0.0.1", int(os.environ["PORT"])), SimpleHTTPRequestHandler
).serve_forever()
