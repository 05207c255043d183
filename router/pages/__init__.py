"""The router's own answers: one small page each, with Heroku's code and the request's id."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

REQUEST_ID = "%[var(txn.rid)]"
REFUSED_OR_TIMED_OUT = "%[date(0,ms),sub(txn.start),div(15000),bool,iif(H19,H21)]"
"""HAProxy has one answer for who refused and who was silent: thirteen tries of the latter take 19 s, of the former
12 at most."""


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    status: int
    code: str
    """Heroku's, or what HAProxy is to put there at the time."""
    title: str
    text: str
    retry_seconds: int = 0


NO_SUCH_APP = Page(
    "no-such-app", 404, "no-such-app", "No such app", "There is no app under this name.",
)  # fmt: skip
NOTHING_RUNNING = Page(
    "nothing-running", 503, "H14", "No web processes running",
    "This app exists, but no web process of it is running.", 5,
)  # fmt: skip
CRASHED = Page(
    "crashed", 503, "H10", "This app has crashed",
    "Its web processes ended by themselves. The platform tries them again; its owner sees why in its log.", 10,
)  # fmt: skip
STOPPED = Page(
    "stopped", 503, "H14", "This app is stopped", "Its owner has stopped it.", 60,
)  # fmt: skip
MAINTENANCE = Page(
    "maintenance", 503, "H80", "Down for maintenance",
    "This app is down for maintenance. Please come back soon.", 60,
)  # fmt: skip
BACKLOG = Page(
    "backlog", 503, "H11", "Too many requests",
    "This app has more requests in flight than the router gives one app.", 5,
)  # fmt: skip
OWN = (NO_SUCH_APP, NOTHING_RUNNING, CRASHED, STOPPED, MAINTENANCE, BACKLOG)

ERRORS = (
    Page("bad-request", 400, "H26", "Bad request", "The request cannot be understood."),
    Page("slow-request", 408, "H28", "Request timeout", "The request did not arrive in time."),
    Page("internal", 500, "H99", "Platform error", "The router could not do its work.", 5),
    Page("no-response", 502, "H13", "Application error",
         "The app closed the connection without a proper response."),
    Page("refused", 503, REFUSED_OR_TIMED_OUT, "Application error",
         "The app did not accept the connection.", 5),
    Page("timeout", 504, "H12", "Application error", "The app took too long to respond."),
)  # fmt: skip
"""In place of HAProxy's own pages, by status."""


def render_pages(folder: Path) -> Mapping[Path, str]:
    """As log-format files of HAProxy, which fills in the request's id."""
    template = Template((Path(__file__).parent / "page.html").read_text())
    return {
        folder / f"{page.name}.html": _escaped(template).substitute(
            title=page.title, text=page.text, code=page.code, request=REQUEST_ID
        )
        for page in (*OWN, *ERRORS)
    }


def _escaped(template: Template) -> Template:
    return Template(template.template.replace("%", "%%"))
