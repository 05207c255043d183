"""People, and what lets them in."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Self

from paas.errors import Invalid

_KINDS = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
          "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")  # fmt: skip


class InvalidPersonName(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:60]!r} cannot be a person's name: 1 to 32 of a-z, 0-9, '.', '_' and -, starting with a letter."
        )


class InvalidKey(Invalid):
    def __init__(self, why: str) -> None:
        super().__init__(
            f"This is not a public SSH key ({why}). Expected one line such as: ssh-ed25519 AAAA… you@there"
        )


class PersonName(str):
    """Fits an environment variable, a log line and a file name."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if not re.fullmatch(r"[a-z][a-z0-9._-]{0,31}", text):
            raise InvalidPersonName(text)
        return super().__new__(cls, text)


@dataclass(frozen=True, slots=True)
class Person:
    """Who may do something. An admin may touch every app, the hosts and the people."""

    name: PersonName
    is_admin: bool
    created_at: float


@dataclass(frozen=True, slots=True)
class Key:
    """A public SSH key of a person. `fingerprint` is OpenSSH's: `SHA256:` and 43 characters."""

    fingerprint: str
    public: str
    """Kind and base64, without the comment: safe in authorized_keys."""
    comment: str
    person: PersonName
    created_at: float


def parse_key(line: str) -> tuple[str, str, str]:
    """`(fingerprint, public, comment)` of one line of a public key file. Options before the key are refused."""
    if "\n" in line.strip() or "\r" in line.strip():
        raise InvalidKey("more than one line")
    words = line.strip().split(None, 2)
    if len(words) < 2 or words[0] not in _KINDS:
        raise InvalidKey("unknown kind")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raise InvalidKey("its second word is not base64") from None
    if len(blob) > 8192 or not _is_of_kind(blob, words[0].encode()):
        raise InvalidKey("its data do not match its kind")
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    comment = re.sub(r"[^\x20-\x7e]", "?", words[2] if len(words) > 2 else "")[:100]
    return f"SHA256:{digest}", f"{words[0]} {words[1]}", comment


def _is_of_kind(blob: bytes, kind: bytes) -> bool:
    """Fields, each with its length before it: the kind, then at least one of the key's own; and nothing is cut off."""
    fields = []
    while blob:
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length:
            return False
        fields.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return len(fields) > 1 and all(fields) and fields[0] == kind
