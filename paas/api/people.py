"""/people: who may do something here. Ours, and only an admin's."""

import time
from typing import Any, Self

from fastapi import APIRouter
from pydantic import BaseModel

from paas.api.asked import CurrentPerson, CurrentPlatform
from paas.api.keys import key_of
from paas.api.shapes import email_of, moment, uuid_of
from paas.auth import write_authorized_keys
from paas.errors import Conflict
from paas.model.person import Person, PersonName
from paas.settings import Settings

router = APIRouter(tags=["people"])


class OneselfRemoved(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"You are {name}. Another admin can remove you: paas people:remove {name}")


class PersonIn(BaseModel):
    name: str
    key: str | None = None
    """One line of a public key file."""
    admin: bool = False


class PersonOut(BaseModel):
    id: str
    name: str
    email: str
    admin: bool
    created_at: str

    @classmethod
    def of(cls, person: Person, settings: Settings, **more: Any) -> Self:
        return cls(
            id=uuid_of("person", person.name),
            name=person.name,
            email=email_of(person.name, settings),
            admin=person.is_admin,
            created_at=moment(person.created_at),
            **more,
        )


class NewPersonOut(PersonOut):
    token: str
    """Shown this once: the platform keeps a digest of it."""
    url: str
    """Of the API, for someone on this machine."""


@router.get("/people")
def list_people(platform: CurrentPlatform) -> list[PersonOut]:
    return [PersonOut.of(person, platform.settings) for person in platform.people.all()]


@router.post("/people", status_code=201)
def add_person(platform: CurrentPlatform, given: PersonIn) -> NewPersonOut:
    """With a token, and with a key if one is given: all or nothing."""
    now, people, settings = time.time(), platform.people, platform.settings
    name = PersonName(given.name)
    with platform.record.write():
        person = people.add(name, now, is_admin=given.admin)
        if given.key is not None:
            people.add_key(key_of(given.key, person, now))
        token = people.give_token(name, "people:add", now)
    write_authorized_keys(platform)
    url = f"http://127.0.0.1:{settings.api_port}"
    return NewPersonOut.of(person, settings, token=token, url=url)


@router.delete("/people/{name}")
def remove_person(person: CurrentPerson, platform: CurrentPlatform, name: str) -> PersonOut:
    """Their tokens and keys are worth nothing when this returns; their apps are the asker's."""
    gone = platform.people.get(name)
    if gone.name == person.name:
        raise OneselfRemoved(name)
    with platform.record.write():
        platform.people.remove(gone.name)
        platform.apps.hand_over(gone.name, person.name)
    write_authorized_keys(platform)
    return PersonOut.of(gone, platform.settings)
