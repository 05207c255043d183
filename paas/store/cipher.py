"""Encrypts config in the record. The key's id stands with the ciphertext, so a lost key is named and not guessed."""

import hashlib
import hmac
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from paas.errors import Unavailable


class KeyLost(Unavailable):
    def __init__(self, wanted: str, had: str, path: Path) -> None:
        super().__init__(
            f"The record was encrypted with key {wanted}, but {path} holds key {had}. Put the right key file back: "
            "it is part of every backup."
        )


class Cipher:
    def __init__(self, path: Path) -> None:
        """`path` holds one Fernet key. Raises KeyLost when it is missing or not one."""
        self._path = path
        try:
            key = path.read_bytes().strip()
            self._fernet = Fernet(key)
        except (FileNotFoundError, ValueError):
            raise KeyLost("…", "none that can be read", path) from None
        self.key_id = hashlib.sha256(key).hexdigest()[:12]
        self._digest_key = hashlib.sha256(b"digest" + key).digest()

    @staticmethod
    def make_key(path: Path) -> None:
        """A new key in a new file, mode 0600. Raises FileExistsError: a key is never overwritten."""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Fernet.generate_key() + b"\n")

    def seal(self, text: str) -> str:
        return f"{self.key_id}:{self._fernet.encrypt(text.encode()).decode()}"

    def open(self, sealed: str) -> str:
        """Raises KeyLost."""
        key_id, _, token = sealed.partition(":")
        if key_id != self.key_id:
            raise KeyLost(key_id, self.key_id, self._path)
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise KeyLost(key_id, self.key_id, self._path) from None

    def digest(self, text: str) -> str:
        """A keyed digest: tells that a secret changed, and nothing of what it is."""
        return hmac.new(self._digest_key, text.encode(), hashlib.sha256).hexdigest()
