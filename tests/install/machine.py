"""A machine as a user has it: a bare Debian with systemd, an account with sudo, and nothing of ours.

A container that is allowed what a machine may do. What is dear is kept as an image and a volume of the engine, named
after what they are made of: the bare system, and the data of an engine that has the stack already.
"""

import hashlib
import inspect
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

from paas.builds.stack import stack_digest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CERTIFICATES = Path("/usr/local/share/ca-certificates")
PACKAGES = "systemd,systemd-sysv,dbus,iproute2,ca-certificates,sudo,curl,git,procps"
USER = "ada"
DATES = 'Acquire::Check-Valid-Until "false";\nAcquire::Check-Date "false";\n'
"""The clock of a machine that runs tests may be anything."""
NO_CONTAINERS = frozenset({"bpf", "perfmon", "checkpoint_restore"})
"""Capabilities that an engine of 20.10 does not know by name."""
PATIENCE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Machine:
    name: str

    def runs(self, command: str, user: str = USER) -> subprocess.CompletedProcess[str]:
        """In a login shell of theirs, in their home."""
        argv = ["docker", "exec", "--interactive", self.name, "su", "--login", user]
        return subprocess.run(
            [*argv, "--command", command],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
        )

    def says(self, command: str, user: str = USER) -> str:
        """It is to end well; its output is the failure's message otherwise."""
        ended = self.runs(command, user)
        assert ended.returncode == 0, f"{command}\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}"
        return ended.stdout

    def root_says(self, command: str) -> str:
        return self.says(command, "root")

    def begin(self) -> None:
        """Returns when init has started what it starts."""
        _docker("start", self.name)
        deadline = time.monotonic() + 60
        while self.root_says("systemctl is-system-running || true").strip() != "running":
            assert time.monotonic() < deadline, self.root_says("systemctl --failed; true")
            time.sleep(0.2)

    def reboot(self) -> None:
        _docker("stop", "--time", "120", self.name)
        self.begin()

    def bring(self, folder: Path, to: str) -> None:
        """What git knows of the folder, as the account's own."""
        files = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=folder,
            capture_output=True,
            check=True,
        ).stdout.split(b"\0")
        there = [name for name in files if name and (folder / os.fsdecode(name)).is_file()]
        packed = subprocess.run(
            ["tar", "--create", "--null", "--files-from=-"],
            cwd=folder,
            input=b"\0".join(there),
            capture_output=True,
            check=True,
        ).stdout
        unpack = (
            f"mkdir -p {to} && tar --extract --directory {to} && chown --recursive {USER}: {to}"
        )
        into = ["docker", "exec", "--interactive", self.name, "sh", "-c", unpack]
        subprocess.run(into, input=packed, check=True, capture_output=True)


@contextmanager
def machine(suite: str) -> Iterator[Machine]:
    """Bare; the engine that will be installed in it finds the stack. Gone afterwards."""
    image = _bare_image(suite)
    seed = _engine_data(image, suite)
    with bare_machine(suite) as made:
        copied = ["--volume", f"{seed}:/from:ro", "--volumes-from", made.name]
        _docker("run", "--rm", *copied, image, "cp", "-a", "/from/.", "/var/lib/docker")
        made.begin()
        yield made


