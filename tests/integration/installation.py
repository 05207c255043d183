"""A platform that is really there: made by `paasd init`, run by `paasd run`, taken away by `paasd destroy`."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from paas.daemon.home import Home
from paas.daemon.person import settle
from paas.daemon.start import NotUp, wait_until_up
from paas.model.person import PersonName
from paas.running import Running, running
from paas.settings import Settings
from paas.wiring import Platform, connect
from tests.integration.user import User
from tests.share import free_ports, own_subnet

PROGRAMS = Path(sys.executable).parent
IMPATIENT = {"start_seconds": 10.0, "stop_seconds": 5.0, "drain_seconds": 5.0}
"""What a test waits for to be over."""


@dataclass
class Installation:
    settings: Settings
    supervisor: subprocess.Popen[bytes] | None = None
    _platform: Platform | None = field(default=None, repr=False)

    @classmethod
    def make(
        cls,
        *,
        bind: str = "127.0.0.1",
        engine: str = "unix:///var/run/docker.sock",
        within: Path | None = None,
        **settings: Any,
    ) -> Self:
        """In a folder of its own, on ports that are free; not running yet."""
        directory = Path(tempfile.mkdtemp(prefix="paas-it-", dir=within))
        names = ("http", "api", "ssh", "registry")
        ports = [
            word
            for name, port in zip(names, free_ports(len(names)), strict=True)
            for word in (f"--{name}-port", f"{port}")
        ]
        where = ["--bind", bind, "--ssh-host", "127.0.0.1", "--engine", engine]
        where += ["--subnet", own_subnet()]
        paasd("init", f"{directory}", *ports, *where)
        replace(Settings.load(directory), **{**IMPATIENT, **settings}).write()
        return cls(Settings.load(directory))

    @property
    def directory(self) -> Path:
        return self.settings.directory

    @property
    def platform(self) -> Platform:
        """Its parts, for a look behind the scenes."""
        if self._platform is None:
            self._platform = connect(self.settings)
        return self._platform

    def run(self) -> None:
        """Returns when it is up."""
        with (self.settings.run / "log" / "paasd.log").open("ab") as log:
            self.supervisor = subprocess.Popen(
                [PROGRAMS / "paasd", "run", self.directory],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_until_up(self.settings)
        except NotUp as error:
            raise AssertionError(f"{error}\n{self._last_words()}") from error

    def _last_words(self) -> str:
        logs = sorted((self.settings.run / "log").glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-500:]}" for log in logs)

    def stop(self) -> None:
        paasd("stop", f"{self.directory}")
        self._bury()

    def loses_power(self) -> None:
        """Every program ends at once, and none has time for anything. The engines are somebody else's."""
        assert self.supervisor is not None
        self.supervisor.kill()
        self._bury()
        for program in running(self.settings):
            program.signal(signal.SIGKILL)

    def destroy(self) -> None:
        """Nothing of it is left, whatever state it is in."""
        paasd("destroy", f"{self.directory}", "--confirm", self.settings.platform)
        self._bury()
        if self._platform is not None:
            self._platform.record.close()
            self._platform.redis.close()
            self._platform.threads.shutdown()
        shutil.rmtree(self.directory)

    def process(self, name: str) -> Running:
        """One of its programs; `supervisord` is not among them."""
        return next(program for program in running(self.settings) if program.name == name)

    def kill(self, name: str) -> Running:
        """kill -9; who it was."""
        program = self.process(name)
        program.signal(signal.SIGKILL)
        return program

    def welcomes(self, name: str, *, is_admin: bool = False) -> User:
        """As `paasd person --login` does, with a home in the platform's folder."""
        path = self.directory / "home" / name
        path.mkdir(parents=True)
        home = Home("root", os.geteuid(), os.getegid(), path)
        settle(home, PersonName(name), self.platform, time.time(), is_admin=is_admin)
        return User(name, path, self.settings.http_port, self.settings.apps_domain)

    def _bury(self) -> None:
        if self.supervisor is not None:
            self.supervisor.wait(timeout=30)
            self.supervisor = None


def paasd(*words: str) -> str:
    """What it printed."""
    done = subprocess.run(
        [PROGRAMS / "paasd", *words], capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, f"paasd {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout
