"""The tunnels to routers elsewhere, and the files that tell the supervisor of them.

A router on another machine has one: an ssh that carries Redis there, to a port of that machine's 127.0.0.1. Whoever
speaks to it must know the password of Redis' user `router`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from paas.engine import dial, ssh
from paas.engine.ssh import (
    ROUTER,
    known_address,
    known_host,
    leads_elsewhere,
    program_file,
    public_key,
    supervised,
    write,
)
from paas.model.router import RegisteredRouter
from paas.model.ssh_url import SshUrl
from paas.settings import Settings
from paas.supervision import Supervision

KNOWN = ".known"


def tunnel_name(router: str) -> str:
    """What the supervisor calls the tunnel."""
    return f"{ROUTER}{router}"


def note_router(router: RegisteredRouter, settings: Settings) -> None:
    """Its machine is known from now on, also to what cannot look into the record. No tunnel yet. Safe to repeat."""
    public_key(settings)
    url = SshUrl.parse(router.ssh_url or "")
    known = known_host(str(router.address), url, router.host_key or "")
    write(_known_file(router.name, settings), known)


def open_tunnel(router: RegisteredRouter, settings: Settings) -> None:
    """It is supervised from now on. Safe to repeat. Raises NotRunning or SupervisorSilent."""
    _write_program(router, settings)
    Supervision(settings).follow(leads_elsewhere)


def close_tunnel(router: str, settings: Settings) -> None:
    """Silent when there is none. Raises NotRunning or SupervisorSilent."""
    _remove_program(router, settings)
    Supervision(settings).follow(leads_elsewhere)


def is_open(router: str, settings: Settings) -> bool:
    """There is to be one."""
    return program_file(tunnel_name(router), settings).exists()


def known_routers(settings: Settings) -> Mapping[str, str]:
    """Name -> address of each whose machine was looked at, without a look into the record."""
    files = sorted(settings.programs.glob(f"{ROUTER}*{KNOWN}"))
    return {path.stem.removeprefix(ROUTER): known_address(path.read_text()) for path in files}


def write_programs(routers: Sequence[RegisteredRouter], settings: Settings) -> None:
    """For these routers and no others. One that has yet to join has its tunnel opened when it may."""
    seen = [router for router in routers if router.address is not None]
    for name in known_routers(settings).keys() - {router.name for router in seen}:
        _remove_program(name, settings)
    for router in seen:
        if router.is_joining:
            program_file(tunnel_name(router.name), settings).unlink(missing_ok=True)
            note_router(router, settings)
        else:
            _write_program(router, settings)


def router_source(platform: str) -> str:
    """For dial.py: another than a host's, so that neither takes the place of the other on the same machine."""
    return f"{platform} router"


def command(router: RegisteredRouter, settings: Settings) -> Sequence[str]:
    """Of the ssh that is a router's tunnel."""
    url, address = SshUrl.parse(router.ssh_url or ""), str(router.address)
    source = dial.source_port(router_source(settings.platform), address)
    forwards = ["-R", f"127.0.0.1:{settings.table_port}:{settings.redis_socket}"]
    known = _known_file(router.name, settings)
    return ssh.command(url, address, source, known, forwards, settings)


def _write_program(router: RegisteredRouter, settings: Settings) -> None:
    note_router(router, settings)
    name = tunnel_name(router.name)
    write(program_file(name, settings), supervised(name, command(router, settings), settings))


def _remove_program(router: str, settings: Settings) -> None:
    program_file(tunnel_name(router), settings).unlink(missing_ok=True)
    _known_file(router, settings).unlink(missing_ok=True)


def _known_file(router: str, settings: Settings) -> Path:
    return settings.programs / f"{tunnel_name(router)}{KNOWN}"
