"""URLs that Heroku's clients fetch without a token: each carries a pass for itself."""

import time
from urllib.parse import quote, urlencode

from paas.auth import PASS_SECONDS, Pass
from paas.model.person import Person
from paas.wiring import Platform


def pass_for(method: str, path: str, person: Person, platform: Platform, **query: str) -> str:
    """The URL of `path`, good for `method` and for a day. `query` is what the pass leaves open."""
    until = time.time() + PASS_SECONDS
    sealed = Pass(method, path, person.name, until).seal(platform.cipher)
    base = f"http://127.0.0.1:{platform.settings.api_port}"
    return f"{base}{quote(path)}?{urlencode({**query, 'pass': sealed})}"
