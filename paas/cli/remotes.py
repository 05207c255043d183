"""The git remote that says which app a folder is pushed to. With `files.py` the client's only caller of git."""

import re
import shlex
import subprocess
from urllib.parse import urlsplit

from paas.cli.session import REMOTE
from paas.cli.text import plain
from paas.errors import Conflict, Failed, Invalid


class InvalidRemote(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:60]!r} cannot be a git remote's name: letters, digits, '.', '_' and -."
        )


class GitFailed(Failed):
    def __init__(self, args: tuple[str, ...], why: str) -> None:
        super().__init__(
            f"git {' '.join(args[:2])} failed: {why}. Type: git remote -v to see what there is"
        )


class RemoteTaken(Conflict):
    def __init__(self, remote: str, present: str, url: str) -> None:
        super().__init__(
            f"The git remote '{remote}' points at {plain(present)[:200]} and was left so."
            f" Type: git remote set-url {remote} {url}"
        )


def check_remote(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
        raise InvalidRemote(name)
    return name


def url_of(remote: str) -> str | None:
    """None where there is no such remote, no repository or no git."""
    try:
        found = _git("config", "--get", f"remote.{check_remote(remote)}.url")
    except OSError:
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None


def app_at(remote: str) -> str | None:
    """The app that `remote` pushes to; None when it does not say."""
    url = url_of(remote)
    return None if url is None else app_in(url)


def app_in(url: str) -> str | None:
    return re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git") or None


def way_back(remote: str, before: str, now: str) -> str:
    """What to type so that `remote`, which was pointed at `now`, pushes to `before` again."""
    app, old = app_in(before), urlsplit(before)
    if app is None or (old.scheme, old.netloc) != urlsplit(now)[:2]:
        return f"git remote set-url {remote} {shlex.quote(plain(before))}"
    named = "" if remote == REMOTE else f" -r {remote}"
    return f"paas git:remote -a {shlex.quote(plain(app))}{named}"


def is_repository() -> bool:
    try:
        return _git("rev-parse", "--git-dir").returncode == 0
    except OSError:
        return False


def point(remote: str, url: str, or_else: str = "") -> str | None:
    """Makes `remote` push to `url`. None when it does now; else the URL of another place that it keeps pointing at.

    `or_else` is another way to where `url` leads.
    """
    present = url_of(remote)
    if present == url:
        return None
    if present not in (None, or_else) and not _is_same_kind(present or "", url):
        return present
    _change(
        "remote", "set-url" if present is not None else "add", check_remote(remote), _checked(url)
    )
    return None


def trust_helper(url: str, helper: str) -> None:
    """In this repository, `helper` alone knows the password for `url`."""
    key = f"credential.{_checked(url)}.helper"
    _change(
        "config", "--replace-all", key, ""
    )  # whoever is asked by other settings is not asked, or told
    _change("config", "--add", key, helper)


def _is_same_kind(present: str, url: str) -> bool:
    """Does it point at a platform already: at the same door, or at another one's?"""
    old, new = urlsplit(present), urlsplit(url)
    is_ours = (old.username or "").startswith("paas")
    return old.scheme == new.scheme and (old.netloc == new.netloc or is_ours)


def _checked(url: str) -> str:
    """A remote's URL can name a program to run (`ext::`). What a server says is not trusted that far."""
    if urlsplit(url).scheme not in ("ssh", "https", "http"):
        raise GitFailed(("remote", "add"), f"{url[:100]!r} is not an address to push to")
    return url


def _change(*args: str) -> None:
    """Raises GitFailed."""
    try:
        done = _git(*args)
    except OSError as error:
        raise GitFailed(args, error.strerror or str(error)) from None
    if done.returncode != 0:
        raise GitFailed(args, (done.stderr.strip().splitlines() or ["no reason given"])[-1])


def _git(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *args], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
        errors="replace", check=False,
    )  # fmt: skip
