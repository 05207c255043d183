"""A line of an app's log."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class LogLine:
    """`source` is Heroku's word: `app` for what a dyno printed, `heroku` for platform and router."""

    at_ns: int
    """Nanoseconds since the epoch."""
    source: str
    dyno: str
    """`web.1`, `router`, `api`, `build`."""
    text: str
    container: str = ""
    """Our id of the container that printed it; empty for what the platform says."""

    def render(self) -> str:
        """Heroku's form: `2010-09-16T15:13:46.677020+00:00 app[web.1]: text`."""
        seconds, rest = divmod(self.at_ns, 1_000_000_000)
        moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{moment}.{rest // 1000:06d}+00:00 {self.source}[{self.dyno}]: {self.text}"
