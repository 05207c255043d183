"""What many answers share: Heroku's ways to write a moment, an id, a person, an app."""

import uuid
from datetime import UTC, datetime

from fastapi import Response
from pydantic import BaseModel

from paas.errors import Invalid
from paas.model.app import App
from paas.model.change import Change
from paas.settings import Settings

STACK = "paas"
REGION = "local"
GENERATION = "cedar"
SIZE = "Standard"
"""There is one size of dyno."""
_OURS = uuid.UUID("6ba2c1de-7b0f-5c56-9a52-0d1b6d1b36f1")


def moment(at: float) -> str:
    """`2012-01-01T12:00:00Z`, with what is below a second where there is any."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace(".000+00:00", "Z").replace("+00:00", "Z")


def uuid_of(kind: str, *names: object) -> str:
    """Heroku's clients want a UUID where the platform knows things by name: always the same for the same thing."""
    return str(uuid.uuid5(_OURS, "/".join([kind, *map(str, names)])))


class UnknownSize(Invalid):
    def __init__(self, size: str) -> None:
        super().__init__(
            f"There is one size of dyno, {SIZE}, and {size[:60]!r} is not its name. Nothing was changed."
        )


def check_size(size: str | None) -> None:
    """Raises UnknownSize."""
    if size is not None and size.lower() != SIZE.lower():
        raise UnknownSize(size)


class IdOut(BaseModel):
    id: str


class NamedOut(BaseModel):
    id: str
    name: str

    @classmethod
    def of(cls, kind: str, name: str) -> "NamedOut":
        return cls(id=uuid_of(kind, name), name=name)

    @classmethod
    def of_app(cls, app: App) -> "NamedOut":
        return cls(id=app.id, name=app.name)


class PersonRefOut(BaseModel):
    """Heroku knows people by an address, so ours have one; nothing is ever sent there."""

    id: str
    email: str

    @classmethod
    def of(cls, name: str, settings: Settings) -> "PersonRefOut":
        return cls(id=uuid_of("person", name), email=email_of(name, settings))


def email_of(name: str, settings: Settings) -> str:
    return f"{name}@{settings.apps_domain}"


def tell(change: Change, response: Response, *, stopped: bool = False) -> None:
    """What to wait for, should the client want to: `GET /apps/{app}/versions/{Paas-Version}`.

    `stopped`: the app is, so that nothing of it runs before it is started.
    """
    if stopped:
        response.headers["Paas-Stopped"] = "1"
    response.headers["Paas-Version"] = str(change.version)
    if change.release is not None:
        response.headers["Paas-Release"] = str(change.release.number)
