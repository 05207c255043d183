"""Whose app it is, and who is still known."""

from collections.abc import Iterator

import pytest

from tests.eventually import eventually
from tests.integration.installation import Installation
from tests.integration.user import User


@pytest.fixture
def stranger(installation: Installation) -> Iterator[User]:
    """Has nothing to do with the apps of `user`."""
    stranger = installation.welcomes("stranger")
    yield stranger
    stranger.leaves()


def test_somebody_elses_app_looks_like_one_that_is_not_there(user: User, stranger: User) -> None:
    # given
    user.deployed("python-web", "shop")
    before = user.types("paas releases -a shop --json").out
    stranger.creates("mine")
    stranger.commits("python-web", to="mine")
    folder = stranger.folder("mine")
    url = stranger.types("git remote get-url paas", within=folder).out.strip()

    # then every command says of it what it says of an app that is not there
    commands = (
        "info", "ps", "config", "config:set A=b", "releases", "rollback", "scale web=2", "restart", "stop", "logs",
        "run -- true", "domains", "domains:add x.example.com", "builds", "builds:cancel", "git:remote",
    )  # fmt: skip
    for command in commands:
        verb, dashes, rest = command.partition(" -- ")
        told = {
            name: stranger.types(f"paas {verb} -a {name}{dashes}{rest}").error
            for name in ("shop", "shup")
        }
        assert told["shop"].replace("shop", "shup") == told["shup"], command
        assert "There is no app 'shop'. Type: paas create shop" in told["shop"], command
    said = stranger.types("paas destroy shop --confirm shop")
    assert "There is no app 'shop'" in said.error
    assert "shop" not in stranger.types("paas apps").out

    # and so does git, whether it pushes or fetches
    for name in ("shop", "shup"):
        stranger.types(f"git remote set-url paas {url.replace('mine', name)}", within=folder)
        for words in ("push paas main", "ls-remote paas", "fetch paas"):
            refused = stranger.types(f"git {words}", within=folder)
            assert refused.code != 0
            lines = [line for line in refused.err.splitlines() if line.startswith("paas: ")]
            assert lines == [f"paas: There is no app '{name}'. Type: paas create {name}"]
    assert user.types("paas releases -a shop --json").out == before
    assert user.visits("shop").json()["release"] == "v1"


def test_who_is_removed_is_unknown_at_once_by_token_and_by_key(
    installation: Installation, admin: User
) -> None:
    # given a person who pushes
    leaver = installation.welcomes("leaver")
    leaver.deployed("python-web", "left")
    folder = leaver.folder("left")

    # when they are removed, which nobody but an admin may do
    refused = leaver.types("paas people:remove leaver").error
    removed = admin.types("paas people:remove leaver")
    first = leaver.types("git ls-remote paas", within=folder)
    token = leaver.types("paas apps").error

    # then neither lets them in, and the app serves on until an admin takes it away
    assert "Only an admin may do this" in refused
    assert removed.code == 0, removed.text
    assert first.code != 0 and "Permission denied (publickey)" in first.err
    assert "token" in token
    assert leaver.visits("left").status_code == 200
    assert admin.types("paas destroy left --confirm left").code == 0
    eventually(lambda: leaver.visits("left").status_code == 404)
