"""A host with two platforms on it, and a network beyond it."""

import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from paas.engine.docker_engine import DockerEngine
from tests.contract.conftest import OneHost, make_network
from tests.contract.lab import Lab

STACK = "paas/stack:run"
SERVES = ("python3", "-m", "http.server", "5000")
NEXT_DOOR = "169.254.77.77"
"""In the range of the machines' metadata servers."""


@dataclass(frozen=True)
class Outside:
    """A network beyond the host, in a network namespace, with a server on port 5000."""

    namespace: str
    address: str


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def accepts(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 2).close()
    except OSError:
        return False
    return True


@contextmanager
def listening(address: str = "0.0.0.0", port: int = 0) -> Iterator[int]:
    """A server of the host's own; its port."""
    with socket.create_server((address, port)) as server:

        def serve() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def isolated(open_port: int) -> Lab:
    platform = f"t{secrets.token_hex(3)}"
    engine = DockerEngine(platform, f"paas-{platform}", OneHost(), open_ports=(open_port,))
    first = make_network(engine)
    engine.prepare("local", f"{first}.0/24")
    return Lab(engine, platform, STACK, first)


def forget(lab: Lab) -> None:
    assert isinstance(lab.engine, DockerEngine)
    for seen in lab.engine.list("local"):
        lab.engine.remove("local", seen.name)
    lab.engine.network.forget("local")


def connects(address: str, port: int) -> list[str]:
    return ["bash", "-c", "exec 3<>/dev/tcp/$0/$1", address, str(port)]


def reaches(code: int) -> bool:
    """124, a timeout, is neither: a filter that lets people wait is a fault too."""
    assert code in (0, 1), code
    return code == 0


def rules_of(word: str, *inside: str) -> list[str]:
    """Those with this word in them, on the host or where `inside` leads."""
    saved = subprocess.run([*inside, "iptables-save"], capture_output=True, text=True, check=True)
    return [line for line in saved.stdout.splitlines() if line.startswith("-A") and word in line]


def without_hooks(platform: str) -> None:
    """What a reload of a firewall does, to this platform alone: its chains are empty, and nothing leads to them."""
    own = f"PAAS-{platform}"
    for tool in ("iptables", "ip6tables"):
        listed = subprocess.run([tool, "-S"], capture_output=True, text=True, check=True).stdout
        for rule in listed.splitlines():
            if rule.startswith("-A") and rule.endswith((f"-j {own}-IN", f"-j {own}-FWD")):
                subprocess.run([tool, "-D", *rule.split()[1:]], check=True)
        for chain in (f"{own}-IN", f"{own}-FWD"):
            subprocess.run([tool, "-F", chain], check=True)
