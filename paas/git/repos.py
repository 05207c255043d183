"""Bare repositories, and the one place that calls the git program.

What git is told stands in each call and not in the repositories' own configuration: it is the same for old and new.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from paas.errors import Failed

SETTINGS: Mapping[str, str] = {
    "core.sharedRepository": "group",
    "gc.auto": "0",  # it would go on behind the push, and hold its lock; see `tidy`
    "receive.autogc": "false",
    "receive.advertisePushOptions": "true",
    "receive.denyNonFastForwards": "false",  # a shared repository would refuse a forced push
    "receive.shallowUpdate": "true",  # what most CI systems push
    "tar.umask": "0022",
    "transfer.fsckObjects": "true",
    # Old histories have these harmless flaws, and nobody can mend them.
    "receive.fsck.badTimezone": "ignore",
    "receive.fsck.missingSpaceBeforeDate": "ignore",
    "receive.fsck.zeroPaddedFilemode": "ignore",
    "uploadpack.allowFilter": "true",
}
ATTRIBUTES = "* -export-ignore -export-subst\n"
"""An archive is the whole tree: without this a line in the app's .gitattributes takes its Dockerfile away."""
CHUNK = 256 * 1024
LISTED_BYTES = 128 * 1024 * 1024
SHORT_SECONDS, LONG_SECONDS = 60.0, 1800.0
"""How long git may take for what is one look, and for what is as large as the repository."""


class GitFailed(Failed):
    def __init__(self, argv: Sequence[str], code: int, said: str) -> None:
        self.code = code
        super().__init__(f"git {argv[0]} failed with {code}: {' '.join(said.split())[-300:]}")


class Entry(NamedTuple):
    """One line of a tree. `size` is 0 for what is not a file."""

    mode: str
    object_id: str
    size: int
    path: str


def repository_path(directory: Path, app_id: str) -> Path:
    return directory / "repositories" / f"{app_id}.git"


def ensure_repository(directory: Path, app_id: str) -> Path:
    """Made when it is first needed; whole or not at all, also when two come at once."""
    path = repository_path(directory, app_id)
    if not path.exists():
        temporary = path.with_name(f".new-{os.urandom(8).hex()}")
        argv = ["init", "--quiet", "--bare", "--shared=group", "--initial-branch=main"]
        _run([*argv, "--template=", str(temporary)], path.parent)
        try:
            temporary.rename(path)
        except OSError:
            shutil.rmtree(temporary)
            if not path.exists():
                raise
    attributes = path / "info" / "attributes"
    if not attributes.exists():
        attributes.parent.mkdir(exist_ok=True)
        attributes.write_text(ATTRIBUTES)
    return path


def ensure_hooks(directory: Path, receive: Path, restore: Path) -> Path:
    """The folder that every repository takes its hooks from. `restore` is for pushes with an option."""
    folder = directory / "repositories" / ".hooks"
    begin, program = "#!/bin/sh\n", [sys.executable, "-I", "-S"]
    for name, text in (
        ("pre-receive", f"{begin}exec {shlex.join([*program, str(receive)])}\n"),
        (
            "post-receive",
            f'{begin}[ "${{GIT_PUSH_OPTION_COUNT:-0}}" = 0 ] || exec {shlex.join([*program, str(restore)])}\n',
        ),
    ):
        hook = folder / name
        if hook.exists() and hook.read_text() == text:
            continue
        folder.mkdir(exist_ok=True)
        temporary = folder / f".{name}-{os.getpid()}"
        temporary.write_text(text)
        temporary.chmod(0o755)
        temporary.replace(hook)
    return folder


def serve_command(
    program: str, path: Path, hooks: Path, limit_mb: int, options: Sequence[str] = ()
) -> list[str]:
    """What the door becomes: `program` is RECEIVE or UPLOAD."""
    settings = [f"core.hooksPath={hooks}", f"receive.maxInputSize={limit_mb}m"]
    settings += [f"{key}={value}" for key, value in SETTINGS.items()]
    given = [word for setting in settings for word in ("-c", setting)]
    return ["git", *given, program.removeprefix("git-"), *options, str(path)]


def refs(repository: Path) -> dict[str, str]:
    """Where each branch and tag is. Raises GitFailed."""
    told = _run(
        ["-C", str(repository), "for-each-ref", "--format=%(objectname) %(refname)"],
        repository.parents[1],
    )
    return {name: place for place, name in (line.split(" ", 1) for line in told.splitlines())}


def environment(directory: Path) -> dict[str, str]:
    """No configuration but ours; a restored folder may belong to another user than it did."""
    return {
        "PATH": os.defpath + ":/usr/local/bin",
        "HOME": str(directory / "repositories"),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }


def tidy(repository: Path, directory: Path) -> None:
    """Packs what many pushes left, now and then. To be called with the push lock held: nobody else may be pushing."""
    for leftover in (repository / "objects").glob("tmp_objdir-incoming-*"):
        shutil.rmtree(leftover)
    options = ["-c", "gc.auto=3000", "-c", "gc.autoDetach=false", "-c", "gc.pruneExpire=now"]
    _run(["-C", str(repository), *options, "gc", "--auto", "--quiet"], directory, LONG_SECONDS)


