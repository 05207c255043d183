"""What an engine says, as values."""

from typing import Any

import pytest

from paas.engine.engine import Event, EventKind
from paas.engine.seen import container_seen, event_seen, image_seen, is_ours, parse_ns


def inspected(**state: Any) -> dict[str, Any]:
    values = {
        "Status": "running",
        "Running": True,
        "Restarting": False,
        "OOMKilled": False,
        "ExitCode": 0,
        "StartedAt": "2026-11-21T08:24:53.5Z",
    }
    return {
        "Name": "/paas-p-1",
        "State": values | state,
        "Config": {"Labels": None},
        "NetworkSettings": {"Networks": {}},
        "RestartCount": 2,
    }


def test_one_that_runs_has_no_exit_code() -> None:
    seen = container_seen(inspected())

    assert seen.is_running
    assert seen.exit_code is None
    assert seen.started_at == 1_795_249_493.5


def test_one_that_waits_to_be_restarted_does_not_run() -> None:
    seen = container_seen(inspected(Status="restarting", Restarting=True, ExitCode=7))

    assert not seen.is_running
    assert seen.exit_code == 7


def test_one_that_was_only_made_neither_began_nor_ended() -> None:
    seen = container_seen(
        inspected(Status="created", Running=False, StartedAt="0001-01-01T00:00:00Z")
    )

    assert seen.started_at is None
    assert seen.exit_code is None


def test_a_stopped_one_keeps_its_fixed_address() -> None:
    told = inspected(Status="exited", Running=False)
    told["NetworkSettings"]["Networks"] = {
        "paas-p": {"IPAddress": "", "IPAMConfig": {"IPv4Address": "10.85.0.7"}}
    }

    assert container_seen(told).address == "10.85.0.7"


@pytest.mark.parametrize(
    ("moment", "rest"),
    [
        ("1970-01-01T00:00:01Z", 0),
        ("1970-01-01T00:00:01.5Z", 500_000_000),
        ("1970-01-01T00:00:01.000000001Z", 1),
        ("1970-01-01T00:00:01.123456789Z", 123_456_789),
    ],
)
def test_a_moment_is_exact_to_the_nanosecond(moment: str, rest: int) -> None:
    assert parse_ns(moment) == 1_000_000_000 + rest


def told(action: str, **attributes: str) -> dict[str, Any]:
    return {
        "Action": action,
        "Actor": {"Attributes": {"name": "paas-p-1", **attributes}},
        "timeNano": 1_500_000_000,
    }


def test_an_exit_has_its_code() -> None:
    assert event_seen(told("die", exitCode="137")) == Event(EventKind.EXITED, "paas-p-1", 1.5, 137)


def test_what_nobody_asks_for_is_no_event() -> None:
    assert event_seen(told("exec_create: sh")) is None
    assert event_seen(told("start", **{"paas.kind": "tools"})) is None


def test_the_engines_own_tools_are_nobodys() -> None:
    assert is_ours({"paas.platform": "p"}, "p")
    assert not is_ours({"paas.platform": "p", "paas.kind": "tools"}, "p")
    assert not is_ours({"paas.platform": "q"}, "p")
    assert not is_ours({}, "p")


def image(**config: Any) -> dict[str, Any]:
    return {
        "Id": "sha256:1",
        "RepoTags": None,
        "Size": 3,
        "Architecture": "arm64",
        "Config": config,
    }


def test_only_tcp_ports_of_an_image_count() -> None:
    ports: dict[str, Any] = {"8080/tcp": {}, "53/udp": {}, "443/tcp": {}}

    assert image_seen(image(ExposedPorts=ports)).ports == (443, 8080)


@pytest.mark.parametrize(
    ("config", "command"),
    [
        ({}, ()),
        ({"Healthcheck": {}}, ()),
        ({"Healthcheck": {"Test": ["NONE"]}}, ()),
        ({"Healthcheck": {"Test": ["CMD", "check", "it's up"]}}, ("check", "it's up")),
        ({"Healthcheck": {"Test": ["CMD-SHELL", "a | b"]}}, ("/bin/sh", "-c", "a | b")),
        (
            {"Healthcheck": {"Test": ["CMD-SHELL", "a | b"]}, "Shell": ["/bin/bash", "-ec"]},
            ("/bin/bash", "-ec", "a | b"),
        ),
    ],
)
def test_a_health_check_is_a_command(config: dict[str, Any], command: tuple[str, ...]) -> None:
    assert image_seen(image(**config)).healthcheck == command
