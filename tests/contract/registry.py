"""A registry as a platform runs it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paas.engine.registry import Registry, RegistrySilent
from paas.settings import Settings
from tests.eventually import eventually
from tests.share import free_ports


@dataclass(slots=True)
class LabRegistry:
    settings: Settings
    _process: subprocess.Popen[bytes] | None = None

    def heal_registry(self) -> None:
        argv = [sys.executable, "-m", "paas.serve", "registry", f"{self.settings.directory}"]
        with (self.settings.directory / "registry.log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log)
        eventually(self._answers, within=20)

    def lose_registry(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)
        self._process = None

    def _answers(self) -> bool:
        try:
            Registry.of(self.settings).check()
        except RegistrySilent:
            return False
        return True


@contextmanager
def running_registry(folder: Path) -> Iterator[LabRegistry]:
    [port] = free_ports(1)
    settings = Settings(directory=folder, platform="abcd2345", registry_port=port)
    settings.write()
    for path in (settings.registry, settings.keys):
        path.mkdir()
    settings.registry_password.write_text("very-secret\n")
    registry = LabRegistry(settings)
    registry.heal_registry()
    yield registry
    registry.lose_registry()
