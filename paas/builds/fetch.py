"""fetch.py WANTED OUT MEGABYTES SETTING: fetches trees, each into a tar of its own in the folder OUT.

In a container of the build image, on its Python, standard library only, behind way_out.py. WANTED is a JSON list of
{"origin", "place", "ref", "user", "password", "version", "etag"}; the last two are of what is there already and need
not come again. OUT/answers.json tells of each {"version", "etag"} or {"error"}, in the same order; OUT/N.tar is there
if it came; none is larger than MEGABYTES (SETTING). Nothing that was fetched is run, nor laid out in files.
"""

import base64
import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

COMMIT = re.compile(r"[0-9a-f]{40}")
SILENT_SECONDS = 30.0
CHUNK = 65536

Wanted = Mapping[str, str]


@dataclass(frozen=True)
class Limit:
    size: int
    setting: str

    @property
    def is_passed(self) -> str:
        return f"it is larger than {self.size >> 20} MB (setting {self.setting})"


class NotFetched(Exception):
    """The message says why, in one line."""


def fetch(wanted: Wanted, target: Path, limit: Limit) -> dict[str, str]:
    """Raises NotFetched."""
    if wanted["origin"] == "git":
        return {"version": fetch_repository(wanted, target, limit)}
    return fetch_tarball(wanted, target, limit)


def fetch_repository(wanted: Wanted, target: Path, limit: Limit) -> str:
    """The commit."""
    with tempfile.TemporaryDirectory() as folder:
        git = Git(Path(folder), wanted, limit)
        commit = wanted["ref"]
        if not COMMIT.fullmatch(commit):
            commit = _commit_of(
                commit, git.run("ls-remote", "--", wanted["place"], *_names(commit))
            )
        if commit != wanted["version"]:
            git.run("init", "--quiet", "--bare", "--template=")
            (git.folder / "info").mkdir()
            (git.folder / "info/attributes").write_text("* -export-ignore -export-subst\n")
            git.run("fetch", "--quiet", "--depth=1", "--no-tags", "--", wanted["place"], commit)
            git.run("archive", "--format=tar", f"--output={target}", commit)
        return commit


def _names(ref: str) -> Sequence[str]:
    return [f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/tags/{ref}^{{}}"] if ref else ["HEAD"]


def _commit_of(ref: str, listed: str) -> str:
    """A branch before a tag of the same name; of a tag the commit that it names."""
    found: dict[str, str] = {}
    for line in listed.splitlines():
        commit, _, name = line.partition("\t")
        if COMMIT.fullmatch(commit):
            found[name] = commit
    branch, *tags = _names(ref)
    for name in (branch, *reversed(tags)):
        if name in found:
            return found[name]
    raise NotFetched(
        f"it has no branch or tag '{ref}'; a commit is named by all of its 40 digits"
        if ref
        else "it has no HEAD: it is empty"
    )


class Git:
    """In a bare repository of its own. User and password are in a file: a command line is read by everybody."""

    def __init__(self, folder: Path, wanted: Wanted, limit: Limit) -> None:
        self._limit = limit
        self.folder = folder / "repository"
        self.folder.mkdir()
        config = folder / "config"
        config.write_text('[protocol]\n\tallow = never\n[protocol "https"]\n\tallow = always\n')
        if wanted["user"]:
            host = urlsplit(wanted["place"]).netloc
            given = f"{quote(wanted['user'], safe='')}:{quote(wanted['password'], safe='')}"
            (folder / "credentials").write_text(f"https://{given}@{host}\n")
            with config.open("a") as file:
                file.write(f"[credential]\n\thelper = store --file={folder}/credentials\n")
        self._environment = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": f"{config}",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_HTTP_LOW_SPEED_LIMIT": "1",
            "GIT_HTTP_LOW_SPEED_TIME": f"{SILENT_SECONDS:.0f}",
            "HOME": f"{folder}",
            "LC_ALL": "C",
        }

    def run(self, *arguments: str) -> str:
        """What it prints. Raises NotFetched."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace")
            raise NotFetched(_reason(said, done.returncode, self._limit))
        return done.stdout.decode("utf-8", "replace")


def _reason(said: str, code: int, limit: Limit) -> str:
    """What git calls fatal."""
    if -code == signal.SIGXFSZ or f"signal {signal.SIGXFSZ:d}" in said:
        return limit.is_passed
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = [line.partition("fatal: ")[2] for line in lines if "fatal: " in line]
    return (fatal or lines or [f"git ended with exit code {code}"])[0][:300]


class OnlyHttps(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if not newurl.startswith("https://"):
            raise NotFetched("it leads to a URL without https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch_tarball(wanted: Wanted, target: Path, limit: Limit) -> dict[str, str]:
    opener = build_opener(ProxyHandler({"https": os.environ["https_proxy"]}), OnlyHttps())
    request = Request(wanted["place"], headers={"User-Agent": "paas"})
    if wanted["user"]:
        given = base64.b64encode(f"{wanted['user']}:{wanted['password']}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {given}")
    if wanted["etag"]:
        request.add_header("If-None-Match", wanted["etag"])
    try:
        with opener.open(request, timeout=SILENT_SECONDS) as answer, target.open("wb") as file:
            digest = hashlib.sha256()
            while data := answer.read(CHUNK):
                digest.update(data)
                if file.write(data) and file.tell() > limit.size:
                    raise NotFetched(limit.is_passed)
            return {"version": f"sha256:{digest.hexdigest()}", "etag": answer.headers["ETag"] or ""}
    except HTTPError as error:
        if error.code == 304:
            return {"version": wanted["version"], "etag": wanted["etag"]}
        raise NotFetched(f"the server answered {error.code}") from None
    except URLError as error:
        raise NotFetched(f"{error.reason}") from None
    except (OSError, HTTPException) as error:
        raise NotFetched(f"{error}") from None


def main(wanted: Path, out: Path, limit: Limit) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit.size * 2, limit.size * 2))
    answers: list[dict[str, Any]] = []
    for number, each in enumerate(json.loads(wanted.read_text())):
        target = out / f"{number}.tar"
        try:
            answers.append(fetch(each, target, limit))
        except NotFetched as error:
            target.unlink(missing_ok=True)
            answers.append({"error": " ".join(str(error).split())})
    (out / "answers.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Limit(int(sys.argv[3]) << 20, sys.argv[4]))
