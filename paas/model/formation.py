"""How many of each process type, and the places (dynos) that makes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from paas.errors import Invalid
from paas.model.process import ONCE

QUANTITY_LIMIT = 100
"""Dynos of one process type (Heroku's default limit)."""


class InvalidQuantity(Invalid):
    def __init__(self, process: str, quantity: object) -> None:
        super().__init__(
            f"{process}={str(quantity)[:20]} cannot be: a quantity is 0 to {QUANTITY_LIMIT}."
        )


@dataclass(frozen=True, slots=True)
class Step:
    """So many more than there are, or fewer: `web+1`."""

    by: int


@dataclass(frozen=True, slots=True, order=True)
class Dyno:
    """A wanted place: `web.3` of release 12. A restart raises `restarts`, so it is another place."""

    app_id: str
    release: int
    process: str
    number: int
    restarts: int = 0

    @property
    def name(self) -> str:
        return f"{self.process}.{self.number}"


@dataclass(frozen=True, slots=True)
class Line:
    """One process type's part of a formation."""

    quantity: int
    restarts: int = 0
    """How often the whole process type was restarted."""
    dyno_restarts: Mapping[int, int] = field(default_factory=dict)
    """How often one dyno was restarted by itself: number -> times."""
    pending: int | None = None
    """Its quantity from the deploy that is under way on."""


@dataclass(frozen=True, slots=True)
class Formation:
    """Changes without a release."""

    app_id: str
    lines: Mapping[str, Line]

    def dynos(
        self, release: int, processes: Mapping[str, str], *, is_next: bool = False
    ) -> Iterator[Dyno]:
        """The wanted places of a release; `is_next`: of one that is being deployed.

        A process type that the release has not is left out.
        """
        for process, line in sorted(self.lines.items()):
            if process in processes and process not in ONCE:
                is_pending = is_next and line.pending is not None
                quantity = (line.pending if is_pending else line.quantity) or 0
                for number in range(1, quantity + 1):
                    restarts = line.restarts + line.dyno_restarts.get(number, 0)
                    yield Dyno(self.app_id, release, process, number, restarts)
