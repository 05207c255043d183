"""The story of an Aptfile: Debian packages, unpacked into the app without being installed. Nobody is root here."""

import os
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aptfile import Aptfile
from pack import (
    KeptTree,
    ProgramFailed,
    ask,
    digest_of,
    fail,
    remove_tree,
    run,
    title,
    write_profile,
)

OWN = ".apt"
EXPORT = Path(__file__).resolve().parent.parent / "export"
STATUS = (Path("/var/lib/dpkg/status-run"), Path("/var/lib/dpkg/status"))
"""What is installed where the app will run; the build image, which has more, only if nothing says so."""
INSTALLED = Path("/var/lib/dpkg/info")
USELESS = ("doc", "info", "lintian", "locale", "man")
DEB_MB = 512


@dataclass(frozen=True, slots=True)
class Apt:
    """apt, with folders that are all its own."""

    cache: Path
    scratch: Path

    @property
    def archives(self) -> Path:
        return self.cache / "archives"

    def command(self, program: str, *words: str, archives: Path | None = None) -> list[str]:
        folders = {
            "Dir::State": self.scratch,
            "Dir::State::lists": self.cache / "lists",
            "Dir::State::status": next(file for file in STATUS if file.exists()),
            "Dir::Cache": self.scratch,
            "Dir::Cache::archives": archives or self.archives,
        }
        options = [f"{name}={folder}" for name, folder in folders.items()]
        options += ["Debug::NoLocking=true", "Acquire::GzipIndexes=true"]
        return [program, *(part for option in options for part in ("-o", option)), *words]


def compile_apt(app: Path, cache: Path) -> None:
    """The packages in .apt, and what finds them while the app is built and at every start. `app` must be /app."""
    if not (app / "Aptfile").is_file():
        title("There is no Aptfile, and nothing to unpack")
        return
    title("Debian packages wanted (Aptfile)")
    wanted = Aptfile.read(app)
    own = app / OWN
    remove_tree(own)
    kept = KeptTree(cache, "tree")
    week = time.strftime(
        "%G-%V"
    )  # Debian mends its packages, and nobody changes an Aptfile for that
    key = digest_of([os.environ.get("STACK", ""), week, *sorted(wanted.names), *wanted.urls])
    if kept.restore(key, own):
        title("Packages of Aptfile are unchanged")
    else:
        own.mkdir()
        with tempfile.TemporaryDirectory() as scratch:
            unpack(wanted, own, Apt(cache, Path(scratch)))
        kept.keep(key, own)
    write_profile(app, "apt.sh", EXPORT.read_text())


def unpack(wanted: Aptfile, own: Path, apt: Apt) -> None:
    environment = dict(os.environ, HOME=f"{apt.scratch}", LC_ALL="C.UTF-8")
    for folder in (
        apt.archives / "partial",
        apt.cache / "lists/partial",
        apt.scratch / "none/partial",
    ):
        folder.mkdir(parents=True, exist_ok=True)
    files = [*_of_archive(wanted.names, apt, environment), *_of_urls(wanted.urls, apt, environment)]
    for file in files:
        try:
            ask(["dpkg-deb", "--extract", f"{file}", f"{own}"], own, environment)
        except ProgramFailed as error:
            fail(f"Aptfile: {file.name} is no Debian package: {error.output.strip()}")
    title(
        f"Unpacked into /app/{OWN}: {', '.join(file.name.partition('_')[0] for file in files) or 'nothing'}"
    )
    for name in USELESS:
        remove_tree(own / "usr/share" / name)
    for file in own.rglob("*.pc"):
        if file.is_file() and not file.is_symlink():
            text = file.read_text(errors="surrogateescape")
            moved = re.sub(r"^(\w+=)/usr\b", rf"\1/app/{OWN}/usr", text, flags=re.MULTILINE)
            file.write_text(moved, errors="surrogateescape")


def _of_archive(names: Mapping[str, int], apt: Apt, environment: Mapping[str, str]) -> list[Path]:
    """Fetched, or kept from an earlier build: all that is not there where the app will run."""
    if not names:
        return []
    install = ["-q", "-y", "install", *names]
    try:
        ask(apt.command("apt-get", "-q", "update"), apt.scratch, environment)
    except ProgramFailed as error:
        fail(f"Debian's archive does not answer:\n{error.output.strip()}")
    try:
        told = ask(
            apt.command("apt-get", "--print-uris", *install, archives=apt.scratch / "none"),
            apt.scratch,
            environment,
        )
    except ProgramFailed as error:
        _fail_by_name(names, apt, environment)
        fail(f"The packages of Aptfile cannot be had together:\n{error.output.strip()}")
    files = re.findall(r"^'[^']+' (\S+_\S+\.deb) \d+", told, re.MULTILINE)
    for old in apt.archives.glob("*.deb"):
        if old.name not in files:
            old.unlink()
    try:
        run(apt.command("apt-get", "--download-only", *install, "-qq"), apt.scratch, environment)
    except ProgramFailed as error:
        fail(f"{error}: the packages of Aptfile are not fetched. The reason stands above.")
    return [apt.archives / file for file in files if not _is_only_for_builds(file)]


def _is_only_for_builds(file: str) -> bool:
    """Headers that the build image has."""
    name = file.partition("_")[0]
    return name.endswith("-dev") and any(
        (INSTALLED / f"{known}.list").exists() for known in (name, f"{name}:{_architecture(file)}")
    )


def _architecture(file: str) -> str:
    return file.removesuffix(".deb").rpartition("_")[2]


def _fail_by_name(names: Mapping[str, int], apt: Apt, environment: Mapping[str, str]) -> None:
    """Ends the build if one of them does not exist."""
    unknown = [name for name in names if not _is_known(name, apt, environment)]
    if unknown:
        fail(
            "\n".join(
                f"Aptfile, line {names[name]}: Debian has no package '{name}'" for name in unknown
            )
        )


def _is_known(name: str, apt: Apt, environment: Mapping[str, str]) -> bool:
    try:
        bare = name.partition("/")[0]
        return bool(ask(apt.command("apt-cache", "show", bare), apt.scratch, environment).strip())
    except ProgramFailed:
        return False


def _of_urls(urls: Sequence[str], apt: Apt, environment: Mapping[str, str]) -> list[Path]:
    files = []
    curl = ["curl", "--fail", "--silent", "--show-error", "--location", "--proto", "=https"]
    curl += ["--proto-redir", "=https", "--retry", "2", "--max-filesize", f"{DEB_MB << 20}"]
    for number, url in enumerate(urls):
        folder = apt.scratch / f"url-{number}"
        folder.mkdir()
        file = folder / url.rpartition("/")[2]
        try:
            ask([*curl, "--output", f"{file}", "--", url], apt.scratch, environment)
        except ProgramFailed as error:
            fail(f"Aptfile: {url} cannot be fetched: {error.output.strip()}")
        files.append(file)
    return files
