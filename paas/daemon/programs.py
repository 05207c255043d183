"""The programs of a platform, and how the supervisor is to start each."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paas.auth import DOOR_PROGRAM
from paas.daemon import launch, redis_server, sshd
from paas.daemon.folder import User, Users
from paas.daemon.names import DOOR, FOLLOWER, HAPROXY, REDIS, SSHD, WATCH, WEB, WORKERS
from paas.model.host import LOCAL
from paas.needed import program
from paas.running import pid_file
from paas.settings import Settings

PRIVILEGED_BELOW = 1024
READABLE = "027"
"""The log that the router writes is read by `watch`, whose group its folder has."""
MINIMUM_FILES = 256
"""What the supervisor asks of the machine, and closes in what it starts."""


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


def programs(settings: Settings, users: Users) -> Sequence[Program]:
    """In the order they are started in. None needs another to be there already."""
    ours = (sys.executable, "-I", "-m")
    where = str(settings.directory)
    router = [*ours, "router", "--folder", str(settings.router)]
    router += ["--http-port", str(settings.http_port), "--bind", settings.bind_address]
    table = ["--name", LOCAL, "--platform", settings.platform]
    table += ["--redis", str(settings.redis_socket)]
    table += ["--redis-password-file", str(settings.keys / "redis.router")]
    door = (sys.executable, "-I", "-S", str(DOOR_PROGRAM.with_name("listen.py")), where)
    opens = ("net_bind_service",) if settings.http_port < PRIVILEGED_BELOW else ()
    return (
        Program(REDIS, redis_server.command(settings), users.web, 20),
        Program(HAPROXY, (*router, "--exec-haproxy"), users.router, 10, opens, READABLE),
        Program(FOLLOWER, (*router, *table), users.router, 5, umask=READABLE),
        Program(WEB, (*ours, "paas.serve", "web", where), users.web, 10),
        Program(WATCH, (*ours, "paas.serve", "watch", where), users.web, 10),
        Program(WORKERS, (*ours, "paas.serve", "workers", where), users.web, 10),
        Program(SSHD, sshd.command(settings), users.git, 5),
        Program(DOOR, door, users.git, 5),
    )


def supervisor_configuration(settings: Settings, users: Users) -> str:
    """For `supervisord -n -c`. It tries for ever: a program that cannot run yet is one that can run later."""
    run = settings.run
    parts = [
        f"[unix_http_server]\nfile={supervisor_socket(settings)}\nchmod=0700\n",
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n",
        f"[supervisord]\nnodaemon=true\nsilent=true\nidentifier={settings.network}\n"
        f"user={os.geteuid()}\ndirectory={settings.directory}\nchildlogdir={run / 'log'}\n"
        f"logfile={run / 'log' / 'supervisord.log'}\nlogfile_maxbytes=1MB\nlogfile_backups=1\n"
        f"pidfile={run / 'supervisord.pid'}\nminfds={MINIMUM_FILES}\n",
    ]
    for order, entry in enumerate(programs(settings, users), start=1):
        argv = (*_launcher(settings, entry.name), *as_user(entry), *entry.argv)
        parts.append(
            f"[program:{entry.name}]\ncommand={shlex.join(argv).replace('%', '%%')}\n"
            f"priority={order}\nautorestart=true\nstartretries=1000000\nstartsecs=1\n"
            f"stopwaitsecs={entry.stop_seconds}\numask={entry.umask}\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
        )
    return "\n".join(parts)


def supervisor_socket(settings: Settings) -> Path:
    return settings.run / "supervisor.sock"


def log_file(settings: Settings, name: str) -> Path:
    """What the program prints."""
    return settings.run / "log" / f"{name}.log"


def as_user(entry: Program) -> tuple[str, ...]:
    """What turns root into the program's user, with that user's groups and no other power than the named."""
    if entry.user.is_caller:
        return ()
    argv = [program("setpriv"), f"--reuid={entry.user.uid}", f"--regid={entry.user.gid}"]
    kept = ",".join(f"+{name}" for name in entry.capabilities)
    limits = [f"--inh-caps=-all{',' + kept if kept else ''}"]
    limits += [f"--ambient-caps={kept}"] if kept else []
    return (*argv, "--init-groups", *limits, "--no-new-privs", "--")


def _launcher(settings: Settings, name: str) -> Sequence[str]:
    script = str(Path(launch.__file__))
    return [
        sys.executable,
        "-I",
        "-S",
        script,
        str(pid_file(settings, name)),
        str(log_file(settings, name)),
    ]
