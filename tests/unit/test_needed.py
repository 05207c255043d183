from pathlib import Path

import pytest

from paas.daemon.run import environment
from paas.needed import NEEDED, WHERE, HAProxyTooOld, ProgramMissing, check_needed
from paas.settings import Settings


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Where a machine's programs are. All that is needed is there; each only says its version."""
    for name in NEEDED:
        put(tmp_path, name, f"{name} version 9.9")
    return tmp_path


def put(machine: Path, name: str, says: str) -> None:
    (machine / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (machine / name).chmod(0o755)


def test_this_machine_has_what_is_needed() -> None:
    assert int(check_needed().split(".")[0]) >= 2


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_missing_is_named_with_its_package(machine: Path, name: str) -> None:
    (machine / name).unlink()

    with pytest.raises(ProgramMissing, match=f"'{name}'.*apt install"):
        check_needed(str(machine))


@pytest.mark.parametrize(
    "says", ["HAProxy version 2.4.22-0ubuntu0.22.04.3 2024/01/01", "HA-Proxy version 1.8.8", "?"]
)
def test_an_old_haproxy_is_refused(machine: Path, says: str) -> None:
    put(machine, "haproxy", says)

    with pytest.raises(HAProxyTooOld, match=r"2\.6, .* the oldest.*apt install haproxy") as told:
        check_needed(str(machine))

    assert "\n" not in str(told.value)


@pytest.mark.parametrize("version", ["2.6.0", "2.6.12-1+deb12u1", "3.0.8", "2.10.1"])
def test_any_newer_one_will_do(machine: Path, version: str) -> None:
    put(machine, "haproxy", f"HAProxy version {version} 2025/01/01 - https://haproxy.org/")

    assert check_needed(str(machine)) == version


def test_the_installer_and_the_platforms_programs_find_the_programs_that_were_examined(
    settings: Settings,
) -> None:
    script = Path(__file__).parents[2] / "install.sh"

    assert f"export PATH={WHERE}" in script.read_text().splitlines()
    assert environment(settings, {"PATH": "/elsewhere"})["PATH"] == WHERE
