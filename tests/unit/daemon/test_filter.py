import os
from pathlib import Path

import pytest

from paas.daemon.filter import NotFiltered, filter_packets
from paas.daemon.init import init
from paas.needed import WHERE, ProgramMissing
from paas.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return init(tmp_path / "p")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """What is in it is found before what the machine has."""
    folder = tmp_path / "tools"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_without_iptables_the_package_is_named(settings: Settings, tools: Path) -> None:
    with pytest.raises(ProgramMissing, match="apt install iptables"):
        filter_packets(settings, str(tools))


def test_a_tool_that_fails_is_quoted(settings: Settings, tools: Path) -> None:
    put(tools, "iptables", "echo one >&2; echo the kernel has no tables >&2; exit 3")

    with pytest.raises(NotFiltered, match="the kernel has no tables") as told:
        filter_packets(settings, f"{tools}{os.pathsep}{WHERE}")

    assert "\n" not in str(told.value)


def test_a_tool_that_fails_in_silence_is_named(settings: Settings, tools: Path) -> None:
    put(tools, "iptables", "exit 3")

    with pytest.raises(NotFiltered, match="iptables ended with 3"):
        filter_packets(settings, f"{tools}{os.pathsep}{WHERE}")


def test_a_tool_that_is_stuck_is_given_up(settings: Settings, tools: Path) -> None:
    put(tools, "iptables", "exec sleep 60")

    with pytest.raises(NotFiltered, match="a tool took more than 1 s"):
        filter_packets(settings, f"{tools}{os.pathsep}{WHERE}", seconds=1)


def test_what_is_no_program_is_told(settings: Settings, tools: Path) -> None:
    (tools / "iptables").write_text("no program")
    (tools / "iptables").chmod(0o755)

    with pytest.raises(NotFiltered, match="Exec format error"):
        filter_packets(settings, f"{tools}{os.pathsep}{WHERE}")
