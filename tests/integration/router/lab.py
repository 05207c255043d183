"""One router with everything around it: real Redis, real HAProxy, the real follower, small containers on loopback."""

import http.client
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from redis import Redis, RedisError

from paas.model.route import Ack, Backend, Route, Version
from paas.routes.table import RouteTable, router_acl
from router.folder import Folder
from router.haproxy import HAProxy
from router.running import Running
from router.start import born
from tests.eventually import eventually
from tests.share import free_ports

PLATFORM = "tttttttt"
PASSWORD = "router-password"


class App(BaseHTTPRequestHandler):
    """What a container answers. The path says how."""

    protocol_version = "HTTP/1.1"
    server: "Container"

    def do_GET(self) -> None:
        server = self.server
        if self.path.startswith("/slow"):
            server.began.set()
            server.go_on.wait(20)
        if self.path == "/close":
            self.close_connection = True
            self.connection.close()
            return
        if self.headers.get("Upgrade") == "echo":
            self._echo()
            return
        length = int(self.headers.get("Content-Length") or 0)
        read = 0
        while read < length:
            read += len(self.rfile.read(min(1 << 16, length - read)))
        body = f"{server.name} {self.command} {self.path} {read}\n{self.headers}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_POST = do_PUT = do_HEAD = do_GET

    def _echo(self) -> None:
        self.send_response_only(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "echo")
        self.end_headers()
        while chunk := self.connection.recv(4096):
            self.connection.sendall(chunk)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Silent."""


class Container(ThreadingHTTPServer):
    """`name` is in every answer; `/slow` begins, and answers when told to go on."""

    daemon_threads = True
    request_queue_size = 200

    def __init__(self, name: str, port: int = 0) -> None:
        self.name = name
        self.began, self.go_on = threading.Event(), threading.Event()
        super().__init__(("127.0.0.1", port), App)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def handle_error(self, *args: object) -> None:
        """Clients that go away are the router's matter."""

    def backend(self, dyno: str = "web.1") -> Backend:
        return Backend(self.name, dyno, "127.0.0.1", int(self.server_address[1]))

    def end(self) -> None:
        self.go_on.set()
        self.shutdown()
        self.server_close()
        self.thread.join()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass(slots=True)
