"""A program of a platform, and what the supervisor is told of it."""

import os
import pwd
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from paas.needed import program
from paas.running import pid_file
from paas.settings import Settings

LAUNCHER = Path(__file__).with_name("daemon") / "launch.py"


@dataclass(frozen=True, slots=True)
class User:
    name: str
    uid: int
    gid: int

    @property
    def is_caller(self) -> bool:
        return self.uid == os.geteuid()

    @classmethod
    def caller(cls) -> "User":
        entry = pwd.getpwuid(os.geteuid())
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    argv: tuple[str, ...]
    user: User
    stop_seconds: int
    """From SIGTERM to SIGKILL. Long enough to end what is short; the rest is safe to kill."""
    capabilities: tuple[str, ...] = ()
    """What it keeps of root's powers."""
    umask: str = "077"


def section(entry: Program, settings: Settings, order: int, runner: int) -> str:
    """Of the supervisor's configuration. It tries for ever: a program that cannot run yet is one that can run later.

    `runner`: who the supervisor runs as.
    """
    argv = [sys.executable, "-I", "-S", str(LAUNCHER)]
    argv += [str(pid_file(settings, entry.name)), str(log_file(settings, entry.name))]
    argv += [*as_user(entry, runner), *entry.argv]
    return (
        f"[program:{entry.name}]\ncommand={shlex.join(argv).replace('%', '%%')}\n"
        f"priority={order}\nautorestart=true\nstartretries=1000000\nstartsecs=1\n"
        f"stopwaitsecs={entry.stop_seconds}\numask={entry.umask}\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
    )


def supervisor_socket(settings: Settings) -> Path:
    return settings.run / "supervisor.sock"


def log_file(settings: Settings, name: str) -> Path:
    """What the program prints."""
    return settings.run / "log" / f"{name}.log"


def as_user(entry: Program, runner: int) -> tuple[str, ...]:
    """What turns root, if that is the runner, into the program's user, with that user's groups and the named powers."""
    if entry.user.uid == runner:
        return ()
    argv = [program("setpriv"), f"--reuid={entry.user.uid}", f"--regid={entry.user.gid}"]
    kept = ",".join(f"+{name}" for name in entry.capabilities)
    limits = [f"--inh-caps=-all{',' + kept if kept else ''}"]
    limits += [f"--ambient-caps={kept}"] if kept else []
    return (*argv, "--init-groups", *limits, "--no-new-privs", "--")