@contextmanager
def bare_machine(suite: str) -> Iterator[Machine]:
    """Not started yet."""
    image = _bare_image(suite)
    name = f"paas-machine-{uuid4().hex[:8]}"
    folders = ["--tmpfs=/run:mode=755", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec,mode=1777"]
    folders += ["--volume=/var/lib/docker", f"--volume={HERE / 'boot'}:/boot-machine:ro"]
    # systemd 256 and newer, on a host that still has version 1 of the control groups
    variables = ["--env=SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"]
    options = ["--hostname=machine", "--cgroupns=private", "--stop-signal=SIGRTMIN+3"]
    _docker(
        "create",
        f"--name={name}",
        *_powers(),
        *options,
        *folders,
        *variables,
        image,
        "/boot-machine",
    )
    try:
        yield Machine(name)
    finally:
        _docker("rm", "--force", "--volumes", name)


def _powers() -> list[str]:
    """All that whoever runs the tests has: a privileged container would ask for more where that is not everything."""
    status = Path("/proc/self/status").read_text()
    mask = re.search(r"^CapBnd:\s*(\w+)$", status, re.MULTILINE)
    assert mask
    argv = ["setpriv", "--list-caps"]  # all that there are, by number
    names = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    held = [name for number, name in enumerate(names) if int(mask[1], 16) >> number & 1]
    added = [f"--cap-add={name}" for name in held if name not in NO_CONTAINERS]
    unconfined = ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"]
    return [
        *added,
        *(f"--security-opt={word}" for word in unconfined),
        "--device-cgroup-rule=a *:* rwm",
    ]


def _certificates() -> list[Path]:
    return sorted(CERTIFICATES.rglob("*.crt"))


def _bare_image(suite: str) -> str:
    """Installed once, in a minute or two."""
    made_of = f"{suite} {PACKAGES} {inspect.getsource(_furnish)}"
    parts = [made_of.encode(), *(ca.read_bytes() for ca in _certificates())]
    image = f"paas/test-machine:{suite}-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:12]}"
    if _has("image", image):
        return image
    with tempfile.TemporaryDirectory(prefix="paas-machine-", dir="/var/tmp") as folder:
        system = Path(folder, "system")
        _run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, f"{system}")
        _furnish(system)
        packed = ["tar", "--create", "--directory", f"{system}", "."]
        with subprocess.Popen(packed, stdout=subprocess.PIPE) as tar:
            _run("docker", "import", "--change", 'CMD ["/sbin/init"]', "-", image, stdin=tar.stdout)
    return image


def _furnish(system: Path) -> None:
    """The certificates that the host trusts, the account, and no service that wants hardware."""
    trusted = system / CERTIFICATES.relative_to("/")
    for certificate in _certificates():
        shutil.copy(certificate, trusted)
    _run("chroot", f"{system}", "update-ca-certificates")
    _run("chroot", f"{system}", "useradd", "--create-home", "--shell", "/bin/bash", USER)
    (system / "etc/sudoers.d" / USER).write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
    (system / "etc/apt/apt.conf.d/99dates").write_text(DATES)
    for name in ("getty@tty1", "console-getty", "systemd-udevd", "systemd-udev-trigger"):
        (system / "etc/systemd/system" / f"{name}.service").symlink_to("/dev/null")


def _engine_data(image: str, suite: str) -> str:
    """Made once, by the installer itself, in some minutes."""
    digest = stack_digest(ROOT / "buildpacks" / "stack", suite, _certificates())[:12]
    volume = f"paas-test-engine-{suite}-{digest}"
    if _has("volume", volume):
        return volume
    _forget_older(suite)
    with bare_machine(suite) as made:
        made.begin()
        made.bring(ROOT, "/home/ada/paas")
        made.says("cd paas && sudo ./install.sh --no-sample")
        identity = made.root_says(
            "sed -n 's/^platform = \"\\(.*\\)\"/\\1/p' /var/lib/paas/settings.toml"
        )
        made.root_says(f"paasd destroy /var/lib/paas --confirm {identity.strip()}")
        _docker("stop", "--time", "120", made.name)
        _docker("volume", "create", volume)
        try:
            copied = ["--volume", f"{volume}:/to", "--volumes-from", made.name]
            _docker("run", "--rm", *copied, image, "cp", "-a", "/var/lib/docker/.", "/to")
        except BaseException:
            _docker("volume", "rm", volume)
            raise
    return volume


def _forget_older(suite: str) -> None:
    """Engine data of other stacks: a gigabyte each. What is in use stays."""
    asked = ["docker", "volume", "ls", "--quiet", "--filter", f"name=paas-test-engine-{suite}-"]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    if found:
        subprocess.run(["docker", "volume", "rm", *found], capture_output=True, check=False)


def _has(kind: str, name: str) -> bool:
    argv = ["docker", kind, "inspect", name]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _docker(*words: str) -> None:
    _run("docker", *words)


def _run(*argv: str, stdin: IO[bytes] | int | None = subprocess.DEVNULL) -> None:
    ended = subprocess.run(
        argv,
        stdin=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 0, f"{argv}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
