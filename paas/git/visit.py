"""What both entrances do for somebody who may come in: the repository, what git and the hook are told, and the turn."""

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from paas.git.ask import Api
from paas.git.lock import PushLock
from paas.git.repos import (
    GitFailed,
    ensure_hooks,
    environment,
    serve_command,
    tidy,
)
from paas.git.turn import Client, take_turn
from paas.model.git_request import MOST_TIMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody whom the API has let in."""

    directory: Path
    app_id: str
    app: str
    repository: Path
    person: str
    source_mb: int
    key: str = ""
    """The fingerprint they were known by; empty: they were known by a token."""

    @property
    def api(self) -> Api:
        return Api(self.directory, self.key, self.person)

    def environment(self, protocol: str) -> dict[str, str]:
        """Of git, and of the hook below it. `protocol` is what the client gives as GIT_PROTOCOL."""
        env = environment(self.directory)
        env |= {"PAAS_DIR": str(self.directory), "PAAS_KEY": self.key, "PAAS_PERSON": self.person}
        env |= {"PAAS_APP": self.app_id, "PAAS_APP_NAME": self.app}
        env |= {"PAAS_SOURCE_MB": str(self.source_mb)}
        if re.fullmatch(r"version=[0-9]", protocol):
            env["GIT_PROTOCOL"] = protocol
        return env

    def take_turn(self, client: Client) -> dict[str, str]:
        """Waits until nobody else pushes to the app; whatever this process becomes has the push lock.

        What the hook is to be told of it. Raises PlaceTaken and ClientLeft.
        """
        lock = PushLock(self.repository)
        seen = take_turn(lock, self.person, self.api, self.app_id, self.app, client)
        lock.describe(person=self.person, since=time.time())
        with suppress(GitFailed):  # a repository that git cannot pack can still take a push
            tidy(self.repository, self.directory)
        lock.hand_on()
        return {"PAAS_SEEN_BUILD": seen or ""}

    def command(self, program: str, *options: str) -> list[str]:
        """`program` is RECEIVE or UPLOAD."""
        here = Path(__file__).resolve()
        hooks = ensure_hooks(
            self.directory, here.with_name("receive.py"), here.with_name("restore.py")
        )
        limit_mb = MOST_TIMES * self.source_mb
        return serve_command(program, self.repository, hooks, limit_mb, options)
