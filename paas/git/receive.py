"""STEP 1  The hook `pre-receive`: takes the pushed tree to the API, asks for a build, and follows its output.

Only here the pushed objects can be seen, and only from here a push can be refused. The branch moves when this ends
with 0, and that is when its release is live. A pusher who goes away stops nothing: whoever writes to nobody goes on.
`python -I -S /…/paas/git/receive.py`, as a plain script, in the repository; the door has set its environment.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2]))

from paas.errors import Failed, Invalid, PaasError
from paas.git.ask import Api, ApiSilent, printable
from paas.git.lock import PushLock
from paas.git.repos import Entry, Repo
from paas.model.git_request import PACK_TIMES

DEPLOYS = ("refs/heads/main", "refs/heads/master")
PATIENCE_SECONDS = 120.0
"""How long an API that went away may take to come back."""
RETRY_SECONDS = 1.0
FILE_LIMIT = 200_000
POINTER_SIZES = range(100, 400)
"""Bytes of a Git LFS pointer."""
POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*oid sha256:[0-9a-f]{64}\nsize \d+\n"
)
RELEASE, DRY_RUN = "release", "dry-run"
OPTIONS: Mapping[str, str] = {
    DRY_RUN: "check and build; release and keep nothing, and move no branch",
    "no-release": "build and keep the image, to be released by paas deploy --ref",
}
"""What may stand behind `git push -o`."""
GOOD = ("live", "built")
UNDER_WAY = ("queued", "building", "pending")


class PushRefused(Invalid):
    """The push itself cannot be taken."""


class NotLive(Failed):
    """The build failed, or its release did not come up. The output has told why."""


class Push:
    """What the door knows about it."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.app_id, self.app = given["PAAS_APP"], given["PAAS_APP_NAME"]
        self.source_mb = int(given["PAAS_SOURCE_MB"])
        self.seen_build = given.get("PAAS_SEEN_BUILD", "")
        """The build whose output the pusher saw while waiting at the door."""
        self.api = Api(Path(given["PAAS_DIR"]), given["PAAS_KEY"], given["PAAS_PERSON"])
        self.lock = PushLock(Path.cwd())
        self.quarantine = given.get("GIT_QUARANTINE_PATH")
        """Where git keeps what was pushed until the hook has said yes; None: nothing was, but to delete a branch."""


def main() -> int:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    if "PAAS_APP" not in os.environ:
        tell("paas: this repository takes pushes by its door only")
        return 1
    try:
        updates = [line.decode("utf-8", "replace") for line in sys.stdin.buffer]
        receive(updates, Push(os.environ), options(os.environ))
    except PaasError as error:
        tell(f" !     {error}")
        return 1
    except OSError as error:
        tell(f" !     The platform cannot take this now: {error}. Its operator types: paas doctor")
        return 1
    return 0


def receive(updates: Iterable[str], push: Push, push_options: Sequence[str]) -> None:
    """Returns when the ref may move. Raises PushRefused, NotLive, ApiRefused or ApiSilent."""
    purpose = purpose_of(push_options)
    if push.quarantine is not None:
        check_pack(brought(Path(push.quarantine)), push.source_mb)
    commit = commit_to_deploy(updates, push.app)
    if commit is None:
        return
    repo = Repo()
    tree = repo.tree(commit)
    if tree is None:
        raise PushRefused("a branch points to a commit; what was pushed is none.")
    files = repo.entries(tree, FILE_LIMIT)
    check_tree(files, repo, push.source_mb)

    push.lock.add(commit=commit)
    build = find_build(push, commit, purpose) or begin_build(push, repo, commit, files, purpose)
    if build.get("outcome") == "live":
        tell(f"-----> {commit[:7]} is live already: nothing to build")
        return
    push.lock.add(build=build["id"])
    finish(follow(push, build), push)


def purpose_of(push_options: Sequence[str]) -> str:
    """What the build is for, in the API's words. Raises PushRefused."""
    for option in push_options:
        if option not in OPTIONS:
            valid = ", ".join(f"-o {name} ({what})" for name, what in OPTIONS.items())
            raise PushRefused(
                f"there is no push option '{printable(option[:60])}'. There are: {valid}."
            )
    if len(set(push_options)) > 1:
        raise PushRefused(f"-o {' and -o '.join(OPTIONS)} do not go together.")
    return push_options[0] if push_options else RELEASE


def brought(quarantine: Path) -> int:
    """Bytes of what the push has brought, packed as it came."""
    return sum(path.stat().st_size for path in quarantine.rglob("*") if path.is_file())


def check_pack(size: int, source_mb: int) -> None:
    """Raises PushRefused."""
    limit_mb = PACK_TIMES * source_mb
    if size > limit_mb << 20:
        raise PushRefused(
            f"it brings {size >> 20} MB of history; {limit_mb} MB is the most ({PACK_TIMES} times the setting "
            "source_mb). Push it in parts, the oldest first (git push paas COMMIT:refs/heads/history), "
            "or without the history: paas deploy"
        )


def commit_to_deploy(updates: Iterable[str], app: str) -> str | None:
    """None: nothing of it is to be deployed. Tells what is only stored. Raises PushRefused."""
    deploys: dict[str, str] = {}
    stored = []
    for line in updates:
        _, new, ref = line.rstrip("\n").split(" ", 2)
        if ref in DEPLOYS:
            deploys[ref] = new
        elif ref.startswith("refs/heads/") and set(new) != {"0"}:
            stored.append(printable(ref.removeprefix("refs/heads/")))
    if len(deploys) > 1:
        raise PushRefused(
            "main and master in one push: which one is to be deployed? Push one: git push paas main"
        )
    for ref, new in deploys.items():
        if set(new) == {"0"}:
            raise PushRefused(
                f"{ref.removeprefix('refs/heads/')} is what {app} is deployed from and cannot be deleted. "
                f"To take the app down: paas stop -a {app}"
            )
    for name in stored:
        tell(f"       {name} is stored, not deployed. To deploy it: git push paas {name}:main")
    return next(iter(deploys.values()), None)


