"""Who gets through the door, and what the others are told."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paas.git.door import InvalidName as InvalidName
from paas.git.door import NotAdmitted, parse_command


@pytest.mark.parametrize(
    "command",
    [
        "git-receive-pack '/shop.git'",
        "git receive-pack 'shop'",
        "git-receive-pack shop",
        "git-receive-pack '/shop/'",
    ],
)
def test_every_form_of_a_push_names_the_same_app(command: str) -> None:
    assert parse_command(command) == ("git-receive-pack", "shop")


@pytest.mark.parametrize(
    "command",
    [
        "", "sh", "git-upload-archive '/shop'", "git-receive-pack", "git-receive-pack a b", "git --exec-path=/tmp shop",
        "git-receive-pack '/shop' ; id", "scp -t /tmp", "git-shell",
        "git-receive-pack 'unclosed", "/bin/git-receive-pack x",
    ],
)  # fmt: skip
def test_nothing_else_is_admitted(command: str) -> None:
    with pytest.raises(NotAdmitted):
        parse_command(command)


@pytest.mark.parametrize(
    "name",
    [
        "../etc",
        "a/b",
        "--upload-pack=x",
        "Shop",
        "shop\n",
        "shop\x00",
        "~alice",
        "a" * 64,
        ".",
        "shop$(id)",
        "шоп",
    ],
)
def test_what_cannot_be_an_apps_name_is_refused(name: str) -> None:
    with pytest.raises((InvalidName, NotAdmitted)):
        parse_command(f"git-receive-pack '{name}'")


@given(st.text())
def test_no_command_is_more_than_refused(command: str) -> None:
    try:
        program, name = parse_command(command)
    except (NotAdmitted, InvalidName):
        return
    assert program in ("git-receive-pack", "git-upload-pack")
    assert name.replace("-", "").isalnum()


def test_an_app_that_is_not_there_names_the_command_that_makes_it(alice: Any) -> None:
    push = alice.push(app="chop")

    assert not push.accepted
    assert "paas: There is no app 'chop'. Type: paas create chop" in push.output


def test_a_key_that_was_removed_gets_no_further(alice: Any, api: Any) -> None:
    del api.people["SHA256:alice"]

    assert "paas: This key is not registered any more." in alice.push().output


def test_a_login_is_told_who_it_is(alice: Any) -> None:
    login = alice.door(None)

    assert not login.accepted
    assert login.output == (
        "paas: you are alice. There is no shell here: only git push, fetch and clone get through here.\n"
    )


def test_what_is_not_git_is_told_so_in_one_line(alice: Any) -> None:
    login = alice.door("rm -rf /")

    assert not login.accepted
    assert login.output.startswith("paas: only git push")
    assert len(login.output.splitlines()) == 1


def test_what_was_pushed_can_be_cloned(alice: Any, api: Any, tmp_path: Path) -> None:
    alice.push()

    alice.git("clone", "--quiet", "ssh://paas@there/shop", str(tmp_path / "again"))

    assert (tmp_path / "again" / "app.py").read_text() == "print(1)\n"


def test_a_terminals_control_characters_do_not_come_through(alice: Any, api: Any) -> None:
    api.apps = {}

    push = alice.door("git-receive-pack '\x1b[31mred'")

    assert "\x1b" not in push.output


def test_a_folder_that_cannot_be_written_is_said_in_one_line(alice: Any, api: Any) -> None:
    repositories = alice.folder / "repositories"
    repositories.rmdir()
    repositories.write_text("in the way")

    push = alice.push()

    assert not push.accepted
    assert "Traceback" not in push.output
    assert push.output.splitlines()[0].startswith("paas: ")
