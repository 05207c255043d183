"""The folders of a platform, and whose each is."""

import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paas.errors import Invalid, Refused
from paas.program import User as User
from paas.settings import Settings

LONGEST = 70
"""A unix socket's path has 107 bytes, and HAProxy binds `DIR/router/handoff.sock.4194304.tmp` before it renames it."""
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+")


class FolderNameInvalid(Invalid):
    def __init__(self, directory: Path, why: str) -> None:
        super().__init__(f"{directory} cannot hold a platform: {why}.")


class UnknownUser(Invalid):
    def __init__(self, name: str, directory: Path) -> None:
        super().__init__(
            f"This machine has no user '{name}', which the settings in {directory} name. "
            f"Make it: useradd --system {name}"
        )


class RootNeeded(Refused):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what} needs root: its programs run as users of their own. Use sudo.")


@dataclass(frozen=True, slots=True)
class Users:
    """Who runs what. In a test's folder all are the caller."""

    web: User
    git: User
    router: User

    @classmethod
    def of(cls, settings: Settings) -> "Users":
        """Raises UnknownUser, and RootNeeded when one of them is not the caller."""
        users = cls(
            *(
                user_of(name, settings.directory)
                for name in (settings.web_user, settings.git_user, settings.router_user)
            )
        )
        if os.geteuid() != 0 and not all(
            user.is_caller for user in (users.web, users.git, users.router)
        ):
            raise RootNeeded(f"The platform in {settings.directory}")
        return users


@dataclass(frozen=True, slots=True)
class Folder:
    path: Path
    uid: int
    gid: int
    mode: int

    def make(self) -> None:
        """Made or mended; what is in it stays as it is."""
        self.path.mkdir(exist_ok=True)
        give(self.path, self.uid, self.gid, self.mode)


def check_name(directory: Path) -> None:
    """Its name stands in configurations and socket addresses, which have no way to quote. Raises FolderNameInvalid."""
    text = str(directory)
    if strange := sorted(set(text) - PLAIN):
        raise FolderNameInvalid(directory, f"its name has {strange[0]!r} in it")
    if len(text) > LONGEST:
        raise FolderNameInvalid(
            directory,
            f"its name has {len(text)} characters, and sockets in it leave room for {LONGEST}",
        )


def folders(settings: Settings, users: Users) -> Sequence[Folder]:
    """Parents first. What only one user needs is closed to all others; nobody can list what is not theirs."""
    web, git, router, caller = users.web, users.git, users.router, os.geteuid()
    run = settings.run
    return (
        Folder(settings.directory, caller, os.getegid(), 0o755),
        Folder(settings.record.parent, web.uid, web.gid, 0o700),
        Folder(settings.keys, web.uid, router.gid, 0o710),
        Folder(settings.door, web.uid, git.gid, 0o2750),
        Folder(settings.repositories, git.uid, web.gid, 0o2770),
        Folder(settings.sources, web.uid, web.gid, 0o700),
        Folder(settings.builds, web.uid, web.gid, 0o700),
        Folder(settings.logs, web.uid, web.gid, 0o700),
        Folder(settings.router, router.uid, web.gid, 0o2750),
        Folder(settings.directory / "redis", web.uid, web.gid, 0o700),
        Folder(settings.directory / "home", web.uid, web.gid, 0o700),
        Folder(run, caller, os.getegid(), 0o755),
        Folder(run / "pids", caller, web.gid, 0o1770),
        Folder(run / "log", caller, web.gid, 0o2750),
        Folder(run / "redis", web.uid, router.gid, 0o710),
        Folder(run / "api", web.uid, web.gid, 0o755),
        Folder(run / "door", git.uid, web.gid, 0o2750),
        Folder(settings.engine_notes, web.uid, web.gid, 0o700),
        Folder(settings.registry, web.uid, web.gid, 0o700),
        Folder(settings.programs, web.uid, web.gid, 0o700),
        Folder(settings.far_engines, web.uid, web.gid, 0o700),
    )


def give(path: Path, uid: int, gid: int, mode: int) -> None:
    held = path.lstat()
    if (held.st_uid, held.st_gid) != (uid, gid):
        os.chown(path, uid, gid, follow_symlinks=False)
    if path.lstat().st_mode & 0o7777 != mode:
        path.chmod(mode)


def write(path: Path, text: str, owner: User, mode: int, *, gid: int | None = None) -> None:
    """Replaces the file at once; nobody ever reads half of it, or one that is not closed yet."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    give(temporary, owner.uid, owner.gid if gid is None else gid, mode)
    temporary.replace(path)


def user_of(name: str, directory: Path) -> User:
    """The caller where no name is given. Raises UnknownUser."""
    if not name:
        return User.caller()
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise UnknownUser(name, directory) from None
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)
