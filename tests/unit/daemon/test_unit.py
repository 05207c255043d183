import os
import subprocess

from paas.daemon.unit import unit_of


def test_what_systemd_did_not_start_is_in_no_unit() -> None:
    assert unit_of(os.getpid()) == ""


def test_what_has_ended_is_in_no_unit() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()

    assert unit_of(process.pid) == ""
