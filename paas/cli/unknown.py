"""What a mistyped command gets."""

from difflib import get_close_matches

import click

from paas.cli.commands import ALIASES, PLACES


class UnknownCommand(click.UsageError):
    def __init__(self, typed: str) -> None:
        near = get_close_matches(typed, [*PLACES, *ALIASES], n=1)
        meant = f" Did you mean: paas {near[0]}?" if near else ""
        super().__init__(f"There is no command '{typed[:60]}'.{meant}")
