"""What `install.sh` refuses on a bare machine before it changes anything."""

from collections.abc import Iterator

import pytest

from tests.install.machine import ROOT, Machine, bare_machine

pytestmark = pytest.mark.timeout(900)  # the first time, a system is installed

LAST_LOOK = "ls -d /opt/paas /var/lib/paas /srv/paas /var/log/paas-install.log /usr/bin/dockerd"
SAYS = "printf '#!/bin/sh\\necho %s\\n' '{says}' >/usr/local/bin/{name} && chmod +x /usr/local/bin/{name}"


@pytest.fixture(scope="module")
def bare() -> Iterator[Machine]:
    with bare_machine("bookworm") as made:
        made.begin()
        made.bring(ROOT, "/home/ada/paas")
        yield made


def over(path: str, text: str) -> str:
    """The file has this text, for whoever is in the same mount namespace."""
    return f"printf '{text}' >/run/{path.replace('/', '-')} && mount --bind /run/{path.replace('/', '-')} {path}"


def has(program: str, says: str) -> str:
    """A program of that name, older than what would be installed."""
    return "mount -t tmpfs none /usr/local/bin && " + SAYS.format(name=program, says=says)


NOTHING_OF_IT = f"{over('/proc/filesystems', '')} && {over('/proc/kallsyms', '')} && mount -t tmpfs none /sys/module"


@pytest.mark.parametrize(
    ("given", "words", "why", "remedy"),
    [
        (
            over("/etc/os-release", "ID=debian\\nVERSION_ID=11\\n"),
            "",
            "This system is 'debian 11'.",
            "Debian 12, Debian 13 and Ubuntu 24.04",
        ),
        (
            "mount -t tmpfs -o size=9G none /srv",
            "--dir /srv/paas",
            "The disk of /srv has 9 GB free, and 10 are needed.",
            "Make room, or name another folder: --dir FOLDER",
        ),
        (
            "mount -t tmpfs -o size=99G none /var/lib && mkdir /var/lib/containerd && "
            "mount -t tmpfs -o size=9G none /var/lib/containerd",
            "",
            "The disk of /var/lib/containerd has 9 GB free, and 10 are needed.",
            "Make room",
        ),
        (
            over("/proc/meminfo", "MemTotal: 524288 kB\\n"),
            "",
            "This machine has 512 MB of memory, and 1 GB is needed.",
            "Apps need theirs besides.",
        ),
        (
            has("docker", "19.03.15"),
            "",
            "The Docker engine here is 19.03.15, and 20.10 is the oldest that works.",
            "Upgrade it",
        ),
        (
            has("haproxy", "HAProxy version 2.4.22-f8e3218"),
            "",
            "The haproxy here is 2.4.22, and 2.6 is the oldest that works.",
            "apt-get install haproxy",
        ),
        (
            has("redis-server", "Redis server v=6.0.16 sha=00000000:0"),
            "",
            "The redis-server here is 6.0.16, and 7.0 is the oldest that works.",
            "apt-get install redis-server",
        ),
        (
            NOTHING_OF_IT,
            "",
            "This kernel has no overlay, which containers need.",
            "/lib/modules of the machine",
        ),
        (
            "systemd-socket-activate --listen=2222 /bin/true & sleep 1",
            "",
            "Port 2222, which pushes would need, is in use by something else.",
            "choose another: --ssh-port N",
        ),
        (
            "touch /run/diary && mount -t tmpfs none /srv && mkdir /srv/paas && touch /srv/paas/diary",
            "--dir /srv/paas",
            "/srv/paas is not empty, and is no platform.",
            "Name another folder",
        ),
        (
            "mount -t tmpfs none /etc/systemd/system && cd /etc/systemd/system && "
            "echo 'ExecStart=/usr/local/bin/paasd run /srv/two' >paas-srv-two.service",
            "--dir /srv-two",
            "The unit paas-srv-two.service is another folder's.",
            "Name another folder",
        ),
    ],
    ids=[
        "system",
        "disk",
        "images",
        "memory",
        "engine",
        "haproxy",
        "redis",
        "kernel",
        "port",
        "folder",
        "unit",
    ],
)
def test_a_machine_that_will_not_do_is_refused_and_left_as_it_is(
    bare: Machine, given: str, words: str, why: str, remedy: str
) -> None:
    typed = f"{given}\n/home/ada/paas/install.sh {words}\ncode=$?\nkill $! 2>/dev/null\nexit $code"

    said = bare.runs(f"unshare --mount sh -c '{quoted(typed)}'", "root")

    assert said.returncode == 1
    assert why in said.stderr
    assert remedy in said.stderr
    assert said.stdout == ""
    assert bare.runs(LAST_LOOK).stdout == ""


def test_whoever_is_not_root_is_told_to_type_sudo(bare: Machine) -> None:
    said = bare.runs("paas/install.sh")

    assert said.returncode == 1
    assert "Type: sudo ./install.sh" in said.stderr


def quoted(text: str) -> str:
    """Between single quotes."""
    return text.replace("'", "'\\''")
