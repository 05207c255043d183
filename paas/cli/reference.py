"""`python -m paas.cli.reference > docs/cli.md`: every command's help, as one page."""

import textwrap
from collections.abc import Iterator
from importlib import import_module

import click

from paas.cli.commands import PLACES, SECTIONS, aliases_of

WIDTH = 100
HEAD = """\
# The command line

Made from each command's `--help` by `python -m paas.cli.reference > docs/cli.md`; a test compares the two.

`paas` speaks HTTP to the platform's API and needs nothing else: `pip install .` puts it on a laptop.

- **Which platform:** the one of `paas login`, kept in `~/.config/paas`; `PAAS_URL` and `PAAS_TOKEN` go before it, and
  `PAAS_CONFIG` names another file.
- **Which app:** `-a NAME`, else the app that this folder's git remote `paas` pushes to (`-r` names another remote).
- **Changes** return when they are live in every router, or have failed; `--no-wait` returns when they are recorded.
  Ctrl-C stops the waiting, not the change.
- **Output:** what was asked for is on stdout, everything else on stderr. `--json` on every listing. An error is one
  line: what it is about, the cause, the next command.
- **Exit code:** 0 done; 1 failed; 2 could not be meant so; 130 Ctrl-C; after `run`, the command's own.
"""


def page() -> str:
    return "\n".join([HEAD, *_sections()]) + "\n"


def command_of(name: str) -> click.Command:
    module, attribute = PLACES[name].split(":")
    found: click.Command = getattr(import_module(f"paas.cli.{module}"), attribute)
    return found


def help_of(name: str) -> str:
    """As `paas NAME --help` prints it on a terminal of that width."""
    ctx = click.Context(
        command_of(name), info_name=f"paas {name}", terminal_width=WIDTH, max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )  # fmt: skip
    return ctx.get_help()


def _sections() -> Iterator[str]:
    for title, section in SECTIONS.items():
        yield f"## {title}\n"
        yield from (
            f"- [`paas {name}`](#{_anchor(name)}) {text}" for name, (_, text) in section.items()
        )
        yield ""
        for name in section:
            yield f"### paas {name}\n"
            aliases = aliases_of(name)
            if aliases:
                yield f"Also {', '.join(f'`paas {alias}`' for alias in aliases)}.\n"
            yield f"```text\n{textwrap.dedent(help_of(name)).rstrip()}\n```\n"


def _anchor(name: str) -> str:
    return f"paas-{name}".replace(":", "")


if __name__ == "__main__":
    click.echo(page(), nl=False)
