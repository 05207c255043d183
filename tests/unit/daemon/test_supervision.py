import socket
from pathlib import Path

import pytest
from supervisor.xmlrpc import Faults as SupervisorsFaults

from paas.program import supervisor_socket
from paas.settings import Settings
from paas.supervision import Faults, NotRunning, Supervision, SupervisorSilent


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(directory=tmp_path, platform="test")
    settings.run.mkdir()
    return settings


def test_a_supervisor_that_was_stopped_is_named_with_what_ends_it(settings: Settings) -> None:
    (settings.run / "lock").write_text("4242\n")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(supervisor_socket(settings)))
        silent.listen()

        with pytest.raises(SupervisorSilent, match="kill -9 4242") as told:
            Supervision(settings, seconds=0.1).states()

    assert "\n" not in str(told.value)


def test_without_a_supervisor_the_platform_does_not_run(settings: Settings) -> None:
    with pytest.raises(NotRunning, match="paasd run"):
        Supervision(settings).states()


def test_its_faults_are_the_supervisors() -> None:
    ours = {name: number for name, number in vars(Faults).items() if name.isupper()}

    assert ours == {name: getattr(SupervisorsFaults, name) for name in ours}
