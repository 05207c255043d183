"""What README.md and docs/ say to type is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.cli.commands import ALIASES, PLACES
from paas.serve import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
KNOWN = {"paas": {*PLACES, *ALIASES}, "paasd": set(COMMANDS)}
CODE = re.compile(r"```.*?\n(.*?)```|`([^`\n]+)`", re.DOTALL)
TYPED = re.compile(r"(?:^|&& |\$ |sudo )(paasd?) ([a-z][a-z:]*(?:\|[a-z]+)*)", re.MULTILINE)


def typed(page: Path) -> Iterator[tuple[str, str]]:
    """Program and command, of every block and every word of code."""
    for block, word in CODE.findall(page.read_text()):
        for program, commands in TYPED.findall(block or word):
            for command in commands.split("|"):
                yield program, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    unknown = {f"{program} {name}" for program, name in typed(page) if name not in KNOWN[program]}

    assert unknown == set()


def test_the_readme_opens_with_the_two_commands_that_set_it_up() -> None:
    block, _ = CODE.findall((ROOT / "README.md").read_text().partition("\n## ")[0])[1]

    assert block.splitlines() == ["git clone THIS-REPOSITORY paas && cd paas", "sudo ./install.sh"]


def test_every_option_of_the_installer_is_in_the_manual() -> None:
    script = (ROOT / "install.sh").read_text()
    options = re.findall(
        r"^  (--[a-z-]+)", script.partition("TEXT'\n")[2].partition("\nTEXT")[0], re.MULTILINE
    )
    manual = (ROOT / "docs" / "operations.md").read_text()

    assert options
    assert [option for option in options if f"| `{option}" not in manual] == []
