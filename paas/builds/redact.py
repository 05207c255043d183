"""What a build's output must not show: the config's values, as they are or in base64, and who opens a URL."""

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

SECRET_LENGTH = 6
"""A config value of at least so many characters never appears; shorter ones are words of any text."""
LONGEST = 32 * 1024
REDACTED = "[REDACTED]"
WRAPPED = (64, 76)
"""Characters of a line, where programs wrap base64."""
_USERINFO = re.compile(
    r"(?<=://)[^\s/?#@:'\"<>]*:[^\s/?#'\"<>]*(?=@)|(?<=http://)[^\s/?#@'\"<>]+(?=@)"
    r"|(?<=https://)[^\s/?#@'\"<>]+(?=@)"
)
"""`user:password` of any URL; of the web's, where a token stands alone, also that."""


class Redactor:
    def __init__(self, config: Iterable[str] = ()) -> None:
        """`config`: the values that must not appear."""
        secrets = {form for value in config for form in _forms(value) if len(form) >= SECRET_LENGTH}
        self._secrets = sorted(secrets, key=len, reverse=True)
        sizes = [len(secret.encode("utf-8", "surrogateescape")) for secret in self._secrets]
        self.longest = min(max(sizes, default=0), LONGEST)
        """Bytes."""
        self._pattern = re.compile("|".join(map(re.escape, self._secrets)))

    def clean(self, line: str) -> str:
        # Looking for each is much quicker than the pattern, and hardly a line has any.
        if any(secret in line for secret in self._secrets):
            line = self._pattern.sub(REDACTED, line)
        return _USERINFO.sub(REDACTED, line) if "://" in line else line


def _forms(value: str) -> Iterator[str]:
    """Output comes in lines, so a value of several lines is looked for line by line."""
    for part in {value, *value.splitlines(), *_passwords(value)}:
        yield part.strip()
        if len(part.strip()) >= SECRET_LENGTH:
            yield from _base64_forms(part.strip().encode("utf-8", "surrogateescape"))
    if value != value.strip() or "\n" in value:
        yield from _base64_forms(value.encode("utf-8", "surrogateescape"))


def _passwords(value: str) -> Iterator[str]:
    """Of a URL: programs print its parts."""
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:
        password = None
    if password:
        yield from (password, unquote(password))


def _base64_forms(value: bytes) -> Iterator[str]:
    """Wherever it stands in what is encoded, without the characters that its neighbours decide."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + value).decode()
        own = whole[(8 * before + 5) // 6 : 8 * (before + len(value)) // 6]
        for form in (own, own.replace("+", "-").replace("/", "_")):
            yield form
            if before == 0:
                yield from _lines(form)


def _lines(form: str) -> Iterator[str]:
    """As they are wrapped when it stands at the beginning; the last one may be too short to tell."""
    for width in WRAPPED:
        lines = [form[at : at + width] for at in range(0, len(form), width)]
        yield from (line for line in lines[: -1 if len(lines[-1]) < 16 else None])