class Lab:
    """The router runs in `path`, and serves at `port` of loopback."""

    path: Path
    port: int
    redis_process: subprocess.Popen[bytes]
    table: RouteTable
    redis: Redis
    options: tuple[str, ...] = ()
    open_files: int = 20_000
    containers: list[Container] = field(default_factory=list)
    follower: subprocess.Popen[bytes] | None = None
    haproxy: subprocess.Popen[bytes] | None = None
    fence: int = 0
    lines_before: int = 0
    """Of the log, before this test."""

    def reset(self) -> None:
        """No app, no container, nothing in flight."""
        for container in self.containers:
            container.end()
        self.containers.clear()
        for app_id in self.table.snapshot().routes:
            self.acknowledged(self.remove(app_id))
        eventually(lambda: (ack := self.ack()) and not ack.busy)
        self.lines_before += len(self.log())

    @property
    def folder(self) -> Folder:
        return Folder(self.path / "r")

    @property
    def said(self) -> str:
        return (self.path / "follower.err").read_text()

    def container(self, name: str) -> Container:
        self.containers.append(Container(name))
        return self.containers[-1]

    def start_haproxy(self) -> None:
        with (self.path / "haproxy.err").open("ab") as errors:
            self.haproxy = subprocess.Popen(self._command("--exec-haproxy"), stderr=errors)
        pid = self.haproxy.pid
        eventually(lambda: _words(self.folder.pid) == [str(pid)])

    def start_follower(self) -> None:
        arguments = (
            f"--redis={self.path}/redis.sock --platform={PLATFORM}"
            f" --redis-password-file={self.path}/password"
        )
        with (self.path / "follower.err").open("ab") as errors:
            self.follower = subprocess.Popen(self._command(*arguments.split()), stderr=errors)

    def kill_follower(self, sign: signal.Signals = signal.SIGKILL) -> None:
        assert self.follower is not None
        self.follower.send_signal(sign)
        self.follower.wait(10)

    def kill_haproxy(self) -> None:
        assert self.haproxy is not None
        worker = HAProxy(self.folder).worker().pid
        self.haproxy.kill()
        self.haproxy.wait(10)
        eventually(lambda: born(worker) is None)

    def stop_redis(self) -> None:
        self.redis_process.kill()
        self.redis_process.wait(10)

    def start_redis(self) -> None:
        self.redis_process = start_redis(self.path)

    def publish(self, app: str, *backends: Backend, **more: object) -> Version:
        """And waits until the router has it."""
        self.fence += 1
        version = self.table.publish(make_route(app, *backends, **more), self.fence)
        self.acknowledged(version)
        return version

    def remove(self, app_id: str) -> Version:
        self.fence += 1
        return self.table.remove(app_id, self.fence)

    def acknowledged(self, version: Version) -> Ack:
        eventually(lambda: (ack := self.ack()) and ack.version.covers(version))
        ack = self.ack()
        assert ack is not None
        return ack

    def ack(self) -> Ack | None:
        return self.table.acknowledgements().get("local")

    def get(
        self, host: str, path: str = "/", method: str = "GET", body: object = None, **headers: str
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Host": host, **named})  # type: ignore[arg-type]
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def names(self, host: str, tries: int = 20) -> set[str]:
        """Which containers answer."""
        return {self.get(host).text.split(" ", 1)[0] for _ in range(tries)}

    def log(self) -> list[tuple[str, str]]:
        """App id and line of every request of this test so far."""
        files = sorted(self.folder.spool.glob("*.jsonl"))
        lines = [line for file in files for line in file.read_text().splitlines()]
        return [
            (said["app_id"], said["text"]) for said in map(json.loads, lines[self.lines_before :])
        ]

    def running(self) -> Running:
        return HAProxy(self.folder).read()

    def end(self) -> None:
        for process in (self.follower, self.haproxy, self.redis_process):
            if process is not None and process.poll() is None:
                process.terminate()
        for process in (self.follower, self.haproxy, self.redis_process):
            if process is not None:
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(5)
        for container in self.containers:
            container.end()

    def _command(self, *more: str) -> list[str]:
        return [
            "prlimit", f"--nofile={self.open_files}",
            sys.executable, "-m", "router", f"--folder={self.folder.path}", f"--http-port={self.port}",
            "--bind=127.0.0.1", *self.options, *more,
        ]  # fmt: skip


def make_route(app: str, *backends: Backend, **more: object) -> Route:
    hostnames = more.pop("hostnames", (f"{app}.localhost",))
    return Route(f"id-{app}", app, hostnames, backends, **more)  # type: ignore[arg-type]


def start_redis(path: Path) -> subprocess.Popen[bytes]:
    config = path / "redis.conf"
    config.write_text(
        f'port 0\nunixsocket {path}/redis.sock\nsave ""\nappendonly no\ndir {path}\n'
        f"user router on >{PASSWORD} {' '.join(router_acl(PLATFORM))}\n"
    )
    process = subprocess.Popen(["redis-server", str(config)], stdout=subprocess.DEVNULL)
    try:
        with Redis(unix_socket_path=f"{path}/redis.sock") as client:
            eventually(lambda: _answers(client))
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def _answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


@contextmanager
def running_lab(path: Path, *options: str, open_files: int = 20_000) -> Iterator[Lab]:
    """Everything runs; the table is filled and holds nothing. `options`: more words for the router's command line."""
    (path / "r").mkdir()
    (path / "password").write_text(PASSWORD)
    redis = Redis(unix_socket_path=f"{path}/redis.sock", decode_responses=True)
    (port,) = free_ports(1)
    lab = Lab(path, port, start_redis(path), RouteTable(redis, PLATFORM), redis, options)
    lab.open_files = open_files
    try:
        lab.table.fill([], {})
        lab.start_haproxy()
        lab.start_follower()
        eventually(lab.ack)
        yield lab
    finally:
        lab.end()
        redis.close()


def _words(path: Path) -> list[str]:
    """Of a file that may be replaced at any moment."""
    try:
        return path.read_text().split()
    except FileNotFoundError:
        return []
