"""The machine that a lab's host is: what it has while it is off, and what runs while it is on."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from tests.multihost.switch import Switch, enter_network, run

BOOT = Path(__file__).with_name("boot")
USER = "deploy"
NUMBER = 58_000
"""Of the account, its group, and the group that may use the engine's socket. They exist in no file of the machine."""
ENGINE_FILE = "daemon.json"
PATIENCE_SECONDS = 60.0
SSHD = """\
ListenAddress {address}:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {keys}
AuthenticationMethods publickey
PermitRootLogin no
UsePAM no
StrictModes no
PidFile none
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
"""


@dataclass(slots=True)
class Box:
    name: str
    folder: Path
    interface: IPv4Interface
    ssh_port: int
    disk_mb: int | None
    switch: Switch
    _first: subprocess.Popen[bytes] | None = None
    _pid: int = 0
    """Of the host's first program, as the root namespace counts."""

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    def furnish(self, authorized_keys: Path, engine: dict[str, Any]) -> None:
        """What a disk keeps: accounts, keys, what its daemons are told. `engine` is dockerd's, as in daemon.json."""
        self.folder.mkdir()
        self.folder.chmod(0o710)
        os.chown(self.folder, 0, NUMBER)
        for name in ("data", "etc/docker"):  # dockerd of 20.10 has its identity in the latter
            (self.folder / name).mkdir(parents=True)
        account = f"{USER}:x:{NUMBER}:{NUMBER}::/tmp:/bin/sh\n"
        added = {
            "passwd": account,
            "group": f"{USER}:x:{NUMBER}:\n",
            "shadow": f"{USER}:*:::::::\n",
        }
        for file, line in added.items():
            own = self.folder / "etc" / file
            own.write_text(Path("/etc", file).read_text() + line)
            own.chmod(0o600 if file == "shadow" else 0o644)
        key = ["-t", "ed25519", "-N", "", "-C", self.name, "-f", f"{self.folder / 'host_key'}"]
        run("ssh-keygen", "-q", *key)
        told = SSHD.format(
            address=self.interface.ip, port=self.ssh_port, folder=self.folder, keys=authorized_keys
        )
        (self.folder / "sshd_config").write_text(told)
        options = {
            "hosts": [f"unix://{self.socket}"],
            "group": USER,
            "data-root": f"{self.folder / 'data'}",
            "storage-driver": "overlay2",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "cgroup-parent": f"/{self.folder.parent.name}/{self.name}",
        }
        (self.folder / ENGINE_FILE).write_text(json.dumps({**options, **engine}))

    def boot(self) -> None:
        """Returns when the engine answers: what it restarts by itself runs then."""
        assert self._first is None, f"{self.name} is on"
        spaces = ["--mount", "--propagation", "slave", "--uts", "--pid", "--net"]
        given = [self.name, f"{self.folder / 'etc'}", f"{self.folder / 'data'}"]
        argv = ["unshare", *spaces, "--fork", "--kill-child", f"{BOOT}", *given]
        pipe = subprocess.PIPE
        with Path(self._log("boot")).open("ab") as log:
            self._first = subprocess.Popen(
                [*argv, f"{self.disk_mb or ''}"],
                stdin=pipe,
                stdout=pipe,
                stderr=log,
                start_new_session=True,
            )
        assert self._first.stdout
        said = self._first.stdout.readline()
        assert said, Path(self._log("boot")).read_text()
        self._pid = int(said)
        self.switch.unplug(self.name)  # after a power cut the kernel takes a while to do it
        self.switch.plug(self.name, "eth0", self.interface, enter_network(self._pid))
        self.run("/usr/sbin/sshd", "-f", f"{self.folder / 'sshd_config'}", "-E", self._log("sshd"))
        self.start_engine()

    def start_engine(self) -> None:
        """Returns when it answers."""
        command = ["setsid", "--fork", "dockerd", "--config-file", f"{self.folder / ENGINE_FILE}"]
        log = Path(self._log("engine"))
        with log.open("ab") as sink:
            argv = self.enter(*command)
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, check=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not answers(self.socket):
            is_hopeless = time.monotonic() > deadline or self._engine() is None
            assert not is_hopeless, f"{self.name}: {log.read_text()[-3000:]}"
            time.sleep(0.05)

    def stop_engine(self) -> None:
        """As `systemctl stop docker` does."""
        self.signal_engine(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._engine():
            assert time.monotonic() < deadline, f"the engine of {self.name} does not end"
            time.sleep(0.02)

    def signal_engine(self, number: signal.Signals) -> None:
        engine = self._engine()
        assert engine, f"{self.name} has no engine"
        self.run("sh", "-c", 'kill -s "$0" "$1"', number.name.removeprefix("SIG"), engine)

    def _engine(self) -> str | None:
        """Its process id, as the host counts."""
        for process in Path(f"/proc/{self._pid}/root/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                if (process / "comm").read_text() in ("setsid\n", "dockerd\n"):
                    return process.name
        return None

    def off(self) -> None:
        """At once, and without a word to anyone. When it returns, no process of it is left."""
        if self._first is None:
            return
        if self._pid and self._first.poll() is None:
            self.switch.unplug(self.name)
            os.kill(self._pid, signal.SIGKILL)
        self._first.communicate()
        self._first, self._pid = None, 0

    def enter(self, *argv: str) -> list[str]:
        """What runs it on the host, as root."""
        assert self._pid, f"{self.name} is off"
        spaces = ["--mount", "--uts", "--pid", "--net"]
        return ["nsenter", "--target", f"{self._pid}", *spaces, "--", *argv]

    def run(self, *argv: str) -> None:
        run(*self.enter(*argv))

    def _log(self, name: str) -> str:
        return f"{self.folder / name}.log"


def answers(path: Path, within: float = 5.0) -> bool:
    """Whether an engine does, on this socket."""
    asked = http.client.HTTPConnection("engine")
    with socket.socket(socket.AF_UNIX) as asked.sock:
        asked.sock.settimeout(within)
        try:
            asked.sock.connect(f"{path}")
            asked.request("GET", "/_ping")
            return asked.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
