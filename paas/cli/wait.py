"""Waiting until a change is live in every router, or has failed."""

import json

from paas.cli.client import Answer, ApiRefused, Client, path
from paas.cli.patience import Patience
from paas.cli.text import plain, say
from paas.errors import Failed, PaasError, Unavailable

NOT_FOUND = 404


class ChangeFailed(Failed):
    def __init__(self, app: str, why: str) -> None:
        self.app = app
        hint = "" if "paas " in why else f" See: paas logs -a {app}"
        super().__init__(f"{app}: {why}{hint}")


class Detached(PaasError):
    """The person stopped waiting. `rest` is what goes on, and where to see it."""

    def __init__(self, rest: str) -> None:
        super().__init__(f"Not waiting any longer; {rest}")


def settle(api: Client, app: str, answer: Answer, no_wait: bool, done: str) -> None:
    """Says `done` once the change that `answer` recorded is live. Raises ChangeFailed."""
    if answer.version is not None and not no_wait:
        until_live(api, app, answer.version)
    if answer.is_stopped:
        release = answer.headers.get("paas-release")
        what = f"Recorded as v{plain(release)}" if release else "Recorded"
        say(f"{what}. {app} is stopped; what makes it run: paas start -a {app}")
    elif answer.version is not None and no_wait:
        say(f"Recorded. It goes live by itself; see: paas ps -a {app}")
    else:
        say(done)


def until_gone(api: Client, app: str, app_id: str, version: int) -> None:
    """No router knows the destroyed app any more; nor, perhaps, the platform. Raises ChangeFailed."""
    try:
        until_live(api, app, version, app_id)
    except ApiRefused as refused:
        if refused.status != NOT_FOUND:
            raise


def until_live(api: Client, app: str, version: int, app_id: str | None = None) -> None:
    """Progress goes to stderr. An API that restarts meanwhile is asked again.

    `app_id`: what to ask for, when the name is not the app's any more.
    """
    patience, shown = Patience(), ""
    target = path("apps", app_id or app, "versions", str(version))
    try:
        while True:
            try:
                for line in api.lines(target):
                    patience.heard()
                    state, text = _word(line)
                    if state == "live":
                        return
                    if state == "failed":
                        raise ChangeFailed(app, text or "the change failed")
                    if text and text != shown:
                        say(f"  {text}")
                        shown = text
            except (Unavailable, ApiRefused) as error:
                if patience.is_over(error):
                    raise
            patience.pause()
    except KeyboardInterrupt:
        raise Detached(f"the change goes on. See: paas ps -a {app}") from None


def _word(line: bytes) -> tuple[str, str]:
    """`(state, text)`; nothing for a sign of life, and for what is no news."""
    try:
        word = json.loads(line)
        return str(word.get("state", "")), plain(word.get("text", ""))
    except (ValueError, AttributeError):
        return "", ""
