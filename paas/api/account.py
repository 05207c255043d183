"""/account: who I am."""

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from paas.api.asked import CurrentPerson, CurrentPlatform
from paas.api.shapes import email_of, moment, uuid_of
from paas.model.person import Person
from paas.settings import Settings

router = APIRouter(tags=["account"])


class AccountOut(BaseModel):
    id: str
    email: str
    name: str
    admin: bool
    created_at: str
    updated_at: str
    allow_tracking: bool = False
    beta: bool = False
    country_of_residence: None = None
    default_organization: None = None
    default_team: None = None
    delinquent_at: None = None
    federated: bool = False
    identity_provider: None = None
    last_login: None = None
    sms_number: None = None
    suspended_at: None = None
    two_factor_authentication: bool = False
    verified: bool = True

    @classmethod
    def of(cls, person: Person, settings: Settings) -> Self:
        return cls(
            id=uuid_of("person", person.name),
            email=email_of(person.name, settings),
            name=person.name,
            admin=person.is_admin,
            created_at=moment(person.created_at),
            updated_at=moment(person.created_at),
        )


@router.get("/account")
def show_account(person: CurrentPerson, platform: CurrentPlatform) -> AccountOut:
    return AccountOut.of(person, platform.settings)
