"""/account/keys: the SSH keys that one pushes with."""

import time
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from paas.api.asked import CurrentPerson, CurrentPlatform
from paas.api.shapes import email_of, moment, uuid_of
from paas.auth import write_authorized_keys
from paas.model.person import Key, Person, parse_key
from paas.settings import Settings
from paas.store.people import UnknownKey
from paas.wiring import Platform

router = APIRouter(tags=["keys"])


class KeyIn(BaseModel):
    public_key: str
    """One line of a public key file."""


class KeyOut(BaseModel):
    id: str
    fingerprint: str
    public_key: str
    comment: str
    email: str
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, key: Key, settings: Settings) -> Self:
        return cls(
            id=uuid_of("key", key.fingerprint),
            fingerprint=key.fingerprint,
            public_key=f"{key.public} {key.comment}".rstrip(),
            comment=key.comment,
            email=email_of(key.person, settings),
            created_at=moment(key.created_at),
            updated_at=moment(key.created_at),
        )


@router.get("/account/keys")
def list_keys(person: CurrentPerson, platform: CurrentPlatform) -> list[KeyOut]:
    return [KeyOut.of(key, platform.settings) for key in platform.people.keys(person.name)]


@router.post("/account/keys", status_code=201)
def add_key(person: CurrentPerson, platform: CurrentPlatform, given: KeyIn) -> KeyOut:
    """It opens the door when this returns."""
    key = key_of(given.public_key, person, time.time())
    platform.people.add_key(key)
    write_authorized_keys(platform)
    return KeyOut.of(key, platform.settings)


@router.get("/account/keys/{key:path}")
def show_key(person: CurrentPerson, platform: CurrentPlatform, key: str) -> KeyOut:
    return KeyOut.of(_named(key, person, platform), platform.settings)


@router.delete("/account/keys/{key:path}")
def remove_key(person: CurrentPerson, platform: CurrentPlatform, key: str) -> KeyOut:
    """It opens nothing any more when this returns."""
    found = _named(key, person, platform)
    platform.people.remove_key(person.name, found.fingerprint)
    write_authorized_keys(platform)
    return KeyOut.of(found, platform.settings)


def key_of(line: str, person: Person, now: float) -> Key:
    """Raises InvalidKey."""
    fingerprint, public, comment = parse_key(line)
    return Key(fingerprint, public, comment, person.name, now)


def _named(text: str, person: Person, platform: Platform) -> Key:
    """Of one's own, by fingerprint or id. Raises UnknownKey."""
    for key in platform.people.keys(person.name):
        if text in (key.fingerprint, uuid_of("key", key.fingerprint)):
            return key
    raise UnknownKey(text)
