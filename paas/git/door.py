"""STEP 1  sshd's forced command: who is it, what may they run. Nothing but git's two verbs gets through.

`python -I -S /…/paas/git/door.py DIR FINGERPRINT`, as a plain script: with nothing imported that is not needed it
answers in 50 ms. A push waits here for its turn, before git has said a word: see `lock.py`.
"""

import os
import re
import select
import shlex
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

sys.path.append(str(Path(__file__).resolve().parents[2]))

from paas.errors import Conflict, Invalid, PaasError
from paas.git.ask import Api, printable
from paas.git.lock import PushLock
from paas.git.repos import (
    RECEIVE,
    UPLOAD,
    GitFailed,
    ensure_hooks,
    ensure_repository,
    environment,
    serve_command,
    tidy,
)

POLL_SECONDS = 0.2
WORD_SECONDS = 10.0
"""How often a waiter is told that it still waits, when there is nothing else to see."""
CATCH_UP_SECONDS = 1.0
"""How long the end of a build's output may take to arrive once its push is over."""
NOT_ADMITTED = "only git push, fetch and clone get through here"


class NotAdmitted(Invalid):
    def __init__(self) -> None:
        super().__init__(f"{NOT_ADMITTED}. For everything else there is the paas command.")


class PlaceTaken(Conflict):
    def __init__(self, person: str) -> None:
        super().__init__(f"{person} is now the next in line; this push has left it. Push again.")


class ClientLeft(Exception):
    """Ctrl-C, or a connection that broke."""


def main() -> NoReturn:
    os.umask(0o007)
    directory, fingerprint = Path(sys.argv[1]), sys.argv[2]
    with suppress(ClientLeft):
        try:
            argv, env = admit(directory, fingerprint, os.environ)
            os.execvpe(argv[0], argv, env)
        except PaasError as error:
            tell(f"paas: {error}")
        except OSError as error:
            tell(
                f"paas: the platform cannot take this now: {error}. Its operator types: paas doctor"
            )
    sys.exit(1)


def admit(
    directory: Path, fingerprint: str, given: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command to become, and its environment. Holds the push lock when it is a push."""
    api = Api(directory, fingerprint)
    command = given.get("SSH_ORIGINAL_COMMAND")
    if command is None:
        person = api.get("/door", key=fingerprint)["person"]
        raise NoShell(person)
    program, name = parse_command(command)
    found = api.get("/door", key=fingerprint, app=name)
    app, person, limit_mb = found["app"], str(found["person"]), int(found["limits"]["source_mb"])

    repository = ensure_repository(directory, app["id"])
    hooks = ensure_hooks(directory, Path(__file__).resolve().with_name("receive.py"))
    env = environment(directory)
    env |= {"PAAS_DIR": str(directory), "PAAS_KEY": fingerprint, "PAAS_PERSON": person}
    env |= {"PAAS_APP": app["id"], "PAAS_APP_NAME": app["name"], "PAAS_SOURCE_MB": str(limit_mb)}
    if re.fullmatch(r"version=[0-9]", given.get("GIT_PROTOCOL", "")):
        env["GIT_PROTOCOL"] = given["GIT_PROTOCOL"]
    if program == RECEIVE:
        lock = PushLock(repository)
        seen = take_turn(lock, person, api, app)
        lock.describe(person=person, since=time.time())
        with suppress(GitFailed):  # a repository that git cannot pack can still take a push
            tidy(repository, directory)
        lock.hand_on()
        env["PAAS_SEEN_BUILD"] = seen or ""
    # Twice the tree's limit: the pack of a push may hold more than one version of it.
    return serve_command(program, repository, hooks, 2 * limit_mb), env


class NoShell(Invalid):
    def __init__(self, person: str) -> None:
        super().__init__(f"you are {printable(person)}. There is no shell here: {NOT_ADMITTED}.")


def parse_command(command: str) -> tuple[str, str]:
    """RECEIVE or UPLOAD, and the name of an app. Raises NotAdmitted."""
    try:
        words = shlex.split(command)
    except ValueError:
        raise NotAdmitted from None
    if words[:1] == ["git"]:
        words[:2] = ["-".join(words[:2])]
    if len(words) != 2 or words[0] not in (RECEIVE, UPLOAD):
        raise NotAdmitted
    name = words[1].removeprefix("/").removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise InvalidName(name)
    return words[0], name


class InvalidName(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{printable(name[:60])}' cannot be an app's name: a-z, 0-9 and - only. "
            "See: paas apps, and: git remote -v"
        )


def take_turn(lock: PushLock, person: str, api: Api, app: dict[str, str]) -> str | None:
    """Waits for the app's push lock. The id of the build whose output the waiter was shown, if there was one.

    Raises PlaceTaken when somebody newer waits, ClientLeft when nobody waits any more.
    """
    if lock.take():
        return None
    ticket = lock.queue_up(person)
    holder = lock.holder()
    tell(f"paas: {describe(holder, app['name'])}. Waiting for it; Ctrl-C leaves.")
    shown: Shown | None = None
    told_at = time.monotonic()
    while True:
        is_mine, is_next = lock.take(), lock.waiter().get("ticket") == ticket
        if not is_next:
            lock.give_back()
            raise PlaceTaken(printable(str(lock.waiter().get("person"))))
        if is_mine:
            break
        leave_with_client(POLL_SECONDS)
        build = lock.holder().get("build")
        if build and (shown is None or shown.build != build):
            shown = Shown(api, app["id"], str(build))
            shown.start()
        if shown is None and time.monotonic() - told_at > WORD_SECONDS:
            told_at = time.monotonic()
            tell(f"paas: {describe(lock.holder(), app['name'])}. Still waiting.")
    if shown is None:
        return None
    shown.join(CATCH_UP_SECONDS)
    return shown.build


class Shown(threading.Thread):
    """Prints the output of the build that is waited for."""

    def __init__(self, api: Api, app_id: str, build: str) -> None:
        super().__init__(daemon=True)
        self.build = build
        self._api, self._url = api, f"/apps/{app_id}/builds/{build}/output"

    def run(self) -> None:
        with suppress(PaasError, ClientLeft):
            for chunk in self._api.follow(self._url, 0):
                write(chunk)


def describe(holder: dict[str, object], app: str) -> str:
    since = holder.get("since")
    person = printable(str(holder.get("person", "somebody")))
    commit = printable(str(holder.get("commit", "")))[:7]
    text = f"{person} is pushing {commit + ' ' if commit else ''}to {app}"
    if isinstance(since, float):
        clock = time.strftime("%H:%M:%S", time.localtime(since))
        text += f" since {clock} ({max(0, int(time.time() - since))} s)"
    return text


def leave_with_client(seconds: float) -> None:
    """Waits that long. A git client says nothing before it was spoken to: what comes from it now is its end."""
    poll = select.poll()
    poll.register(0, select.POLLRDHUP)
    if any(event & (select.POLLHUP | select.POLLRDHUP) for _, event in poll.poll(seconds * 1000)):
        raise ClientLeft


def tell(line: str) -> None:
    write(f"{line}\n".encode("utf-8", "replace"))


def write(data: bytes) -> None:
    try:
        while data:
            data = data[os.write(2, data) :]
    except OSError:
        raise ClientLeft from None


if __name__ == "__main__":
    main()