class Repo:
    """A repository; by default the one that this process is in: what is just being pushed only its hook can see."""

    def __init__(self, path: Path | None = None, env: Mapping[str, str] | None = None) -> None:
        self._path, self._env = path, env

    def commit(self, name: str) -> str | None:
        """What `name` leads to: a commit, the beginning of one, a branch or a tag. None: nothing, or not one alone."""
        asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
        try:
            return self._bytes(*asked).decode().strip()
        except GitFailed:
            return None

    def move(self, ref: str, old: str, new: str) -> None:
        """From `old` to `new`, each of which may be no commit: zeros. Raises GitFailed."""
        if set(new) == {"0"}:
            self._bytes("update-ref", "-d", "--end-of-options", ref, old)
        else:
            self._bytes("update-ref", "--end-of-options", ref, new, old)

    def tree(self, commit: str) -> str | None:
        """None: it is not a commit. A tag that points to one is none either: no branch may hold it."""
        asked = f"{commit}\n{commit}^{{tree}}\n".encode()
        told = self._bytes("cat-file", "--batch-check=%(objecttype) %(objectname)", given=asked)
        (kind, _), (_, tree) = (line.split(" ", 1) for line in told.decode().splitlines())
        return tree if kind == "commit" else None

    def entries(self, tree: str, most: int) -> Sequence[Entry]:
        """Every file, link and gitlink of the tree. Of more than `most` some more, and not all.

        A few objects that name each other list for ever. Raises GitFailed, also for more than `LISTED_BYTES`.
        """
        argv = ["ls-tree", "-r", "-l", "-z", "--full-tree", tree]
        found: list[Entry] = []
        rest, left = b"", LISTED_BYTES
        with closing(self._chunks(argv)) as chunks:
            for chunk in chunks:
                left -= len(chunk)
                if left < 0:
                    raise GitFailed(argv, 0, "the names of its files are too long")
                *lines, rest = (rest + chunk).split(b"\0")
                found += map(_entry, lines)
                if len(found) > most:
                    break
        return found

    def contents(self, objects: Sequence[str]) -> Iterator[bytes]:
        """Of small files, in order."""
        if not objects:
            return
        asked = "".join(f"{name}\n" for name in objects).encode()
        answer = self._bytes("cat-file", "--batch", given=asked)
        at = 0
        while at < len(answer):
            end = answer.index(b"\n", at)
            size = int(answer[at:end].rsplit(b" ", 1)[1])
            yield answer[end + 1 : end + 1 + size]
            at = end + 2 + size

    def archive(self, commit: str) -> Iterator[bytes]:
        """The tree of `commit` as a tar. Raises GitFailed at the end when it is not whole."""
        return self._chunks(["archive", "--format=tar", commit])

    def _chunks(self, argv: Sequence[str]) -> Generator[bytes, None, None]:
        """What git prints; git is ended with it. Raises GitFailed at the end."""
        with subprocess.Popen(
            ["git", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            cwd=self._path,
            env=self._env,
        ) as git:
            assert git.stdout is not None
            deadline = threading.Timer(LONG_SECONDS, git.kill)
            deadline.start()
            try:
                while chunk := git.stdout.read(CHUNK):
                    yield chunk
            except GeneratorExit:
                git.kill()
                raise
            finally:
                deadline.cancel()
        if git.returncode:
            raise GitFailed(argv, git.returncode, "")

    def _bytes(self, *argv: str, given: bytes = b"") -> bytes:
        return finished(argv, LONG_SECONDS, given, self._env, self._path)


def _entry(line: bytes) -> Entry:
    """Of `ls-tree -l -z`."""
    head, path = line.split(b"\t", 1)
    mode, _, object_id, size = head.decode().split()
    number = 0 if size == "-" else int(size)
    return Entry(mode, object_id, number, path.decode("utf-8", "replace"))


def _run(argv: Sequence[str], directory: Path, seconds: float = SHORT_SECONDS) -> str:
    """What it printed. Raises GitFailed."""
    return finished(argv, seconds, env=environment(directory)).decode("utf-8", "replace")


def finished(
    argv: Sequence[str],
    seconds: float,
    given: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> bytes:
    """What git printed. Raises GitFailed, also when it took longer: then it and what it started are ended."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        ["git", *argv],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=env,
        cwd=cwd,
        start_new_session=True,
    ) as git:
        try:
            printed, said = git.communicate(given, timeout=seconds)
        except BaseException as error:
            os.killpg(git.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            git.communicate()
            raise GitFailed(argv, git.returncode, f"it took longer than {seconds:.0f} s") from None
    if git.returncode:
        raise GitFailed(argv, git.returncode, said.decode("utf-8", "replace"))
    return printed
