"""`sudo ./install.sh --router ...` on a bare machine with systemd: the line that `paas routers:add` prints."""

import secrets
import shlex
from collections.abc import Iterator

import pytest

from paas.routes.table import router_acl
from tests.eventually import eventually
from tests.install.machine import ROOT, Machine, bare_machine

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]

PLATFORM, PASSWORD = "abcd2345", secrets.token_hex(32)
LINE = (
    f"cd paas && sudo ./install.sh --router edge --platform {PLATFORM} --table-port 5002 --http-port 80 "
    f"--password {PASSWORD} 2>&1"
)
NOBODY = "curl --silent --output /dev/null --write-out '%{http_code}' -H 'Host: nobody.example' http://127.0.0.1/"
FOLDER = "/var/lib/paas-router"


@pytest.fixture(scope="module")
def bare() -> Iterator[Machine]:
    with bare_machine("bookworm") as made:
        made.begin()
        made.bring(ROOT, "/home/ada/paas")
        yield made


def carries_a_table(bare: Machine) -> None:
    """What the tunnel of a platform does, and a platform that has filled its table."""
    bare.root_says(
        "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server"
    )
    rules = shlex.join([f">{PASSWORD}", *router_acl(PLATFORM)])
    redis = "redis-cli -p 5002"
    bare.root_says("systemd-run --unit=table redis-server --port 5002 --bind 127.0.0.1 --save ''")
    eventually(lambda: bare.runs(f"{redis} ping").stdout == "PONG\n", within=10)
    bare.root_says(f"{redis} ACL SETUSER router on {rules}")
    for key, value in (("number", "7"), ("epoch", "e1")):
        bare.root_says(f"{redis} SET paas:{PLATFORM}:routes:{key} {value}")


def test_a_machine_becomes_a_router_and_says_what_it_waits_for_until_all_is_well(
    bare: Machine,
) -> None:
    first = bare.runs(LINE)

    assert first.returncode == 1
    assert "table        red   is not reached at 127.0.0.1:5002" in first.stdout
    assert "The router is there, and not all is well" in first.stdout
    assert bare.says(NOBODY) == "404", "it serves what it knows: nothing"
    assert bare.root_says("systemctl is-active paas-router") == "active\n"
    assert (
        bare.root_says(f"stat -c '%U:%G %a' {FOLDER}/keys/redis.router") == "root:paas-router 640\n"
    )
    assert bare.runs(f"cat {FOLDER}/keys/redis.router").returncode != 0
    for absent in ("docker", "debootstrap", "redis-server"):
        assert bare.runs(f"command -v {absent}", "root").returncode != 0

    carries_a_table(bare)
    again = bare.says(LINE)

    assert "table        ok    is reached, and served as it is" in again
    assert "The router edge serves on port 80." in again
    users = bare.root_says("ps -o user:20= -C haproxy | sort -u")
    assert users == "paas-router\n"
    assert bare.says(LINE).count("all there") == 1

    bare.reboot()
    eventually(lambda: bare.runs(NOBODY).stdout == "404", within=30)
