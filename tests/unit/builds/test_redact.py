"""What of the config could be seen in a build's output."""

import base64
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from paas.builds.redact import REDACTED, Redactor

SECRETS = st.text(min_size=6, max_size=40).filter(lambda text: text == text.strip())
AROUND = st.binary(max_size=8)


def decoded(shown: str) -> list[bytes]:
    """All that can be read out of what is left, wherever a group of four may begin."""
    found = []
    for part in re.split(r"[^A-Za-z0-9+/]", shown.replace("-", "+").replace("_", "/")):
        for skipped in range(4):
            rest = part[skipped:]
            found.append(base64.b64decode(rest[: len(rest) // 4 * 4]))
    return found


@given(SECRETS, AROUND, AROUND, st.booleans())
def test_no_value_can_be_read_out_of_base64_wherever_it_stands_in_it(
    secret: str, before: bytes, after: bytes, is_urlsafe: bool
) -> None:
    raw = secret.encode()
    assume(REDACTED.encode() not in raw)
    encode = base64.urlsafe_b64encode if is_urlsafe else base64.b64encode
    redactor = Redactor([secret])

    shown = redactor.clean(f"printed: {encode(before + raw + after).decode()} !")

    assert REDACTED in shown
    assert all(raw not in text for text in decoded(shown))


@given(st.text(), SECRETS, st.text())
def test_no_value_is_ever_shown(before: str, secret: str, after: str) -> None:
    assume(secret not in REDACTED)

    assert secret not in Redactor([secret]).clean(f"{before}{secret}{after}")


@given(st.text(alphabet="abc :/@?.-=", max_size=40))
def test_without_config_only_urls_change(line: str) -> None:
    shown = Redactor().clean(line)

    assert shown == line or ("://" in line and "@" in line)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("https://ana:pw@example.com/a", "https://[REDACTED]@example.com/a"),
        ("postgres://u:p%40ss@db:5432/x", "postgres://[REDACTED]@db:5432/x"),
        ("redis://:pw@h", "redis://[REDACTED]@h"),
        ("postgres://u:p@ss:w@db/x", "postgres://[REDACTED]@db/x"),
        ("git+https://token@host/x.git", "git+https://[REDACTED]@host/x.git"),
        ("two http://a:b@c https://d@e", "two http://[REDACTED]@c https://[REDACTED]@e"),
        ("ssh://git@host/x.git", "ssh://git@host/x.git"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("http://localhost:4873/@scope/pkg", "http://localhost:4873/@scope/pkg"),
        ("http://localhost:5000 ana@example.com", "http://localhost:5000 ana@example.com"),
        ("http://host:80?mail=a@b", "http://host:80?mail=a@b"),
        ('"http://host:80" <a@b>', '"http://host:80" <a@b>'),
    ],
)  # fmt: skip
def test_who_opens_a_url_is_not_shown(line: str, shown: str) -> None:
    assert Redactor().clean(line) == shown


def test_the_password_of_a_value_that_is_a_url_is_a_value() -> None:
    redactor = Redactor(["postgres://shop:p%40ssw0rd@db.example.com/shop"])

    shown = redactor.clean("password p@ssw0rd or p%40ssw0rd refused by db.example.com")

    assert shown == "password [REDACTED] or [REDACTED] refused by db.example.com"


@pytest.mark.parametrize("width", [64, 76])
def test_a_long_value_is_not_shown_wrapped_either(width: int) -> None:
    key = "-----BEGIN KEY-----\n" + "\n".join(f"{number:064d}" for number in range(9)) + "\n"
    whole = base64.b64encode(key.encode()).decode()
    redactor = Redactor([key])

    lines = [redactor.clean(whole[at : at + width]) for at in range(0, len(whole), width)]

    assert set(lines[:-1]) == {REDACTED}


def test_words_that_are_short_are_shown() -> None:
    line = "short words: true 5432 c2hvcnQ="

    assert Redactor(["true", "5432", "short"]).clean(line) == line
