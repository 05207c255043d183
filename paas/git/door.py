"""STEP 1  sshd's forced command: who is it, what may they run. Nothing but git's two verbs gets through.

`python -I -S /…/paas/git/door.py DIR FINGERPRINT`, as a plain script: with nothing imported that is not needed it
answers in 50 ms. A push waits here for its turn, before git has said a word: see `turn.py`.
"""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

sys.path.append(str(Path(__file__).resolve().parents[2]))

from paas.errors import Invalid, PaasError
from paas.git.ask import Api, printable
from paas.git.repos import ensure_repository
from paas.git.turn import ClientLeft, over_ssh
from paas.git.visit import Visit
from paas.model.git_request import RECEIVE, UPLOAD

NOT_ADMITTED = "only git push, fetch and clone get through here"


class NotAdmitted(Invalid):
    def __init__(self) -> None:
        super().__init__(f"{NOT_ADMITTED}. For everything else there is the paas command.")


class NoShell(Invalid):
    def __init__(self, person: str) -> None:
        super().__init__(f"you are {printable(person)}. There is no shell here: {NOT_ADMITTED}.")


class InvalidName(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{printable(name[:60])}' cannot be an app's name: a-z, 0-9 and - only. "
            "See: paas apps, and: git remote -v"
        )


def main() -> NoReturn:
    os.umask(0o007)
    directory, fingerprint = Path(sys.argv[1]), sys.argv[2]
    client = over_ssh()
    with suppress(ClientLeft):
        try:
            argv, env = admit(directory, fingerprint, os.environ)
            os.execvpe(argv[0], argv, env)
        except PaasError as error:
            client.tell(f"paas: {error}")
        except OSError as error:
            client.tell(
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
    visit = Visit(
        directory=directory,
        app_id=found["app"]["id"],
        app=found["app"]["name"],
        repository=ensure_repository(directory, found["app"]["id"]),
        person=str(found["person"]),
        source_mb=int(found["limits"]["source_mb"]),
        key=fingerprint,
    )
    env = visit.environment(given.get("GIT_PROTOCOL", ""))
    if program == RECEIVE:
        env |= visit.take_turn(over_ssh())
    return visit.command(program), env


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


if __name__ == "__main__":
    main()
