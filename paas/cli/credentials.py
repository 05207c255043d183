"""Where the platform is, and what lets one in: `~/.config/paas`, which only its owner can read."""

import os
import re
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self

from paas.errors import Invalid, Refused

AS_WE_WRITE_IT = r'url = "([^"\\]+)"\ntoken = "([^"\\]+)"\n'
SIZE_LIMIT = 65536


class NotLoggedIn(Refused):
    def __init__(self, why: str) -> None:
        super().__init__(f"Not logged in: {why}. Type: paas login URL")


class InvalidCredentials(Invalid):
    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} {why}. Write it anew with: paas login URL")


class InvalidToken(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "That is not a token: it is one word of printable characters. Ask an admin: paas people:add NAME"
        )


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    url: str
    token: str

    @classmethod
    def load(cls, path: str) -> Self | None:
        """None when there is no such file. Raises InvalidCredentials when it cannot be used."""
        try:
            text = _read(path)
            written = re.fullmatch(AS_WE_WRITE_IT, text)
            if written is not None:  # importing the parser would take 3 ms
                return cls(written[1], check_token(written[2]))
            given: dict[str, Any] = import_module("tomllib").loads(text)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InvalidCredentials(path, f"cannot be read: {error.strerror}") from None
        except ValueError:
            raise InvalidCredentials(path, "is not TOML") from None
        url, token = given.get("url"), given.get("token")
        if url is None and isinstance(given.get("socket"), str):
            url = f"unix://{given['socket']}"
        if not isinstance(url, str) or not isinstance(token, str):
            raise InvalidCredentials(path, "does not say url and token")
        return cls(url, check_token(token))

    def render(self) -> str:
        return f'url = "{self.url}"\ntoken = "{self.token}"\n'

    def __repr__(self) -> str:
        return f"Credentials({self.url})"  # the token is secret: a repr ends up in a traceback


def check_token(text: str) -> str:
    """What stands in a header and, in quotes, in a file."""
    if not re.fullmatch(r"[!#-\[\]-~]{1,512}", text):
        raise InvalidToken
    return text


def _read(path: str) -> str:
    with os.fdopen(os.open(path, os.O_RDONLY), encoding="utf-8") as file:
        return file.read(SIZE_LIMIT)
