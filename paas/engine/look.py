"""Looks at a host by ssh: `python -I -m paas.engine.look`; the question and the answer are JSON.

A program of its own, so that paramiko is carried by nobody. It asks for no program there, and for no right beyond what
the tunnel will need.
"""

import base64
import hashlib
import json
import shlex
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import paramiko
from paramiko.common import cMSG_CHANNEL_OPEN

from paas.engine import dial

SECONDS = 10.0
"""For each step."""
KEY_TYPES = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)
"""Of a host's keys, the better first."""
STREAM_LOCAL = "direct-streamlocal@openssh.com"
FORBIDDEN = 1
"""sshd's answer when its configuration says no to a channel."""
OLDEST_ENGINE = (20, 10)
ANSWER_LIMIT = 1 << 20


@dataclass(frozen=True)
class Question:
    user: str
    address: str
    port: int
    socket: str
    """Of the engine; empty: there need be none."""
    key_file: str
    """With which we log in."""
    host_key: str | None
    """`KIND BASE64`, or `SHA256:...`; None: whichever it is."""
    carried_port: int
    """Of 127.0.0.1 there, where something of ours is to be carried."""
    carried_to: list[str]
    """The addresses where that is done already."""
    source: str
    """Whose tunnel it will be: what dial.py makes the port of that it comes from."""


class NotFit(Exception):
    """`kind` is one of fit.py's; `why` is what goes into its sentence."""

    def __init__(self, kind: str, why: str) -> None:
        self.kind, self.why = kind, why
        super().__init__(kind)


class Transport(paramiko.Transport):  # type: ignore[misc] # it has no types
    """paramiko knows no channel to a unix socket; its own words for one follow those of any channel."""

    socket_path = ""

    def _send_user_message(self, data: Any) -> None:
        if self.socket_path and data.asbytes()[:1] == cMSG_CHANNEL_OPEN:
            data.add_string(self.socket_path)
            data.add_string("")
            data.add_int(0)
        super()._send_user_message(data)

    def open_socket(self, path: str) -> paramiko.Channel:
        self.socket_path = path
        try:
            return self.open_channel(STREAM_LOCAL, timeout=SECONDS)
        finally:
            self.socket_path = ""


def look(question: Question) -> Mapping[str, str]:
    """Raises NotFit."""
    for transport in _greeted(question):
        with closing(transport):
            if question.host_key is not None and not _is(transport, question.host_key):
                continue
            key = transport.get_remote_server_key()
            _log_in(transport, question)
            engine = _ask_engine(transport, question) if question.socket else {}
            _check_port(transport, question)
            return {
                "host_key": f"{key.get_name()} {key.get_base64()}",
                "fingerprint": _fingerprint(key),
                "arch": str(engine.get("Arch", "")),
                "user": question.user,
                "address": transport.getpeername()[0],
            }
    raise NotFit("host key", ", ".join(_shown(question)) or "none that we know")


def _greeted(question: Question) -> Iterator[Transport]:
    """One for each kind of key that the host has. Raises NotFit."""
    is_there = False
    for kinds in KEY_TYPES:
        transport = Transport(_connect(question))
        transport.banner_timeout = transport.auth_timeout = SECONDS
        transport.get_security_options().key_types = kinds
        try:
            transport.start_client(timeout=SECONDS)
        except paramiko.SSHException as error:
            transport.close()
            if not is_there and isinstance(error, paramiko.IncompatiblePeer):
                continue
            if is_there:
                return
            raise NotFit("unreachable", f"no ssh answers there: {error}") from None
        except (EOFError, OSError) as error:
            transport.close()
            raise NotFit("unreachable", f"no ssh answers there: {error}") from None
        is_there = True
        yield transport


def _connect(question: Question) -> socket.socket:
    try:
        address = socket.gethostbyname(question.address)
        return dial.connect(address, question.port, dial.source_port(question.source, address))
    except socket.gaierror as error:
        raise NotFit("unreachable", f"{question.address} is no address: {error.strerror}") from None
    except OSError as error:
        raise NotFit("unreachable", error.strerror or str(error)) from None


