"""The folder of a router on a machine of its own: made by `paasd router init`, and all that runs there is from it.

`router.toml` names the router and its platform; `keys/redis.router` is the password that the route table asks for.
`router/` and `run/` are as in a platform's folder.
"""

import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from paas.daemon.folder import Folder, RootNeeded, check_name, user_of, write
from paas.daemon.init import FolderInUse
from paas.daemon.programs import router_programs, supervised
from paas.daemon.run import supervisor_file
from paas.errors import Conflict, Invalid
from paas.model.router import RouterName
from paas.program import Program, User
from paas.settings import SETTINGS, Settings

FILE = "router.toml"
NEEDED = ("haproxy", "setpriv")
_PLATFORM = re.compile(r"[a-z0-9]{8}", re.ASCII)
_PASSWORD = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KINDS = {
    "platform": str,
    "table_port": int,
    "http_port": int,
    "bind_address": str,
    "router_user": str,
}


class NotARouter(Invalid):
    def __init__(self, directory: Path, why: str) -> None:
        super().__init__(
            f"{directory} holds no router ({why}). Make one: paas routers:line NAME prints what to type here"
        )


class InvalidRouter(Invalid):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what}. Nothing was changed. Type what paas routers:line NAME prints.")


class OtherRouter(Conflict):
    def __init__(self, directory: Path, held: str, asked: str) -> None:
        super().__init__(
            f"{directory} is of {held}, not of {asked}. Nothing was changed. Name another folder, or that one."
        )


@dataclass(frozen=True, slots=True)
class RouterFolder:
    name: str
    settings: Settings
    """The few of a platform's settings that its router needs too, and the paths."""

    @property
    def user(self) -> User:
        """Who runs HAProxy and the follower. Raises UnknownUser and RootNeeded."""
        user = user_of(self.settings.router_user, self.settings.directory)
        if os.geteuid() != 0 and not user.is_caller:
            raise RootNeeded(f"The router in {self.settings.directory}")
        return user

    @property
    def table(self) -> str:
        """Where Redis is, from here."""
        return f"127.0.0.1:{self.settings.table_port}"

    @classmethod
    def load(cls, directory: Path) -> "RouterFolder":
        """Raises NotARouter."""
        directory = directory.absolute()
        try:
            given = tomllib.loads((directory / FILE).read_text())
            name = RouterName(str(given.pop("name")))
        except FileNotFoundError:
            raise NotARouter(directory, f"no {FILE}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, Invalid) as error:
            raise NotARouter(directory, f"{FILE} cannot be read: {error}") from None
        for key, value in given.items():
            if key not in _KINDS or type(value) is not _KINDS[key]:
                raise NotARouter(directory, f"{FILE}: {key} is not known, or no {_KINDS.get(key)}")
        return cls(name, Settings(directory=directory, **given))

    def make(self, password: str) -> None:
        """Made, or made again with other ports and another password. Starts nothing.

        Raises InvalidRouter, FolderNameInvalid, FolderInUse, OtherRouter, UnknownUser or RootNeeded.
        """
        directory, user = self.settings.directory, self.user
        self._check(password)
        check_name(directory)
        self._check_empty()
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._write_settings()
        self.furnish()
        write(self.settings.router_password, f"{password}\n", User.caller(), 0o640, gid=user.gid)

    def furnish(self) -> None:
        """The folders and what the supervisor reads. Safe to repeat."""
        for folder in self._folders():
            folder.make()
        text = supervised(self.programs(), self.settings, User.caller())
        write(supervisor_file(self.settings), text, User.caller(), 0o600)

    def programs(self) -> Sequence[Program]:
        haproxy, follower = router_programs(self.name, self.table, self.settings, self.user)
        return haproxy, replace(follower, argv=(*follower.argv, "--ship-lines"))

    def _check(self, password: str) -> None:
        RouterName(self.name)
        if not _PLATFORM.fullmatch(self.settings.platform):
            raise InvalidRouter(f"{self.settings.platform[:60]!r} is no platform's id")
        if not _PASSWORD.fullmatch(password):
            raise InvalidRouter("That is not the password of a route table")
        ports = (self.settings.table_port, self.settings.http_port)
        if not all(1 <= port <= 65535 for port in ports) or len(set(ports)) < len(ports):
            raise InvalidRouter(
                f"{ports[0]} and {ports[1]} cannot be the table's port and the apps'"
            )

    def _check_empty(self) -> None:
        """Raises FolderInUse or OtherRouter, unless it is this router's."""
        directory = self.settings.directory
        if not directory.exists():
            return
        if not directory.is_dir():
            raise FolderInUse(directory, "is not a folder")
        if (directory / FILE).exists():
            held = RouterFolder.load(directory)
            mine, theirs = (
                f"router {each.name} of platform {each.settings.platform}" for each in (self, held)
            )
            if mine != theirs:
                raise OtherRouter(directory, theirs, mine)
        elif (directory / SETTINGS).exists():
            raise FolderInUse(directory, f"holds a platform (see {directory / SETTINGS})")
        elif held_names := sorted(path.name for path in directory.iterdir()):
            raise FolderInUse(directory, f"is not empty (it holds {held_names[0]})")

    def _write_settings(self) -> None:
        given: dict[str, Any] = {"name": self.name}
        given |= {key: getattr(self.settings, key) for key in _KINDS}
        lines = [
            f'{key} = "{value}"\n' if isinstance(value, str) else f"{key} = {value}\n"
            for key, value in given.items()
        ]
        write(self.settings.directory / FILE, "".join(lines), User.caller(), 0o644)

    def _folders(self) -> Sequence[Folder]:
        settings, user = self.settings, self.user
        caller, group, run = os.geteuid(), os.getegid(), settings.run
        return (
            Folder(settings.directory, caller, group, 0o755),
            Folder(settings.keys, caller, user.gid, 0o710),
            Folder(settings.router, user.uid, user.gid, 0o2750),
            Folder(settings.directory / "home", user.uid, user.gid, 0o700),
            Folder(run, caller, group, 0o755),
            Folder(run / "pids", caller, group, 0o755),
            Folder(run / "log", caller, group, 0o755),
        )
