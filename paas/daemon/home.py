"""The home of an account on the platform's machine: its key, its token, and whom its ssh trusts.

Root writes there as the account itself: what it makes is the account's, and a link in the way leads nowhere that the
account may not go.
"""

import os
import pwd
import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from paas.errors import Invalid
from paas.needed import program

KEY_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa")
OWN_KEY = "paas_ed25519"
"""Made where ssh's usual names are taken by keys that ask for a passphrase."""


class UnknownAccount(Invalid):
    def __init__(self, user: str) -> None:
        super().__init__(f"This machine has no account '{user[:60]}'.")


@dataclass(frozen=True, slots=True)
class KeyPair:
    private: Path
    public: str


@dataclass(frozen=True, slots=True)
class Home:
    user: str
    uid: int
    gid: int
    path: Path

    @classmethod
    def of(cls, user: str) -> Self:
        """Raises UnknownAccount."""
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            raise UnknownAccount(user) from None
        return cls(user, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))

    def key(self, comment: str) -> KeyPair:
        """The first one that works unattended; made if there is none."""
        with self._as_account():
            folder = self.path / ".ssh"
            folder.mkdir(mode=0o700, exist_ok=True)
            for name in (*KEY_NAMES, OWN_KEY):
                public = _public(folder / name)
                if public is not None:
                    return KeyPair(folder / name, public)
            is_taken = any((folder / name).exists() for name in KEY_NAMES)
            made = folder / (OWN_KEY if is_taken else KEY_NAMES[0])
            argv = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", ""]
            argv += ["-C", f"{self.user} for {comment}", "-f", str(made)]
            subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, timeout=30)
            return KeyPair(made, made.with_suffix(".pub").read_text().strip())

    def token(self) -> str | None:
        """The one `paas` uses now."""
        try:
            with self._as_account():
                given = tomllib.loads(self._credentials.read_text())
        except (OSError, ValueError):
            return None
        token = given.get("token")
        return token if isinstance(token, str) else None

    def write_credentials(self, url: str, token: str) -> None:
        with self._as_account():
            self._credentials.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self._credentials, f'url = "{url}"\ntoken = "{token}"\n', 0o600)

    def trust_host(self, hosts: Iterable[str], port: int, public: str) -> None:
        """In known_hosts; what stood there of these addresses before is gone."""
        names = [host if port == 22 else f"[{host}]:{port}" for host in dict.fromkeys(hosts)]
        trusted = [f"{name} {public}" for name in names]
        with self._as_account():
            path = self.path / ".ssh" / "known_hosts"
            lines = _lines(path)
            if [line for line in lines if line.split(" ", 1)[0] in names] != trusted:
                kept = [line for line in lines if line.split(" ", 1)[0] not in names]
                _replace(path, "".join(f"{line}\n" for line in (*kept, *trusted)), 0o600)

    def name_door(
        self, platform: str, user: str, host: str, port: int, key: Path, address: str
    ) -> None:
        """In ssh's config: which key is for the door, its port, and the address of this machine that it listens on,
        since the host's name may lead nowhere yet. Other users of that host are not concerned."""
        first, last = f"# paas {platform}: the door", f"# paas {platform}: end"
        entry = [
            first,
            f"Match originalhost {host} user {user}",
            f"    HostName {address}",
            f"    Port {port}",
            f"    IdentityFile {key}",
            last,
        ]
        with self._as_account():
            path = self.path / ".ssh" / "config"
            text = "\n".join(_lines(path))
            kept = re.sub(rf"(\n|^){re.escape(first)}\n.*?{re.escape(last)}", "", text, flags=re.S)
            wanted = "\n".join([kept, *entry]).lstrip("\n")
            if text != wanted:
                _replace(path, f"{wanted}\n", 0o600)

    @property
    def _credentials(self) -> Path:
        return self.path / ".config" / "paas"

    @contextmanager
    def _as_account(self) -> Iterator[None]:
        if os.geteuid() == self.uid:
            yield
            return
        groups, group = os.getgroups(), os.getegid()
        os.setgroups([self.gid])
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(group)
            os.setgroups(groups)


def _public(private: Path) -> str | None:
    """None: there is no such key, or it asks for a passphrase."""
    if not private.exists():
        return None
    argv = [program("ssh-keygen"), "-y", "-P", "", "-f", str(private)]
    told = subprocess.run(
        argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=30
    )
    return told.stdout.strip() if told.returncode == 0 else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _replace(path: Path, text: str, mode: int) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    temporary.replace(path)
