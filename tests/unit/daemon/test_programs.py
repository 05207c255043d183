import configparser
import os
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from paas.daemon.folder import User, Users
from paas.daemon.init import init
from paas.daemon.programs import programs, supervisor_configuration
from paas.daemon.queues import worker_queues
from paas.daemon.redis_server import access_list
from paas.daemon.redis_server import configuration as redis_configuration
from paas.daemon.run import environment
from paas.daemon.sshd import configuration as sshd_configuration
from paas.program import as_user
from paas.settings import Settings

SOMEBODY = User("nobody", 65534, 65534)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return init(tmp_path / "p", http_port=8080, ssh_port=2022, bind_address="127.0.0.1")


@pytest.fixture
def users() -> Users:
    return Users(User.caller(), User.caller(), User.caller())


def test_every_program_is_tried_for_ever_and_told_where_its_platform_is(
    settings: Settings, users: Users
) -> None:
    read = configparser.RawConfigParser()
    read.read_string(supervisor_configuration(settings, users))

    sections = [name for name in read.sections() if name.startswith("program:")]
    assert len(sections) == len(programs(settings, users))
    for name in sections:
        assert read[name]["autorestart"] == "true"
        assert int(read[name]["startretries"]) >= 1_000_000
        assert str(settings.directory) in read[name]["command"]
        assert "launch.py" in read[name]["command"]


def test_no_secret_is_in_any_programs_arguments(settings: Settings, users: Users) -> None:
    text = supervisor_configuration(settings, users)

    secrets = [*settings.keys.iterdir(), settings.door / "token"]
    assert not [path for path in secrets if path.read_text().strip() in text]


def test_a_program_becomes_its_user_and_keeps_no_power(settings: Settings, users: Users) -> None:
    others = replace(users, router=SOMEBODY, web=SOMEBODY)
    by_name = {each.name: each for each in programs(replace(settings, http_port=80), users=others)}

    haproxy, web = as_user(by_name["haproxy"], os.geteuid()), as_user(by_name["web"], os.geteuid())

    assert "--reuid=65534" in haproxy
    assert "--inh-caps=-all,+net_bind_service" in haproxy
    assert "--ambient-caps=+net_bind_service" in haproxy
    assert "--inh-caps=-all" in web
    assert not any(word.startswith("--ambient") for word in web)
    assert "--no-new-privs" in web
    assert as_user(by_name["sshd"], os.geteuid()) == as_user(by_name["door"], os.geteuid()) == ()


def test_a_high_port_needs_no_power(settings: Settings, users: Users) -> None:
    haproxy = next(
        each
        for each in programs(settings, replace(users, router=SOMEBODY))
        if each.name == "haproxy"
    )

    assert haproxy.capabilities == ()


def test_each_worker_has_one_queue(settings: Settings) -> None:
    queues = worker_queues(replace(settings, build_workers=3, converge_workers=1))

    assert queues == {
        "converge-1": "converge",
        "builds-1": "builds",
        "builds-2": "builds",
        "builds-3": "builds",
        "upkeep-1": "upkeep",
    }


def test_redis_listens_on_its_socket_alone_and_forgets_nothing(settings: Settings) -> None:
    lines = dict(line.split(" ", 1) for line in redis_configuration(settings).splitlines())

    assert lines["port"] == "0"
    assert lines["unixsocket"] == str(settings.redis_socket)
    assert (lines["maxmemory-policy"], lines["appendonly"]) == ("noeviction", "yes")


def test_the_access_list_tells_nobody_a_password(settings: Settings) -> None:
    text = access_list(settings)

    for name in ("redis.paas", "redis.router"):
        assert (settings.keys / name).read_text().strip() not in text
    assert text.startswith("user default off ")


def test_sshd_admits_keys_of_one_user_and_nothing_else(settings: Settings, users: Users) -> None:
    text = sshd_configuration(settings, users, (9, 2))

    lines = dict(line.split(" ", 1) for line in text.splitlines())
    assert lines["AllowUsers"] == users.git.name
    assert lines["AuthenticationMethods"] == "publickey"
    assert (lines["PasswordAuthentication"], lines["PermitTTY"]) == ("no", "no")
    assert lines["DisableForwarding"] == "yes"
    assert "PerSourcePenalties" not in lines
    assert "PerSourcePenalties no" in sshd_configuration(settings, users, (9, 8))


def test_sshd_takes_its_configuration(settings: Settings, users: Users, tmp_path: Path) -> None:
    (tmp_path / "sshd.conf").write_text(sshd_configuration(settings, users, (9, 2)))
    sshd = next(each for each in programs(settings, users) if each.name == "sshd").argv[0]

    said = subprocess.run(
        [sshd, "-t", "-f", str(tmp_path / "sshd.conf")], capture_output=True, text=True, check=False
    )

    assert not re.search("Bad|Unsupported|Deprecated", said.stderr)


def test_programs_do_not_get_what_their_starter_has_in_the_environment(settings: Settings) -> None:
    given = {"AWS_SECRET": "x", "http_proxy": "http://p", "HOME": "/root", "PYTHONPATH": "/evil"}

    made = environment(settings, given)

    assert made["http_proxy"] == "http://p"
    assert made["HOME"] == str(settings.directory / "home")
    assert not {"AWS_SECRET", "PYTHONPATH"} & set(made)


def test_a_command_line_survives_the_supervisors_reading(settings: Settings, users: Users) -> None:
    read = configparser.RawConfigParser()
    read.read_string(supervisor_configuration(settings, users))

    for entry in programs(settings, users):
        words = shlex.split(read[f"program:{entry.name}"]["command"].replace("%%", "%"))
        assert tuple(words[-len(entry.argv) :]) == entry.argv
