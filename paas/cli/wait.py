"""Waiting until a change is live in every router, or has failed."""

import json
import time
from collections.abc import Iterator

from paas.cli.client import Answer, ApiRefused, Client, path
from paas.cli.text import plain, say
from paas.errors import Failed, PaasError, Unavailable

PATIENCE_SECONDS = 60.0
"""How long the API may be away, say for an upgrade, before waiting is given up."""
PAUSE_SECONDS = 0.5


class ChangeFailed(Failed):
    def __init__(self, app: str, why: str) -> None:
        self.app = app
        hint = "" if "paas " in why else f" See: paas logs -a {app}"
        super().__init__(f"{app}: {why}{hint}")


class LostSight(Unavailable):
    def __init__(self, app: str, version: int) -> None:
        super().__init__(
            f"{app}: the change is recorded (version {version}), but the API has told nothing of it for "
            f"{PATIENCE_SECONDS:.0f} s. See: paas ps -a {app}"
        )


class Detached(PaasError):
    """The person stopped waiting."""

    def __init__(self, app: str) -> None:
        super().__init__(f"Not waiting any longer; the change goes on. See: paas ps -a {app}")


def settle(api: Client, app: str, answer: Answer, no_wait: bool, done: str) -> None:
    """Says `done` once the change that `answer` recorded is live. Raises ChangeFailed."""
    if no_wait and answer.version is not None:
        say(f"Recorded. It goes live by itself; see: paas ps -a {app}")
        return
    if answer.version is not None:
        until_live(api, app, answer.version)
    say(done)


def until_live(api: Client, app: str, version: int) -> None:
    """Progress goes to stderr. An API that restarts meanwhile is asked again."""
    shown, heard_at = "", time.monotonic()
    try:
        while True:
            for state, text in _news(api, app, version):
                heard_at = time.monotonic()
                if state == "live":
                    return
                if state == "failed":
                    raise ChangeFailed(app, text or "the change failed")
                if text and text != shown:
                    say(f"  {text}")
                    shown = text
            if time.monotonic() - heard_at > PATIENCE_SECONDS:
                raise LostSight(app, version)
            time.sleep(PAUSE_SECONDS)
    except KeyboardInterrupt:
        raise Detached(app) from None


def _news(api: Client, app: str, version: int) -> Iterator[tuple[str, str]]:
    """What the API tells until it stops telling: `(state, text)`."""
    try:
        for line in api.lines(path("apps", app, "versions", str(version))):
            try:
                word = json.loads(line)
                yield str(word.get("state", "")), plain(word.get("text", ""))
            except (ValueError, AttributeError):
                continue  # an empty line, or half of one
    except Unavailable:
        return
    except ApiRefused as error:
        if error.status not in (502, 503):
            raise
