"""Finds the command that was typed, runs it, and turns errors into one line and an exit code."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from paas.cli.commands import ALIASES, PLACES, SECTIONS
from paas.cli.session import Environment, Session
from paas.cli.text import plain, say
from paas.cli.wait import Detached
from paas.errors import Invalid, PaasError

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


class Commands(click.Group):
    """Imports a command's module when the command is typed, and not before."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(PLACES)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = PLACES.get(ALIASES.get(cmd_name, cmd_name))
        if place is None:
            return None
        module, name = place.split(":")
        found: click.Command = getattr(import_module(f"paas.cli.{module}"), name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in PLACES and args[0] not in ALIASES and not ctx.resilient_parsing:
            raise import_module("paas.cli.unknown").UnknownCommand(args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in section.items()])


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Each command has its own help: paas COMMAND --help",
)
@click.version_option(package_name="paas", message="paas %(version)s")
def cli() -> None:
    """A platform of your own: git push paas main, and the app is served."""


def run(args: Sequence[str], environment: Environment) -> int:
    """One command, as typed. Returns the exit code: 0, 1 failed, 2 cannot be meant so, 130 interrupted."""
    session = Session(environment)
    try:
        with cli.make_context("paas", list(args) or ["--help"], obj=session) as ctx:
            code = cli.invoke(ctx)
            if sys.stdout is not None:  # it is None when the shell closed it
                sys.stdout.flush()
            return code if isinstance(code, int) else 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        typed = error.ctx.command_path if error.ctx is not None else "paas"
        said = error.format_message()
        stop = "" if said.endswith((".", "?")) else "."
        complain(f"{typed}: {said}{stop} See: {typed} --help")
        return EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except Detached as error:
        complain(str(error))
        return EXIT_INTERRUPTED
    except PaasError as error:
        complain(f"paas: {error}")
        return EXIT_USAGE if isinstance(error, Invalid) else EXIT_FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        complain(f"paas: {error.filename or 'the output'}: {error.strerror}")
        return EXIT_FAILED
    finally:
        session.close()


def complain(text: str) -> None:
    say(plain(text))
