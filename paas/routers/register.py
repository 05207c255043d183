"""Registers a router on another machine. It hears of the route table when all that is in it can be reached from there.

In stages, each of which may be repeated: its machine is looked at; what runs on the platform's own machine moves to
published ports, which is converge's; the packet filters let it in; the tunnel is opened. From then on it is `joining`
until it first acknowledges. Nothing here waits: the clock has it tried again.
"""

from collections.abc import Sequence

from redis import RedisError

from paas.engine.router_tunnels import is_open
from paas.engine.tunnels import alone
from paas.errors import Conflict, Failed, PaasError, Unavailable
from paas.model.container import Container
from paas.model.host import LOCAL, HostHealth
from paas.model.router import RegisteredRouter, RouterName, UnknownRouter
from paas.model.ssh_url import SOCKET, InvalidSshUrl, SshUrl, check_fingerprint
from paas.routers.own_address import note_own_address
from paas.routers.progress import Progress, Stage, told
from paas.routers.reach import Reach
from paas.scheduler.joining import out_of_reach
from paas.scheduler.wake import wake
from paas.wiring import Platform


class AlreadyRegistered(Conflict):
    def __init__(self, router: str, what: str) -> None:
        super().__init__(
            f"{what} is registered already, as router {router}. Nothing was changed. See: paas routers"
        )


class StillLeaving(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"An earlier router {name} is still being removed. Nothing was changed. Try again in a moment."
        )


class NoWorker(Unavailable):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"No worker can be told about router {name}: Redis does not answer. Nothing was changed. See: paas doctor"
        )


class OtherNetwork(Conflict):
    def __init__(self, seen: str, known: str) -> None:
        super().__init__(
            f"this machine is {seen} to it and {known} to the other routers, and all must see it at one address. "
            "Name it by an address in their network."
        )


class StillServes(Conflict):
    def __init__(self, address: str, port: int) -> None:
        super().__init__(
            f"something serves at {address}:{port} already. A router that was removed before has an old route table: "
            "end it there first (paasd router stop)."
        )


class NotRegistered(Failed):
    """What became of a registration: one line with router, stage, cause and next command."""

    def __init__(self, router: str, stage: Stage, cause: str) -> None:
        super().__init__(
            f"Router {router} was not registered ({stage}): {cause} Nothing was changed."
        )


def begin_registration(
    name: str, url: str, host_key: str | None, platform: Platform, now: float
) -> RegisteredRouter:
    """The row, and the job that registers it.

    Raises InvalidRouterName, InvalidSshUrl, InvalidHostKey, AlreadyRegistered, StillLeaving or NoWorker.
    """
    if host_key is not None:
        check_fingerprint(host_key)
    where = checked_url(url)
    check_new(RouterName(name), where.address, platform)
    if is_open(name, platform.settings):
        raise StillLeaving(name)
    try:
        platform.routes.forget(name)  # the word of an earlier one is not its own
    except RedisError:
        raise NoWorker(name) from None
    with platform.record.write():
        check_new(name, where.address, platform)
        platform.routers.add(name, now, str(where), host_key)
    Progress(name, Stage.QUEUED).tell(platform.wire)
    if not platform.wire.upkeep("register_router", name):
        platform.routers.remove(name)
        raise NoWorker(name)
    return platform.routers.get(name)


def checked_url(text: str) -> SshUrl:
    """A router needs no engine. Raises InvalidSshUrl."""
    url = SshUrl.parse(text)
    if url.socket != SOCKET:
        raise InvalidSshUrl(text)
    return url


def check_new(name: str, address: str, platform: Platform, *, is_there: bool = False) -> None:
    """No other router has its name or its machine; `is_there`: it has a row itself. Raises AlreadyRegistered."""
    for other in platform.routers.all():
        if other.name == name and not is_there:
            raise AlreadyRegistered(name, f"A router of that name ({other.ssh_url or 'here'})")
        known = [other.address, SshUrl.parse(other.ssh_url).address if other.ssh_url else None]
        if other.name != name and address in known:
            raise AlreadyRegistered(other.name, f"The machine {address}")


