"""The programs of others that a platform needs on its machine."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from paas.errors import Invalid

WHERE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where they are looked for, and what a platform's programs have for PATH. install.sh has the same, so that what was
examined is what runs."""
PACKAGES: Mapping[str, str] = {
    "redis-server": "redis-server",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
    "ssh": "openssh-client",
    "haproxy": "haproxy",
    "git": "git",
    "setpriv": "util-linux",
    "iptables": "iptables",
    "docker-registry": "docker-registry",
    "systemctl": "systemd",
}
NEEDED = ("redis-server", "haproxy", "sshd", "ssh-keygen", "git")
"""Without these there is no platform."""
OLDEST_HAPROXY = (2, 6)
ANSWER_SECONDS = 10.0


class NotThere(Invalid):
    """`why`, and the `cure`: the next command."""

    def __init__(self, why: str, cure: str) -> None:
        self.why, self.cure = why, cure
        super().__init__(f"{why}. Type: {cure}")


class ProgramMissing(NotThere):
    def __init__(self, name: str) -> None:
        super().__init__(f"This machine has no program '{name}'", f"apt install {PACKAGES[name]}")


class HAProxyTooOld(NotThere):
    def __init__(self, found: str) -> None:
        oldest = ".".join(map(str, OLDEST_HAPROXY))
        why = f"HAProxy is {found}; {oldest}, which Debian 12 and Ubuntu 24.04 have, is the oldest that works"
        super().__init__(why, "apt install haproxy")


def program(name: str, where: str = WHERE) -> str:
    """Its absolute path. Raises ProgramMissing."""
    found = shutil.which(name, path=where)
    if found is None:
        raise ProgramMissing(name)
    return found


def check_needed(where: str = WHERE, names: Sequence[str] = NEEDED) -> str:
    """HAProxy's version, when everything is there. Raises ProgramMissing or HAProxyTooOld."""
    for name in names:
        program(name, where)
    argv = [program("haproxy", where), "-v"]
    try:
        asked = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HAProxyTooOld(f"of a version that it does not tell ({error})") from None
    said = re.search(rb"version (\d+)\.(\d+)\S*", asked.stdout)
    if said is None:
        raise HAProxyTooOld("of a version that it does not tell")
    version = said[0].split()[1].decode("ascii", "replace")
    if (int(said[1]), int(said[2])) < OLDEST_HAPROXY:
        raise HAProxyTooOld(version)
    return version
