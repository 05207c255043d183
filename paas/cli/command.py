"""How commands are made: what their help shows, and the options that many of them share."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])
REMOTE = "paas.cli.remote"


class Command(click.Command):
    """A command whose help ends with examples; a test parses each of them."""

    def __init__(self, *args: Any, examples: Sequence[str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = examples

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example}\n")


def command(
    name: str, *examples: str, **attributes: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    return click.command(name, cls=Command, examples=examples, **attributes)


def on_app(function: Function) -> Function:
    """Gives a command `app`, from --app or the git remote."""
    named = click.option(
        "-a", "--app", metavar="NAME", callback=_app,
        help="The app; else the one that the git remote 'paas' pushes to.",
    )  # fmt: skip
    remote = click.option(
        "-r", "--remote", metavar="NAME", callback=_remote, is_eager=True, expose_value=False,
        help="The git remote that says which app.",
    )  # fmt: skip
    return named(remote(function))


def as_json(function: Function) -> Function:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def no_wait(function: Function) -> Function:
    return click.option(
        "--no-wait", is_flag=True, help="Return when the change is recorded, not when it is live."
    )(function)


def _remote(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    ctx.meta[REMOTE] = value


def _app(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if ctx.resilient_parsing:
        return value
    app: str = ctx.obj.app(value, ctx.meta.get(REMOTE))
    return app
