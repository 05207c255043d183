"""Who asks, and what they may touch.

A person is known by a token; by a pass, which is a URL that lets its holder do one thing in a person's name; or by the
door, which speaks for whoever has the key that opened it, and for anybody by name: over HTTP the API has let them in
before the door hears of them. So for sources and builds the door's token is worth everybody's. An app of somebody else
looks like an app that is not there.
"""

import fcntl
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from paas.errors import Invalid, Refused, Unavailable
from paas.model.app import App, UnknownApp
from paas.model.person import Key, Person
from paas.store.apps import AppStore
from paas.store.cipher import Cipher, KeyLost
from paas.store.people import PeopleStore, UnknownPerson
from paas.wiring import Platform

PASS_SECONDS = 86400.0
DOOR_PROGRAM = Path(__file__).resolve().parent / "git" / "door.py"
_PLAIN = re.compile(r"[A-Za-z0-9:+/=._-]+")


class NotKnown(Refused):
    def __init__(self) -> None:
        super().__init__("Give a token that is known here. Type: paas login")


class UnknownFingerprint(Refused):
    def __init__(self, fingerprint: str) -> None:
        super().__init__(
            f"The key {fingerprint[:60]} belongs to nobody here. Where paas works, type: paas keys:add"
        )


class NotAdmin(Refused):
    def __init__(self, person: str) -> None:
        super().__init__(
            f"Only an admin may do this, and {person} is none. Ask one to type it; who you are: paas whoami"
        )


class NotForTheDoor(Refused):
    def __init__(self) -> None:
        super().__init__("The door may ask for sources and builds, and for nothing else.")


class UnquotablePath(Invalid):
    def __init__(self, path: str) -> None:
        super().__init__(f"The door cannot be told of {path}: letters, digits and :+/=._- only.")


class DoorUnwritable(Unavailable):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be written: {why}. Pushes go by the keys as they were.")


def person_of_token(token: str, people: PeopleStore) -> Person:
    """Raises NotKnown."""
    person = people.bearer(token)
    if person is None:
        raise NotKnown
    return person


def person_of_key(fingerprint: str, people: PeopleStore) -> Person:
    """Raises UnknownFingerprint."""
    for key in people.keys(None):
        if key.fingerprint == fingerprint:
            return people.get(key.person)
    raise UnknownFingerprint(fingerprint)


def reach_app(name: str, person: Person, apps: AppStore, *, destroyed: bool = False) -> App:
    """The app of this name or id, if it is theirs or they are an admin. Raises UnknownApp.

    `destroyed`: also one that was destroyed and is not cleaned up yet, by its id.
    """
    try:
        app = apps.named(name)
    except UnknownApp:
        if not destroyed:
            raise
        app = apps.get(name)
    if not person.is_admin and app.owner != person.name:
        raise UnknownApp(name)
    return app


@dataclass(frozen=True, slots=True)
class Pass:
    """Lets whoever has it send one request, as often as they like until `until`, in the name of `person`."""

    method: str
    path: str
    person: str
    until: float

    def seal(self, cipher: Cipher) -> str:
        """Fits a URL. It is encrypted, so nobody else can make one, also not from what else the key has sealed."""
        return cipher.seal(json.dumps({"pass": [self.method, self.path, self.person, self.until]}))

    @classmethod
    def open(cls, sealed: str, cipher: Cipher) -> Self:
        """Raises NotKnown."""
        try:
            given = json.loads(cipher.open(sealed))["pass"]
        except (KeyLost, KeyError, TypeError, ValueError):
            raise NotKnown from None
        if not isinstance(
            given, list
        ):  # a sealed config may have a var of this name, which is text
            raise NotKnown
        return cls(*given)


def person_of_pass(
    sealed: str, method: str, path: str, cipher: Cipher, people: PeopleStore, now: float
) -> Person:
    """Raises NotKnown, also when it is for another request, has run out, or its person has left."""
    found = Pass.open(sealed, cipher)
    if (found.method, found.path) != (method, path) or found.until < now:
        raise NotKnown
    try:
        return people.get(found.person)
    except UnknownPerson:
        raise NotKnown from None


def write_authorized_keys(platform: Platform) -> None:
    """What sshd admits, from the record: on start, and whenever keys or people change. Raises DoorUnwritable."""
    path = platform.settings.door / "authorized_keys"
    for word in (sys.executable, str(DOOR_PROGRAM), str(platform.settings.directory)):
        if not _PLAIN.fullmatch(word):
            raise UnquotablePath(word)
    try:
        with _alone(path.parent):
            lines = [_line(key, platform.settings.directory) for key in platform.people.keys(None)]
            temporary = path.with_name(f".{path.name}.new")
            temporary.unlink(missing_ok=True)
            temporary.write_text("".join(lines))
            temporary.chmod(0o640)  # the folder gives it the door's group
            temporary.replace(path)
    except OSError as error:
        raise DoorUnwritable(path, error.strerror or str(error)) from None


def _line(key: Key, directory: Path) -> str:
    command = f"{sys.executable} -I -S {DOOR_PROGRAM} {directory} {key.fingerprint}"
    return f'restrict,command="{command}" {key.public}\n'


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One writer at a time: the last to write has seen what all before it changed."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
