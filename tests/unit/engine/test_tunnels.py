import configparser
import os
import shlex
import stat
from pathlib import Path

import pytest

from paas.engine.ssh import leads_elsewhere, public_key
from paas.engine.tunnels import (
    addresses,
    command,
    program,
    remove_program,
    write_program,
    write_programs,
)
from paas.model.host import Host
from paas.settings import Settings
from tests.make import make_host

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIxiq9bcVXZfOuucTnzE98GefHQVI7+XrXWPdFVWZc5o"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(directory=tmp_path, platform="abcd2345")
    for folder in (settings.keys, settings.programs, settings.far_engines, settings.registry):
        folder.mkdir(parents=True)
    return settings


def far(name: str = "h2", number: int = 2, **fields: object) -> Host:
    values = {
        "address": f"10.0.0.{number}",
        "ssh_url": f"ssh://deploy@h{number}.example.org:2022?socket=/run/user/1000/docker.sock",
        "host_key": KEY,
    }
    return make_host(name, **{**values, **fields})


def files(settings: Settings) -> set[str]:
    return {path.name for path in settings.programs.iterdir()}


def test_the_key_is_made_once_and_its_line_allows_the_tunnel_alone(settings: Settings) -> None:
    line = public_key(settings)

    assert line.startswith("restrict,port-forwarding ssh-ed25519 ")
    assert line.endswith(" paas-abcd2345")
    assert public_key(settings) == line
    assert stat.S_IMODE(settings.hosts_key.stat().st_mode) == 0o600
    assert [path.name for path in settings.keys.iterdir()] == ["hosts_ed25519"]


def test_a_tunnel_trusts_the_pinned_key_and_no_other(settings: Settings) -> None:
    write_program(far(), settings)

    argv = command(far(), settings)
    options = dict(word.split("=", 1) for word in argv if "=" in word)
    assert options["StrictHostKeyChecking"] == "yes"
    assert options["GlobalKnownHostsFile"] == "/dev/null"
    known = Path(options["UserKnownHostsFile"])
    assert known.read_text() == f"[10.0.0.2]:2022 {KEY}\n"
    assert argv[argv.index("-F") + 1] == "none", "nobody's ssh configuration has a say"
    assert argv[-3:] == ["deploy", "--", "10.0.0.2"]


def test_each_platform_and_host_has_a_port_of_its_own_to_come_from(settings: Settings) -> None:
    options = [dict(word.split("=", 1) for word in command(host, settings) if "=" in word)
               for host in (far(), far("h3", 3), far())]  # fmt: skip

    sources = [shlex.split(option["ProxyCommand"])[-1] for option in options]
    assert sources[0] == sources[2] != sources[1]
    assert 61_000 < int(sources[0]) < 65_536


def test_the_registry_comes_with_the_first_host_and_goes_with_the_last(settings: Settings) -> None:
    write_program(far(), settings)
    password = settings.registry_password.read_text()
    write_program(far("h3", 3), settings)
    two = files(settings)
    remove_program("h2", settings)
    remove_program("h2", settings)
    one = files(settings)
    remove_program("h3", settings)

    assert two >= {"tunnel-h2.conf", "tunnel-h3.conf", "h2.known_hosts", "registry.conf"}
    assert one == {"tunnel-h3.conf", "h3.known_hosts", "registry.conf"}
    assert files(settings) == set()
    assert settings.registry_password.read_text() == password, "hosts that are added later know it"


def test_the_files_follow_the_record(settings: Settings) -> None:
    write_program(far("gone", 9), settings)
    hosts = [make_host("local"), far(), far("unseen", 4, address=None, host_key=None)]

    write_programs(hosts, settings)

    assert files(settings) == {"tunnel-h2.conf", "h2.known_hosts", "registry.conf"}
    assert addresses(settings) == ["10.0.0.2"]


def test_the_supervisor_is_told_to_run_it_like_any_other(settings: Settings) -> None:
    read = configparser.RawConfigParser()
    read.read_string(program(far(), settings))

    [name] = read.sections()
    assert name == "program:tunnel-h2"
    assert leads_elsewhere("tunnel-h2")
    assert not leads_elsewhere("web")
    told = read[name]["command"]
    assert "launch.py" in told
    assert str(settings.run / "pids" / "tunnel-h2") in told
    assert read[name]["autorestart"] == "true"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a program to another user")
def test_a_supervisor_that_is_root_runs_it_as_the_platforms_user(tmp_path: Path) -> None:
    settings = Settings(directory=tmp_path, platform="abcd2345", web_user="nobody")
    settings.run.mkdir()

    told = program(far(), settings)

    assert "--reuid=65534" in told
    assert "--no-new-privs" in told
