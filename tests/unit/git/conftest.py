"""Real git through the real door and hook; beside them the few answers of the API that they ask for."""

import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

DOOR = Path(__file__).resolve().parents[3] / "paas" / "git" / "door.py"
TOKEN = "f00d"
SSH = """#!{python}
# What ssh and sshd are between git and the door: three pipes that break when the client is killed.
import os, signal, subprocess, sys, threading
signal.signal(signal.SIGINT, signal.SIG_DFL)
door = subprocess.Popen(
    [sys.executable, "-I", "-S", *{argv!r}], start_new_session=True,
    env=dict(os.environ, SSH_ORIGINAL_COMMAND=sys.argv[-1]),
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
)
def carry(source, target, close):
    while data := os.read(source, 65536):
        os.write(target, data)
    if close:
        os.close(target)
threading.Thread(target=carry, args=(0, door.stdin.fileno(), True), daemon=True).start()
out = [threading.Thread(target=carry, args=(door.stdout.fileno(), 1, False)),
       threading.Thread(target=carry, args=(door.stderr.fileno(), 2, False))]
for thread in out: thread.start()
for thread in out: thread.join()
os._exit(door.wait())
"""


@dataclass
class FakeApi:
    """Answers door and hook by its unix socket. A test says what becomes of a build."""

    folder: Path
    people: dict[str, str] = field(
        default_factory=lambda: {"SHA256:alice": "alice", "SHA256:bob": "bob"}
    )
    apps: dict[str, str] = field(default_factory=lambda: {"shop": "id-of-shop"})
    builds: list[dict[str, Any]] = field(default_factory=list)
    sources: list[bytes] = field(default_factory=list)
    source_mb: int = 16
    serving: bool = True
    """Something of the app runs."""
    outcome: Callable[[], str] = lambda: "live"
    output: Callable[[], Iterator[bytes]] = lambda: iter([b"-----> Building\n", b"       done\n"])
    broken_after: int | None = None
    """The next stream breaks off after so many bytes."""
    _server: socketserver.BaseServer | None = None

    def start(self) -> None:
        class Handler(_Handler):
            api = self

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            request_queue_size = 20

        path = self.folder / "run" / "api" / "api.sock"
        path.unlink(missing_ok=True)
        self._server = Server(str(path), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def add_build(
        self, commit: str, outcome: str = "pending", *, current: bool = False
    ) -> dict[str, Any]:
        number = len(self.builds) + 1
        build = {
            "id": f"build-{number}", "outcome": outcome, "current": current, "commit": commit,
            "serving": self.serving,
            "output_stream_url": f"http://elsewhere/apps/id-of-shop/builds/build-{number}/output",
        }  # fmt: skip
        self.builds.insert(0, build)
        return build


class _Handler(BaseHTTPRequestHandler):
    api: FakeApi
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.refuse(401, "no token")
        match parts.path.split("/")[1:]:
            case ["door"]:
                return self.door(query)
            case ["apps", _, "builds"]:
                return self.answer([b for b in self.api.builds if b["commit"] == query["commit"]])
            case ["apps", _, "builds", build]:
                return self.answer(next(b for b in self.api.builds if b["id"] == build))
            case ["apps", _, "builds", build, "output"]:
                return self.stream(build, int(query["offset"]))
        return self.refuse(404, f"no route {self.path}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/sources":
            url = f"http://elsewhere/sources/{len(self.api.sources)}"
            return self.answer({"source_blob": {"get_url": url, "put_url": url}})
        build = self.api.add_build(body["source_blob"]["version"])
        build["purpose"] = body.get("purpose", "release")
        return self.answer(build)

    def do_PUT(self) -> None:
        tar = b""
        while size := int(self.rfile.readline(), 16):
            tar += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        self.api.sources.append(tar)
        self.answer({})

    def door(self, query: dict[str, str]) -> None:
        person = self.api.people.get(query["key"])
        if person is None:
            return self.refuse(403, "This key is not registered any more.")
        if "app" not in query:
            return self.answer({"person": person})
        if query["app"] not in self.api.apps:
            return self.refuse(
                404, f"There is no app '{query['app']}'. Type: paas create {query['app']}"
            )
        app = {"id": self.api.apps[query["app"]], "name": query["app"]}
        return self.answer(
            {"person": person, "app": app, "limits": {"source_mb": self.api.source_mb}}
        )

    def stream(self, build_id: str, offset: int) -> None:
        build = next(b for b in self.api.builds if b["id"] == build_id)
        build.setdefault("said", b"")
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if not build.get("is_told"):
            build["is_told"] = True
            threading.Thread(target=self.tell, args=(build,), daemon=True).start()
        limit, self.api.broken_after = self.api.broken_after, None
        while not (build["outcome"] != "pending" and offset == len(build["said"])):
            text = build["said"][offset:limit]
            if text:
                offset += len(text)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
                self.wfile.flush()
            if limit is not None and offset >= limit:
                self.close_connection = True
                return
            time.sleep(0.01)
        self.wfile.write(b"0\r\n\r\n")

    def tell(self, build: dict[str, Any]) -> None:
        for text in self.api.output():
            build["said"] += text
        outcome = self.api.outcome()
        build["current"], build["outcome"] = outcome == "live", outcome

    def answer(self, value: object, status: int = 200) -> None:
        data = json.dumps(value, default=lambda _: None).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status: int, message: str) -> None:
        self.answer({"id": "x", "message": message}, status)


@dataclass
class Pushed:
    accepted: bool
    output: str


@dataclass
class Clone:
    """A person's checkout, and their ssh: a script that runs the door as sshd would."""

    path: Path
    folder: Path
    key: str

    def git(self, *argv: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.path), *argv],
            check=True,
            capture_output=True,
            text=True,
            env=self.env(),
        )
        return done.stdout.strip()

    def commit(self, **files: str) -> str:
        """`a__b` stands for a/b. The new commit."""
        for name, text in files.items():
            path = self.path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def push(self, *refs: str, app: str = "shop", options: Sequence[str] = ()) -> Pushed:
        process = self.pushing(*refs, app=app, options=options)
        output, _ = process.communicate(timeout=60)
        return Pushed(process.returncode == 0, output)

    def pushing(
        self, *refs: str, app: str = "shop", options: Sequence[str] = ()
    ) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["git", "-C", str(self.path), "push", *options, f"ssh://paas@there/{app}", *(refs or ("main",))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=self.env(), start_new_session=True,
        )  # fmt: skip

    def env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.c",
            "GIT_SSH": str(self.ssh()), "GIT_SSH_VARIANT": "ssh",
        }  # fmt: skip

    def ssh(self) -> Path:
        script = self.path.parent / f"ssh-{self.key}"
        if not script.exists():
            script.write_text(
                SSH.format(python=sys.executable, argv=[str(DOOR), str(self.folder), self.key])
            )
            script.chmod(0o755)
        return script

    def door(self, command: str | None) -> Pushed:
        env = {**self.env(), **({"SSH_ORIGINAL_COMMAND": command} if command is not None else {})}
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(DOOR), str(self.folder), self.key],
            env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return Pushed(done.returncode == 0, done.stdout + done.stderr)

    def stored(self, ref: str) -> str | None:
        """Where the platform's repository has it."""
        repository = self.folder / "repositories" / "id-of-shop.git"
        done = subprocess.run(
            ["git", "-C", str(repository), "rev-parse", "--verify", "--quiet", ref],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout.strip() or None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("run/api", "door", "repositories"):
        (tmp_path / "p" / name).mkdir(parents=True)
    (tmp_path / "p" / "door" / "token").write_text(TOKEN + "\n")
    return tmp_path / "p"


@pytest.fixture
def api(folder: Path) -> Iterator[FakeApi]:
    api = FakeApi(folder)
    api.start()
    yield api
    api.stop()


@pytest.fixture
def alice(tmp_path: Path, folder: Path, api: FakeApi) -> Clone:
    return _clone(tmp_path / "alice", folder, "SHA256:alice")


@pytest.fixture
def bob(tmp_path: Path, folder: Path, api: FakeApi) -> Clone:
    return _clone(tmp_path / "bob", folder, "SHA256:bob")


def _clone(path: Path, folder: Path, key: str) -> Clone:
    path.mkdir()
    clone = Clone(path, folder, key)
    clone.git("init", "--quiet", "--initial-branch=main")
    clone.commit(**{"app.py": "print(1)\n", "Procfile": "web: python app.py\n", "who": key})
    return clone