def _shown(question: Question) -> Iterator[str]:
    for transport in _greeted(question):
        with closing(transport):
            yield _fingerprint(transport.get_remote_server_key())


def _is(transport: Transport, expected: str) -> bool:
    key = transport.get_remote_server_key()
    return expected in (_fingerprint(key), f"{key.get_name()} {key.get_base64()}")


def _fingerprint(key: paramiko.PKey) -> str:
    digest = hashlib.sha256(key.asbytes()).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _log_in(transport: Transport, question: Question) -> None:
    key = paramiko.Ed25519Key.from_private_key_file(question.key_file)
    try:
        missing = transport.auth_publickey(question.user, key)
    except paramiko.AuthenticationException:
        raise NotFit("login", "it refuses the key") from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise NotFit("unreachable", f"it ended while we logged in: {error}") from None
    if missing:
        raise NotFit("login", f"it wants {', '.join(missing)} too")


def _ask_engine(transport: Transport, question: Question) -> Mapping[str, Any]:
    """What it tells of its version."""
    try:
        channel = transport.open_socket(question.socket)
    except paramiko.ChannelException as error:
        if error.code == FORBIDDEN:
            raise NotFit("forwarding", "AllowStreamLocalForwarding") from None
        raise _why_not_open(transport, question.socket) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise NotFit("unreachable", f"no channel can be opened: {error}") from None
    with closing(channel):
        channel.settimeout(SECONDS)
        try:
            channel.sendall(b"GET /version HTTP/1.0\r\nHost: engine\r\n\r\n")
            answer = _read(channel)
        except (TimeoutError, OSError) as error:
            raise NotFit("engine", f"it does not answer ({type(error).__name__})") from None
    head, _, body = answer.partition(b"\r\n\r\n")
    try:
        told: dict[str, Any] = json.loads(body if head.startswith(b"HTTP/") else b"")
        version = tuple(int(number) for number in str(told["Version"]).split(".")[:2])
    except (ValueError, KeyError, TypeError):
        raise NotFit("engine", "what answers there is no Docker engine") from None
    if version < OLDEST_ENGINE:
        oldest = ".".join(map(str, OLDEST_ENGINE))
        raise NotFit("engine", f"Docker {told['Version']} is too old: {oldest} is needed")
    return told


def _read(channel: paramiko.Channel) -> bytes:
    answer = b""
    while len(answer) < ANSWER_LIMIT and (data := channel.recv(65536)):
        answer += data
    return answer


def _why_not_open(transport: Transport, path: str) -> NotFit:
    """sshd tells its own log alone. Where the account has a shell, that is asked."""
    quoted = shlex.quote(path)
    script = (
        f"test -S {quoted} || exit 3; test -w {quoted} || {{ stat -L -c %G {quoted}; exit 4; }}"
    )
    code, said = None, ""
    with suppress(paramiko.SSHException, EOFError, OSError), _session(transport) as session:
        session.exec_command(script)
        said = _read(session).decode(errors="replace").strip()
        code = session.recv_exit_status()
    if code == 0:  # so it is not the socket; sshd answers the same when nothing listens there
        return NotFit("forwarding", "AllowStreamLocalForwarding")
    if code == 3:
        return NotFit("no socket", "")
    if code == 4:
        return NotFit("not allowed", said)
    return NotFit("no socket", " that the account may use, or nothing listens there")


@contextmanager
def _session(transport: Transport) -> Iterator[paramiko.Channel]:
    with closing(transport.open_session(timeout=SECONDS)) as session:
        session.settimeout(SECONDS)
        yield session


def _check_port(transport: Transport, question: Question) -> None:
    """It can be had."""
    if transport.getpeername()[0] in question.carried_to:
        return
    try:
        transport.request_port_forward("127.0.0.1", question.carried_port)
        transport.cancel_port_forward("127.0.0.1", question.carried_port)
    except (paramiko.SSHException, EOFError, OSError):
        raise NotFit("port", str(question.carried_port)) from None


def main() -> None:
    question = Question(**json.load(sys.stdin))
    try:
        answer = {"found": look(question)}
    except NotFit as error:
        answer = {"not_fit": {"kind": error.kind, "why": error.why}}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
