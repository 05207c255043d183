"""The router's folder: where its files and sockets are, and how they are written."""

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from paas.model.route import Route, RouteInvalid, Version

LONGEST = 80
"""HAProxy binds a socket under a temporary name that is 25 characters longer; a socket's path has 107."""


class FolderUnfit(Exception):
    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The router's folder {path} will not do: at most {LONGEST} characters of letters, digits and /._+@-."
        )


@dataclass(frozen=True, slots=True)
class Last:
    """The last good table, with the slots its apps had, so that a cold start gives each app its slot again."""

    version: Version
    routes: Mapping[str, str]
    """App id to route, as JSON."""
    slots: Mapping[str, str]
    """App id to slot."""
    slot_count: int

    def read_routes(self) -> dict[str, Route]:
        """By app id. Raises RouteInvalid."""
        return {app_id: Route.from_json(text) for app_id, text in self.routes.items()}


class Folder:
    def __init__(self, path: Path) -> None:
        """Raises FolderUnfit."""
        self.path = path.absolute()
        if len(str(self.path)) > LONGEST or not re.fullmatch(
            r"[\w/.+@-]+", str(self.path), re.ASCII
        ):
            raise FolderUnfit(self.path)
        self.config = self.path / "haproxy.cfg"
        self.hostnames = self.path / "hosts.map"
        self.slots = self.path / "slots.map"
        self.servers = self.path / "servers.map"
        self.pages = self.path / "pages"
        self.last = self.path / "table.json"
        self.admin = self.path / "admin.sock"
        self.master = self.path / "master.sock"
        self.handoff = self.path / "handoff.sock"
        self.ops = self.path / "ops.sock"
        self.log_pipe = self.path / "log.fifo"
        self.spool = self.path / "log"
        self.shipped = self.path / "shipped"
        """How much of the spool the platform has, where the router is on another machine."""
        self.pid = self.path / "haproxy.pid"
        self.born = self.path / "haproxy.born"
        """Pid and start time of HAProxy's master, as `/proc` tells them."""

    def write(self, texts: Mapping[Path, str]) -> None:
        """Each file at once or not at all; one that is the same already is left alone."""
        for path, text in texts.items():
            path.parent.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):
                if path.read_text() == text:
                    continue
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "w") as file:
                file.write(text)
                if path == self.last:
                    file.flush()
                    os.fsync(file.fileno())
            Path(temporary).replace(path)

    def write_last(self, last: Last) -> None:
        """Survives a power cut, whole or as the one before."""
        given = {
            "epoch": last.version.epoch,
            "number": last.version.number,
            "slot_count": last.slot_count,
            "slots": last.slots,
            "routes": last.routes,
        }
        self.write({self.last: json.dumps(given)})

    def read_last(self) -> Last | None:
        """None: there is none, or none that can be read."""
        try:
            given = json.loads(self.last.read_text())
            last = Last(
                version=Version(str(given["epoch"]), int(given["number"])),
                routes={str(app_id): str(text) for app_id, text in given["routes"].items()},
                slots={str(app_id): str(slot) for app_id, slot in given["slots"].items()},
                slot_count=int(given["slot_count"]),
            )
            last.read_routes()
            return last
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RouteInvalid):
            return None

    def lock(self, name: str) -> TextIOWrapper | None:
        """None: somebody has it. Held until the file is closed or the process ends."""
        file = (self.path / f"{name}.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file
