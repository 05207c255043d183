"""A small container that answers HTTP with its name, and who may ask it."""

import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from docker.models.containers import Container

from tests.multihost.lab import Lab, LabHost

IMAGE = "paas-lab-answering:latest"
PORT = 8000
CONFIG = """\
defaults
    mode http
    timeout client 5s
frontend all
    bind :8000
    http-request return status 200 content-type text/plain string "{name}"
"""
SERVES = 'printf "%s" "$CONFIG" >/tmp/haproxy.cfg; exec haproxy -db -f /tmp/haproxy.cfg'
ASKS = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=2).read().decode())"


def give_image(lab: Lab, host: LabHost, packed: bytes) -> None:
    repository, _, tag = IMAGE.partition(":")
    lab.docker(host).api.import_image_from_data(packed, repository=repository, tag=tag)


def start_answering(lab: Lab, host: LabHost, name: str, port: int) -> Container:
    """On the host's own address, restarted by its engine. The host has IMAGE: see `give_image`."""
    started: Container = lab.docker(host).containers.run(
        IMAGE,
        ["sh", "-c", SERVES],
        name=name,
        environment={"CONFIG": CONFIG.format(name=name)},
        ports={f"{PORT}/tcp": (f"{host.address}", port)},
        stop_signal="SIGUSR1",
        restart_policy={"Name": "unless-stopped"},
        detach=True,
    )
    return started


def answer(host: LabHost, port: int, within: float = 2.0) -> str:
    """As the control plane hears it. Raises TimeoutError for silence, ConnectionError for a refusal."""
    asked = HTTPConnection(f"{host.address}", port, timeout=within)
    with closing(asked):
        asked.request("GET", "/")
        return asked.getresponse().read().decode()


def is_answered(host: LabHost, port: int, name: str) -> bool:
    try:
        return answer(host, port) == name
    except (OSError, HTTPException):
        return False


def answer_on(lab: Lab, asking: LabHost, host: LabHost, port: int) -> str:
    """As the first host hears the second. Empty: it hears nothing."""
    argv = lab.enter(asking, sys.executable, "-c", ASKS, f"http://{host.address}:{port}/")
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
