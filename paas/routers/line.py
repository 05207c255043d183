"""What root types on another machine to make it a router of this platform."""

import shlex

from paas.settings import Settings


def install_line(name: str, settings: Settings) -> str:
    """In a clone of this program's version. Its password is that of Redis' user `router`."""
    password = settings.router_password.read_text().strip()
    words = ["sudo", "./install.sh", "--router", name, "--platform", settings.platform]
    words += ["--table-port", str(settings.table_port), "--http-port", str(settings.http_port)]
    return shlex.join([*words, "--password", password])
