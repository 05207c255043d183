"""The sample app: says who answers, as JSON."""

import json
import os
import socket
from collections.abc import Callable, Iterable
from typing import Any

TEXT = "Hello from your own platform"


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """GET / is who answers, GET /headers is what the router added; anything else is 404."""
    match environ["PATH_INFO"]:
        case "/":
            status, answer = "200 OK", who_answers()
        case "/headers":
            status, answer = "200 OK", {k: v for k, v in environ.items() if k.startswith("HTTP_")}
        case path:
            status, answer = "404 Not Found", {"error": f"nothing at {path}"}
    body = (json.dumps(answer, indent=2) + "\n").encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]


def who_answers() -> dict[str, str]:
    return {
        "text": os.environ.get("TEXT", TEXT),
        "app": os.environ.get("HEROKU_APP_NAME", ""),
        "release": os.environ.get("HEROKU_RELEASE_VERSION", ""),
        "dyno": os.environ.get("DYNO", ""),
        "container": socket.gethostname(),
    }
