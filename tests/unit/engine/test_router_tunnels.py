"""The tunnels to routers on other machines."""

import configparser
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from paas.engine import dial
from paas.engine.router_tunnels import (
    command,
    is_open,
    known_routers,
    note_router,
    tunnel_name,
    write_programs,
)
from paas.engine.ssh import leads_elsewhere
from paas.model.router import RegisteredRouter
from paas.settings import Settings
from tests.make import NOW

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIxiq9bcVXZfOuucTnzE98GefHQVI7+XrXWPdFVWZc5o"
EDGE = RegisteredRouter(
    "edge", NOW, "e1", 5, NOW, "10.0.0.7", "ssh://deploy@edge.example.org:2022", KEY
)
LOCAL = RegisteredRouter("local", NOW, "e1", 5, NOW)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(directory=tmp_path, platform="abcd2345")
    for folder in (settings.keys, settings.programs, settings.run):
        folder.mkdir(parents=True)
    return settings


def test_redis_is_carried_to_a_loopback_port_there_and_nothing_else_is(settings: Settings) -> None:
    argv = list(command(EDGE, settings))

    assert argv[argv.index("-R") + 1] == f"127.0.0.1:5002:{settings.redis_socket}"
    assert "-L" not in argv
    assert argv[-3:] == ["deploy", "--", "10.0.0.7"]
    options = dict(word.split("=", 1) for word in argv if "=" in word)
    assert (options["StrictHostKeyChecking"], options["ExitOnForwardFailure"]) == ("yes", "yes")


def test_it_never_takes_the_place_of_a_hosts_tunnel_to_the_same_machine(settings: Settings) -> None:
    options = dict(word.split("=", 1) for word in command(EDGE, settings) if "=" in word)

    source = int(shlex.split(options["ProxyCommand"])[-1])
    assert source != dial.source_port(settings.platform, "10.0.0.7")


def test_the_files_follow_the_record(settings: Settings) -> None:
    gone = replace(EDGE, name="gone", address="10.0.0.9")
    joining = replace(EDGE, name="new", address="10.0.0.8", epoch=None, number=None)
    write_programs([LOCAL, gone, EDGE], settings)

    write_programs([LOCAL, EDGE, joining, replace(joining, name="unseen", address=None)], settings)

    assert known_routers(settings) == {"edge": "10.0.0.7", "new": "10.0.0.8"}
    assert [is_open(name, settings) for name in ("edge", "new", "gone")] == [True, False, False]


def test_where_a_router_is_is_known_before_its_tunnel_is_opened(settings: Settings) -> None:
    note_router(EDGE, settings)

    assert known_routers(settings) == {"edge": "10.0.0.7"}
    assert not is_open("edge", settings)


def test_the_supervisor_is_told_to_run_it_like_any_other(settings: Settings) -> None:
    write_programs([EDGE], settings)
    read = configparser.RawConfigParser()
    read.read(settings.programs / "router-edge.conf")

    assert read.sections() == ["program:router-edge"]
    assert leads_elsewhere(tunnel_name("edge"))