def register(name: str, platform: Platform, reach: Reach) -> None:
    """As far as it comes; what is wrong with its machine is told and takes the row away. Safe to repeat."""
    try:
        router = platform.routers.get(name)
        if router.address is None:
            router = _look(router, platform, reach)
        _join(router, platform, reach)
    except UnknownRouter:
        return  # somebody has removed it meanwhile


def _look(router: RegisteredRouter, platform: Platform, reach: Reach) -> RegisteredRouter:
    """Its key is pinned, and this machine has an address. Raises UnknownRouter: it was taken back."""
    name, settings = router.name, platform.settings
    Progress(name, Stage.SSH).tell(platform.wire)
    try:
        found = reach.look(SshUrl.parse(router.ssh_url or ""), settings, router.host_key)
        check_new(name, found.address, platform, is_there=True)
        _check_network(found.address, platform, reach)
        if reach.serves(found.address, settings.http_port):
            raise StillServes(found.address, settings.http_port)
    except (PaasError, OSError) as error:
        with platform.record.write():
            _check_same(router, platform)
            platform.routers.remove(name)
        why = NotRegistered(name, Stage.SSH, str(error))
        Progress(name, Stage.FAILED, error=str(why)).tell(platform.wire)
        raise UnknownRouter(name) from None
    with platform.record.write():
        _check_same(router, platform)
        platform.routers.pin(name, found.address, found.host_key)
        note_own_address(platform.hosts, platform.routers, reach.seen_from)
    Progress(name, Stage.MOVE, found.fingerprint).tell(platform.wire)
    wake({row.dyno.app_id for row in out_of_reach(platform)}, platform)
    router = platform.routers.get(name)
    reach.note(router, settings)
    return router


def _check_same(router: RegisteredRouter, platform: Platform) -> None:
    """Raises UnknownRouter: it was removed, and perhaps another was added under its name."""
    if platform.routers.get(router.name).registered_at != router.registered_at:
        raise UnknownRouter(router.name)


def _check_network(address: str, platform: Platform, reach: Reach) -> None:
    """Raises AlreadyRegistered, OtherNetwork or OSError."""
    seen, known = reach.seen_from(address), platform.hosts.get(LOCAL).address
    if seen == address:
        raise AlreadyRegistered(LOCAL, "This very machine")
    if known is not None and seen != known:
        raise OtherNetwork(seen, known)


def _join(router: RegisteredRouter, platform: Platform, reach: Reach) -> None:
    """The tunnel is opened, unless something is still out of its reach or a host does not let it in."""
    name = router.name
    last = told(name, platform.wire)
    fingerprint = last.fingerprint if last else None
    if rows := out_of_reach(platform):
        waits_for = _to_move(rows, platform)
        Progress(name, Stage.MOVE, fingerprint, waits_for=waits_for).tell(platform.wire)
        return
    Progress(name, Stage.RULES, fingerprint).tell(platform.wire)
    try:
        let_in(platform)
    except PaasError as error:
        Progress(name, Stage.RULES, fingerprint, waits_for=str(error)).tell(platform.wire)
        return
    Progress(name, Stage.TUNNEL, fingerprint).tell(platform.wire)
    platform.routers.get(name)
    reach.open(router, platform.settings)
    Progress(name, Stage.DONE, fingerprint).tell(platform.wire)


def let_in(platform: Platform) -> None:
    """Every host's packet filter goes by the routers that are registered. One that is down is told when it is back.

    Raises what `Engine.prepare` raises.
    """
    for host in platform.hosts.all():
        if host.is_registered and host.health is not HostHealth.DOWN:
            with alone(host.name, platform.settings):
                platform.engine.prepare(host.name, host.subnet)


def _to_move(rows: Sequence[Container], platform: Platform) -> str:
    """`2 to move: shop web.1, blog web.1 (No host can take …)`"""
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row.dyno.app_id, []).append(row.dyno.name)
    moving = []
    for app_id, dynos in names.items():
        app = platform.apps.get(app_id)
        why = f" ({app.blocked})" if app.blocked else ""
        moving.append(f"{app.name} {' '.join(sorted(dynos))}{why}")
    return f"{len(rows)} to move: {', '.join(sorted(moving))}"
