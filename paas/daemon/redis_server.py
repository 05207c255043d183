"""Our own Redis: a unix socket and nothing else, a user per component, and nothing ever evicted."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from paas.daemon.folder import Users, write
from paas.needed import program
from paas.routes.table import router_acl
from paas.settings import Settings

MEMORY_MB = 256
"""Ten thousand apps' routes and a hundred thousand queued jobs are a fifth of it."""
PAAS_ACL = "~* &* +@all -acl -module -debug -replicaof -failover -migrate -restore -monitor"
"""All of the data; nothing that reaches beyond them."""


def command(settings: Settings) -> tuple[str, ...]:
    return program("redis-server"), str(_configuration_file(settings))


def write_configuration(settings: Settings, users: Users) -> None:
    """What Redis reads when it starts."""
    write(_configuration_file(settings), configuration(settings), users.web, 0o640)
    write(_access_file(settings), access_list(settings), users.web, 0o600)


def written(settings: Settings) -> Sequence[str]:
    """What was written last; a Redis that runs since before has something else."""
    files = _configuration_file(settings), _access_file(settings)
    return [path.read_text() for path in files if path.exists()]


def configuration(settings: Settings) -> str:
    lines = {
        "port": "0",
        "unixsocket": settings.redis_socket,
        "unixsocketperm": "777",  # the folder around it says who may come near
        "dir": settings.directory / "redis",
        "aclfile": _access_file(settings),
        "databases": "1",
        "hz": "2",  # it looks after its clients so often a second; ten is its own choice
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory": f"{MEMORY_MB}mb",
        "maxmemory-policy": "noeviction",
        "stop-writes-on-bgsave-error": "no",
        "daemonize": "no",
        "supervised": "no",
        "set-proc-title": "no",
        "always-show-logo": "no",
        "crash-memcheck-enabled": "no",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def access_list(settings: Settings) -> str:
    """The users: digests only, so the file tells nobody a password."""
    users = {"paas": PAAS_ACL, "router": " ".join(router_acl(settings.platform))}
    # Nobody can be it, but Redis itself is when it reads its own file after a restart.
    lines = ["user default off resetpass ~* &* +@all"]
    for user, rules in users.items():
        password = (settings.keys / f"redis.{user}").read_text().strip()
        digest = hashlib.sha256(password.encode()).hexdigest()
        lines.append(f"user {user} on #{digest} {rules}")
    return "".join(f"{line}\n" for line in lines)


def _configuration_file(settings: Settings) -> Path:
    return settings.directory / "redis" / "redis.conf"


def _access_file(settings: Settings) -> Path:
    return settings.directory / "redis" / "users.acl"
