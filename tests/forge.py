"""A forge: git repositories and tarballs by https, by a certificate authority of its own."""

import base64
import datetime
import ipaddress
import os
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "s3cret/of:ana"


@dataclass
class Forge:
    folder: Path
    authority: "Authority"
    address: str
    port: int = 0
    tarballs: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_down: bool = False

    def url(self, path: str, user: str = "") -> str:
        return f"https://{user}{self.address}:{self.port}/{path}"

    def commits(self, name: str, files: Mapping[str, str], tag: str = "") -> str:
        """On `main` of the repository NAME, in place of what was there; the commit."""
        work = self.folder / f"{name}.work"
        if not work.exists():
            self._git("init", "--quiet", "--initial-branch", "main", str(work))
        for path in work.iterdir():
            if path.name != ".git":
                subprocess.run(["rm", "-rf", str(path)], check=True)
        for path, text in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text)
            (work / path).chmod(0o755)
        self._git("-C", str(work), "add", "--all", "--force")
        self._git("-C", str(work), "commit", "--quiet", "--allow-empty", "--message", "x")
        if tag:
            self._git("-C", str(work), "tag", "--annotate", "--message", "x", tag)
        self._git("clone", "--quiet", "--mirror", str(work), str(self.folder / f"{name}.git.new"))
        subprocess.run(["rm", "-rf", str(self.folder / f"{name}.git")], check=True)
        (self.folder / f"{name}.git.new").rename(self.folder / f"{name}.git")
        return self._git("-C", str(work), "rev-parse", "HEAD").strip()

    def _git(self, *words: str) -> str:
        who = ["-c", "user.name=ana", "-c", "user.email=ana@example.com"]
        return subprocess.run(
            ["git", *who, *words], check=True, capture_output=True, text=True
        ).stdout


class Authority:
    """Of certificates, for one run of the tests."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "forge of the tests")])
        self.certificate = self._signed(self._name, self._key.public_key(), None)

    def write(self, path: Path) -> None:
        """What a client has to trust."""
        path.write_bytes(_pem(self.certificate))

    def context(self, address: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "forge")])
        certificate = self._signed(name, key.public_key(), address)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(private + _pem(certificate))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, address: str | None
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        ours = self._key.public_key()
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=7))
            .add_extension(x509.BasicConstraints(ca=address is None, path_length=None), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), False)
        )
        if address is not None:
            names = [x509.IPAddress(ipaddress.ip_address(address))]
            made = made.add_extension(x509.SubjectAlternativeName(names), False)
        else:
            made = made.add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False), True
            )
        return made.sign(self._key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@contextmanager
def serving(folder: Path, authority: Authority, address: str) -> Iterator[Forge]:
    forge = Forge(folder, authority, address)
    server = ThreadingHTTPServer((address, 0), _handler(forge))
    server.daemon_threads = True
    server.socket = authority.context(address).wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    forge.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(forge: Forge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 60

        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            forge.asked.append(self.path)
            place, _, query = self.path.partition("?")
            if forge.is_down:
                self.send_error(503)
            elif place in forge.redirects:
                self._tell(302, {"Location": forge.redirects[place]})
            elif place.startswith("/private") and not self._is_ana():
                self._tell(401, {"WWW-Authenticate": 'Basic realm="forge"'})
            elif place == "/endless.tgz":
                self._flood()
            elif place == "/silent.tgz":
                time.sleep(20)
            elif ".git/" in place:
                self._git(place, query)
            elif place in forge.tarballs:
                etag = f'"{hash(forge.tarballs[place])}"'
                if self.headers["If-None-Match"] == etag:
                    self._tell(304, {})
                else:
                    self._tell(200, {"ETag": etag}, forge.tarballs[place])
            else:
                self.send_error(404)

        do_POST = do_GET

        def _is_ana(self) -> bool:
            given = base64.b64encode(f"ana:{PASSWORD}".encode()).decode()
            return self.headers["Authorization"] == f"Basic {given}"

        def _tell(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _flood(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"\0" * 65536)
            except OSError:
                return

        def _git(self, place: str, query: str) -> None:
            length = int(self.headers["Content-Length"] or 0)
            environment = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(forge.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers["Git-Protocol"] or "",
                "HTTP_CONTENT_ENCODING": self.headers["Content-Encoding"] or "",
                "PATH_INFO": place,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers["Content-Type"] or "",
                "CONTENT_LENGTH": str(length),
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
            }
            answered = subprocess.run(
                ["git", "http-backend"], input=self.rfile.read(length), env=environment,
                capture_output=True, check=False,
            ).stdout  # fmt: skip
            head, _, body = answered.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            status = int(headers.pop("Status", "200").split()[0])
            self._tell(status, headers, body)

    return Handler
