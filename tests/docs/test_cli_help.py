"""Every command has help with an example that can be typed, and docs/cli.md says what `--help` says."""

import shlex
import subprocess
from pathlib import Path

import click
import pytest

from paas.cli.command import Command
from paas.cli.commands import ALIASES, PLACES, SECTIONS
from paas.cli.dispatch import cli
from paas.cli.reference import command_of, page
from paas.cli.session import Environment, Session

ROOT = Path(__file__).parents[2]
NAMES = sorted(PLACES)
SUMMARIES = {name: text for section in SECTIONS.values() for name, (_, text) in section.items()}


def what_paas_is_given(line: str) -> list[str]:
    """The words of a line of shell, without what feeds it."""
    words = shlex.split(line)
    if "|" in words:
        words = words[words.index("|") + 1 :]
    return words[: words.index("<")] if "<" in words else words


@pytest.fixture
def in_an_apps_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a git remote `paas`, as after `paas create`."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "remote", "add", "paas", "ssh://paas@localhost:2222/my-app"], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_found_under_its_name(name: str) -> None:
    assert command_of(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_the_overview_says_what_the_commands_own_help_says(name: str) -> None:
    first, _, _ = (command_of(name).help or "").partition("\n")

    assert first == SUMMARIES[name]
    assert first.endswith(".")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("in_an_apps_folder")
def test_every_example_can_be_typed(name: str) -> None:
    command = command_of(name)
    assert isinstance(command, Command)
    assert command.examples
    session = Session(Environment(config="/nowhere"))

    for example in command.examples:
        program, given, *words = what_paas_is_given(example)
        assert (program, given) == ("paas", name), example
        with cli.make_context("paas", [given], obj=session) as parent:
            command.make_context(given, words, parent=parent).close()


@pytest.mark.parametrize("name", NAMES)
def test_every_option_and_argument_is_explained(name: str) -> None:
    command = command_of(name)

    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts[0]}"
            assert parameter.help.endswith(".")


@pytest.mark.parametrize(("alias", "name"), sorted(ALIASES.items()))
def test_an_alias_is_the_command(alias: str, name: str) -> None:
    with cli.make_context("paas", [alias]) as ctx:
        assert cli.get_command(ctx, alias) is command_of(name)


def test_every_listing_has_json() -> None:
    listings = {"apps", "buildpacks", "builds", "builds:config", "config", "doctor", "domains", "explain", "hosts",
                "info", "keys", "people", "ps", "releases", "routers", "scale"}  # fmt: skip

    with_json = {
        name for name in NAMES for option in command_of(name).params if "--json" in option.opts
    }

    assert with_json == listings


def test_the_reference_is_what_the_commands_say() -> None:
    written = (ROOT / "docs" / "cli.md").read_text()

    assert written == page(), "Type: python -m paas.cli.reference > docs/cli.md"
