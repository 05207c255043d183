"""What a process carries that speaks to engines."""

import subprocess
import sys

import pytest

WHO = ("paas.jobs", "paas.web", "paas.scheduler.watch", "paas.engine.tunnels")


@pytest.mark.parametrize("module", WHO)
def test_what_only_a_look_at_a_host_needs_is_carried_by_nobody(module: str) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    carried = {name.partition(".")[0] for name in told.stdout.split()}
    assert "sqlalchemy" in carried or module == "paas.engine.tunnels"
    assert not carried & {"paramiko", "bcrypt", "nacl", "supervisor"}


def test_the_program_that_looks_has_it() -> None:
    script = "import paas.engine.connections, paas.engine.look"
    subprocess.run([sys.executable, "-c", script], check=True)
