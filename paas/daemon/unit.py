"""The unit of systemd that a platform runs in, if it does."""

import re
import subprocess
from pathlib import Path

from paas.errors import Failed
from paas.needed import ProgramMissing, program

SECONDS = 150.0
"""More than a unit of ours may take to stop."""


class NotRestarted(Failed):
    def __init__(self, unit: str, why: str) -> None:
        super().__init__(
            f"{unit} was not restarted: {why}. Read: journalctl -u {unit}; then: systemctl restart {unit}"
        )


def unit_of(pid: int) -> str:
    """Whose main process it is: not one that something in another unit, such as cron, has started. Else empty."""
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text()
    except FileNotFoundError:
        return ""
    found = re.search(r"^\d+:(?:name=systemd)?:(?:.*/)?([^/\n]+\.service)$", groups, re.MULTILINE)
    if found is None:
        return ""
    try:
        ended = _systemctl("show", "--property=MainPID", "--value", found[1])
    except (ProgramMissing, OSError, subprocess.TimeoutExpired):
        return ""
    return found[1] if ended.stdout.strip() == str(pid) else ""


def restart(unit: str) -> None:
    """Returns when it has stopped and was begun again. Raises NotRestarted."""
    try:
        ended = _systemctl("restart", unit)
    except subprocess.TimeoutExpired:
        raise NotRestarted(unit, f"it took more than {SECONDS:.0f} s") from None
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines() or [f"systemctl ended with {ended.returncode}"]
        raise NotRestarted(unit, said[0])


def _systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("systemctl"), *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
    )