def check_tree(files: Sequence[Entry], repo: Repo, limit_mb: int) -> None:
    """What could never be built as it is meant. Raises PushRefused."""
    links = [entry.path for entry in files if entry.mode == "160000"]
    if links:
        raise PushRefused(
            f"{some(links)} is a repository inside the repository: its files are not in the push. "
            f"Put them in: git rm --cached {printable(links[0])} && rm -rf {printable(links[0])}/.git "
            "&& git add . && git commit"
        )
    size = sum(entry.size for entry in files)
    if size > limit_mb << 20:
        largest = sorted(files, key=lambda entry: entry.size)[:-4:-1]
        raise PushRefused(
            f"the tree is {size >> 20} MB; {limit_mb} MB is the most. Its largest files: "
            + ", ".join(f"{printable(entry.path)} ({entry.size >> 20} MB)" for entry in largest)
        )
    if len(files) > FILE_LIMIT:
        raise PushRefused(f"the tree has more than {FILE_LIMIT} files, which is the most.")
    small = [entry for entry in files if entry.size in POINTER_SIZES]
    contents = repo.contents([entry.object_id for entry in small])
    pointers = [
        entry.path for entry, content in zip(small, contents, strict=True) if POINTER.match(content)
    ]
    if pointers:
        raise PushRefused(
            f"{some(pointers)} is in Git LFS: only a pointer was pushed, and it would be built in place of the file. "
            "Put the files in: git lfs migrate export --everything --include='*', then push again with --force"
        )


def find_build(push: Push, commit: str, purpose: str) -> dict[str, Any] | None:
    """The build of this commit that is under way for the same, or whose release is live.

    Raises NotLive when the pusher has just seen it fail.
    """
    builds = push.api.get(f"/apps/{push.app_id}/builds", commit=commit)
    for build in builds:
        is_same = build.get("purpose", RELEASE) == purpose
        if (is_same and build.get("outcome") in UNDER_WAY) or (
            build.get("outcome") == "live" and build.get("current")
        ):
            return dict(build)
        if build["id"] == push.seen_build:
            raise NotLive(not_live(build, push.app))
    return None


def begin_build(
    push: Push, repo: Repo, commit: str, files: Sequence[Entry], purpose: str
) -> dict[str, Any]:
    size = sum(entry.size for entry in files)
    tell(f"-----> Received {commit[:7]}: {len(files)} files, {size / 1e6:.1f} MB")
    return send_tree(push.api, push.app_id, repo, commit, purpose)


def send_tree(
    api: Api, app_id: str, repo: Repo, commit: str, purpose: str = RELEASE
) -> dict[str, Any]:
    """To a new source, and asks for a build of it."""
    source = api.post("/sources", {})["source_blob"]
    api.put(source["put_url"], repo.archive(commit))
    wanted: dict[str, Any] = {"source_blob": {"url": source["get_url"], "version": commit}}
    if purpose != RELEASE:
        wanted["purpose"] = purpose
    return dict(api.post(f"/apps/{app_id}/builds", wanted))


def follow(push: Push, build: dict[str, Any]) -> dict[str, Any]:
    """Shows the output to its end, over restarts of the API; the build as it then is."""
    tell(f"       Ctrl-C leaves it running; to stop it: paas builds:cancel -a {push.app}")
    url, offset = build["output_stream_url"], 0
    silent_since: float | None = None
    while True:
        try:
            for chunk in push.api.follow(url, offset):
                silent_since = None
                offset += len(chunk)
                write(chunk)
            build = push.api.get(f"/apps/{push.app_id}/builds/{build['id']}")
            if build.get("outcome") not in UNDER_WAY:
                return build
        except ApiSilent:
            now = time.monotonic()
            silent_since = silent_since or now
            if now - silent_since > PATIENCE_SECONDS:
                raise
        time.sleep(RETRY_SECONDS)


def finish(build: dict[str, Any], push: Push) -> None:
    """Raises NotLive."""
    if build.get("outcome") not in GOOD:
        raise NotLive(not_live(build, push.app))


def not_live(build: Mapping[str, Any], app: str) -> str:
    outcome = str(build.get("outcome"))
    what = {
        "failed": "Push refused: see above.",
        "cancelled": "Push refused: the build was cancelled.",
        "superseded": "Push refused: a newer release took its place.",
    }.get(outcome, f"Push refused ({printable(outcome)}).")
    if not build.get("serving", True):
        return f"{what} Nothing of {app} runs."
    return f"{what} What {app} ran before, it runs still."


def options(given: Mapping[str, str]) -> list[str]:
    count = int(given.get("GIT_PUSH_OPTION_COUNT", "0"))
    return [given[f"GIT_PUSH_OPTION_{number}"] for number in range(count)]


def some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(printable(path) for path in paths[:3]) + more


def tell(line: str) -> None:
    write(f"{line}\n".encode("utf-8", "replace"))


def write(data: bytes) -> None:
    """To the pusher, if there is one."""
    try:
        while data:
            data = data[os.write(2, data) :]
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main())
