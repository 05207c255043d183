"""How a router on a machine of its own is: whether it serves, and whether it hears of the route table."""

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from redis import AuthenticationError, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from paas.daemon.names import FOLLOWER, HAPROXY
from paas.daemon.router_folder import RouterFolder
from paas.model.route import Version
from paas.routes.table import RouteTable
from paas.running import running
from paas.supervision import NotRunning, Supervision

CONNECT_SECONDS = 3.0
USER = "router"


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    is_well: bool
    text: str
    """What is the case; what to type, where it is not well."""


def examine(folder: RouterFolder) -> list[Part]:
    return [*_programs(folder), _serves(folder), _hears(folder)]


def await_well(folder: RouterFolder, seconds: float) -> list[Part]:
    """As soon as all is well, or after so long."""
    deadline = time.monotonic() + seconds
    while True:
        parts = examine(folder)
        if all(part.is_well for part in parts) or time.monotonic() > deadline:
            return parts
        time.sleep(0.3)


def _programs(folder: RouterFolder) -> Iterator[Part]:
    settings = folder.settings
    try:
        states = {state.name: state for state in Supervision(settings).states()}
    except NotRunning:
        yield Part(
            "supervisor", False, f"does not run. Type: paasd router start {settings.directory}"
        )
        states = {}
    alive = {program.name for program in running(settings)}
    for name in (HAPROXY, FOLLOWER):
        is_well = name in alive and (name not in states or states[name].is_running)
        log = settings.run / "log" / f"{name}.log"
        yield Part(name, is_well, "runs" if is_well else f"does not run. Read: {log}")


def _serves(folder: RouterFolder) -> Part:
    """It answers whoever asks for a host that nobody has."""
    settings = folder.settings
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(
        settings.bind_address, settings.bind_address
    )
    where = f"port {settings.http_port}"
    connection = http.client.HTTPConnection(address, settings.http_port, timeout=CONNECT_SECONDS)
    try:
        connection.request("GET", "/", headers={"Host": "status.invalid"})
        code = connection.getresponse().getheader("X-Paas-Error")
    except (OSError, http.client.HTTPException) as error:
        return Part("port", False, f"{address}, {where} does not answer: {error}. Type: ss -ltnp")
    finally:
        connection.close()
    if code is None:
        return Part("port", False, f"something else answers on {where}. Type: ss -ltnp")
    return Part("port", True, f"answers on {where}")


def _hears(folder: RouterFolder) -> Part:
    """What the table is, and whether HAProxy was told."""
    name, settings = folder.name, folder.settings
    there = (
        f"On the platform's machine: paas routers, and tail run/log/router-{name}.log in its folder"
    )
    try:
        version = RouteTable(_redis(folder), settings.platform).version()
    except AuthenticationError:
        return Part(
            "table", False, f"refuses the password. On the platform: paas routers:line {name}"
        )
    except RedisError as error:
        why = f"is not reached at {folder.table} ({error}); what is known of it is served"
        return Part("table", False, f"{why}. {there}")
    if version is None:
        return Part("table", False, "is empty; the platform fills it. On its machine: paas doctor")
    held = _held(folder)
    if held is None or not held.covers(version):
        return Part(
            "table", False, f"is read and not served yet. Read: {settings.run}/log/{FOLLOWER}.log"
        )
    return Part("table", True, "is reached, and served as it is")


def _redis(folder: RouterFolder) -> Redis:
    host, _, port = folder.table.partition(":")
    return Redis(
        host=host,
        port=int(port),
        username=USER,
        password=folder.settings.router_password.read_text().strip(),
        decode_responses=True,
        socket_timeout=CONNECT_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def _held(folder: RouterFolder) -> Version | None:
    """The follower writes it when HAProxy has it, half a second later at most."""
    try:
        given = json.loads((folder.settings.router / "table.json").read_text())
        return Version(str(given["epoch"]), int(given["number"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
