"""People, their keys and their tokens in the record. A token is 256 random bits; only its SHA-256 is kept."""

import hashlib
import secrets
from collections.abc import Sequence

from sqlalchemy import Boolean, Column, Float, ForeignKey, String, Table, select

from paas.errors import Conflict, Unknown
from paas.model.person import Key, Person, PersonName
from paas.store.database import METADATA, Database

PEOPLE = Table(
    "people",
    METADATA,
    Column("name", String, primary_key=True),
    Column("is_admin", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
)
KEYS = Table(
    "keys",
    METADATA,
    Column("fingerprint", String, primary_key=True),
    Column("public", String, nullable=False),
    Column("comment", String, nullable=False),
    Column("person", String, ForeignKey("people.name", ondelete="CASCADE"), nullable=False),
    Column("created_at", Float, nullable=False),
)
TOKENS = Table(
    "tokens",
    METADATA,
    Column("digest", String, primary_key=True),
    Column("person", String, ForeignKey("people.name", ondelete="CASCADE"), nullable=False),
    Column("description", String, nullable=False),
    Column("created_at", Float, nullable=False),
)


class UnknownPerson(Unknown):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no person '{name[:60]}'. See: paas people")


class PersonExists(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is a person '{name}' already. See: paas people")


class KeyTaken(Conflict):
    def __init__(self, fingerprint: str, person: str) -> None:
        super().__init__(f"The key {fingerprint} is registered already, for {person}.")


class UnknownKey(Unknown):
    def __init__(self, fingerprint: str) -> None:
        super().__init__(f"There is no key '{fingerprint[:80]}'. See: paas keys")


class PeopleStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: PersonName, now: float, *, is_admin: bool) -> Person:
        """Raises PersonExists."""
        with self._database.write() as tx:
            if tx.execute(select(PEOPLE.c.name).where(PEOPLE.c.name == name)).first():
                raise PersonExists(name)
            tx.execute(PEOPLE.insert().values(name=name, is_admin=is_admin, created_at=now))
        return Person(name, is_admin, now)

    def get(self, name: str) -> Person:
        """Raises UnknownPerson."""
        with self._database.read() as tx:
            row = tx.execute(select(PEOPLE).where(PEOPLE.c.name == name)).first()
        if row is None:
            raise UnknownPerson(name)
        return Person(PersonName(row.name), row.is_admin, row.created_at)

    def all(self) -> Sequence[Person]:
        with self._database.read() as tx:
            rows = tx.execute(select(PEOPLE).order_by(PEOPLE.c.name)).all()
        return [Person(PersonName(row.name), row.is_admin, row.created_at) for row in rows]

    def remove(self, name: PersonName) -> None:
        """With all keys and tokens. Raises UnknownPerson."""
        with self._database.write() as tx:
            if not tx.execute(PEOPLE.delete().where(PEOPLE.c.name == name)).rowcount:
                raise UnknownPerson(name)

    def add_key(self, key: Key) -> None:
        """Raises KeyTaken, also when it is the same person's."""
        with self._database.write() as tx:
            owner = tx.execute(
                select(KEYS.c.person).where(KEYS.c.fingerprint == key.fingerprint)
            ).scalar()
            if owner is not None:
                raise KeyTaken(key.fingerprint, owner)
            tx.execute(
                KEYS.insert().values(
                    fingerprint=key.fingerprint, public=key.public, comment=key.comment,
                    person=key.person, created_at=key.created_at,
                )
            )  # fmt: skip

    def keys(self, person: PersonName | None = None) -> Sequence[Key]:
        """Of one person, or all."""
        query = select(KEYS).order_by(KEYS.c.created_at, KEYS.c.fingerprint)
        if person is not None:
            query = query.where(KEYS.c.person == person)
        with self._database.read() as tx:
            rows = tx.execute(query).all()
        return [
            Key(row.fingerprint, row.public, row.comment, PersonName(row.person), row.created_at)
            for row in rows
        ]

    def remove_key(self, person: PersonName, fingerprint: str) -> Key:
        """`fingerprint` may also be the comment. Raises UnknownKey."""
        with self._database.write() as tx:
            for key in self.keys(person):
                if fingerprint in (key.fingerprint, key.comment):
                    tx.execute(KEYS.delete().where(KEYS.c.fingerprint == key.fingerprint))
                    return key
        raise UnknownKey(fingerprint)

    def give_token(self, person: PersonName, description: str, now: float) -> str:
        """The token itself: shown once and kept nowhere."""
        token = secrets.token_hex(32)
        with self._database.write() as tx:
            tx.execute(
                TOKENS.insert().values(
                    digest=_digest(token), person=person, description=description, created_at=now
                )
            )
        return token

    def bearer(self, token: str) -> Person | None:
        query = (
            select(PEOPLE)
            .join(TOKENS, TOKENS.c.person == PEOPLE.c.name)
            .where(TOKENS.c.digest == _digest(token))
        )
        with self._database.read() as tx:
            row = tx.execute(query).first()
        return None if row is None else Person(PersonName(row.name), row.is_admin, row.created_at)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
