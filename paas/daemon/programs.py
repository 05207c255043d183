"""The programs of every platform, and how the supervisor is to start each."""

import os
import sys
from collections.abc import Sequence

from paas.auth import DOOR_PROGRAM
from paas.daemon import redis_server, sshd
from paas.daemon.folder import Users
from paas.daemon.names import DOOR, FOLLOWER, HAPROXY, REDIS, SSHD, WATCH, WEB, WORKERS
from paas.model.host import LOCAL
from paas.program import Program, User, section, supervisor_socket
from paas.settings import Settings

PRIVILEGED_BELOW = 1024
READABLE = "027"
"""The log that the router writes is read by `watch`, whose group its folder has."""
MINIMUM_FILES = 256
"""What the supervisor asks of the machine, and closes in what it starts."""


def programs(settings: Settings, users: Users) -> Sequence[Program]:
    """In the order they are started in. None needs another to be there already."""
    ours = (sys.executable, "-I", "-m")
    where = str(settings.directory)
    door = (sys.executable, "-I", "-S", str(DOOR_PROGRAM.with_name("listen.py")), where)
    return (
        Program(REDIS, redis_server.command(settings), users.web, 20),
        *router_programs(LOCAL, str(settings.redis_socket), settings, users.router),
        Program(WEB, (*ours, "paas.serve", "web", where), users.web, 10),
        Program(WATCH, (*ours, "paas.serve", "watch", where), users.web, 10),
        Program(WORKERS, (*ours, "paas.serve", "workers", where), users.web, 10),
        Program(SSHD, sshd.command(settings), users.git, 5),
        Program(DOOR, door, users.git, 5),
    )


def router_programs(
    name: str, redis: str, settings: Settings, user: User
) -> tuple[Program, Program]:
    """HAProxy and its follower, on any machine. `redis` is its socket, or HOST:PORT."""
    router = [sys.executable, "-I", "-m", "router", "--folder", str(settings.router)]
    router += ["--http-port", str(settings.http_port), "--bind", settings.bind_address]
    table = ["--name", name, "--platform", settings.platform, "--redis", redis]
    table += ["--redis-password-file", str(settings.router_password)]
    opens = ("net_bind_service",) if settings.http_port < PRIVILEGED_BELOW else ()
    return (
        Program(HAPROXY, (*router, "--exec-haproxy"), user, 10, opens, READABLE),
        Program(FOLLOWER, (*router, *table), user, 5, umask=READABLE),
    )


def supervisor_configuration(settings: Settings, users: Users) -> str:
    """For `supervisord -n -c`. What other machines need is in files of its own.

    Its socket is the platform's own user's too: a worker that registers a host adds what that needs.
    """
    text = supervised(programs(settings, users), settings, users.web)
    return f"{text}\n[include]\nfiles={settings.programs / '*.conf'}\n"


def supervised(entries: Sequence[Program], settings: Settings, owner: User) -> str:
    """The same, of these programs and no others. `owner` may tell the supervisor what to do."""
    run = settings.run
    parts = [
        f"[unix_http_server]\nfile={supervisor_socket(settings)}\nchmod=0700\nchown={owner.name}\n",
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n",
        f"[supervisord]\nnodaemon=true\nsilent=true\nidentifier={settings.network}\n"
        f"user={os.geteuid()}\ndirectory={settings.directory}\nchildlogdir={run / 'log'}\n"
        f"logfile={run / 'log' / 'supervisord.log'}\nlogfile_maxbytes=1MB\nlogfile_backups=1\n"
        f"pidfile={run / 'supervisord.pid'}\nminfds={MINIMUM_FILES}\n",
    ]
    parts += [
        section(entry, settings, order, os.geteuid())
        for order, entry in enumerate(entries, start=1)
    ]
    return "\n".join(parts)
