"""The table against what HAProxy runs: the steps between them. Pure.

Order within an app: what is new takes requests first, then hostnames point to it, then what leaves is parked. Never the
reverse: at no moment does a hostname that answered have nobody to answer.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from paas.model.route import Backend, Route, RouteMode
from router.running import COOL_SECONDS, Running, Slot
from router.steps import (
    AddServer,
    Bind,
    Claim,
    Grow,
    Label,
    Park,
    Release,
    Reuse,
    Shut,
    Step,
    Unbind,
)

FIRST_SLOTS = 256
FREE_SHARE = 0.1
"""With fewer free slots than this HAProxy is reloaded with more."""

ORDER: Sequence[type[Step]] = (AddServer, Reuse, Claim, Bind, Unbind, Park)


def plan_table(routes: Mapping[str, Route], running: Running, now: float) -> Sequence[Step]:
    """Everything that differs. Empty when HAProxy is true to the table."""
    left = [app_id for app_id in running.slot_of if app_id not in routes]
    steps = [step for app_id in left for step in _leave(app_id, running, now)]
    free, owners = iter(running.free), _owners(routes, running)
    for app_id in sorted(routes):
        route = routes[app_id]
        mine = {name for name in route.hostnames if owners[name] == app_id}
        steps += _serve(route, mine, running, free, now)
    homeless = sum(1 for app_id in routes if app_id not in running.slot_of) - len(running.free)
    return [*_ordered(steps), *_grow(homeless, running)]


def plan_apps(routes: Mapping[str, Route | None], running: Running, now: float) -> Sequence[Step]:
    """The same for these apps alone; None has left the table. Costs nothing for all the others."""
    free = iter(running.free)
    steps: list[Step] = []
    homeless = -len(running.free)
    for app_id, route in routes.items():
        if route is None:
            steps += _leave(app_id, running, now)
        else:
            homeless += app_id not in running.slot_of
            steps += _serve(route, route.hostnames, running, free, now)
    return [*_ordered(steps), *_grow(homeless, running)]


def plan_upkeep(running: Running, now: float) -> Sequence[Step]:
    """What is due by the clock: drain limits, slots that have cooled, more slots."""
    steps: list[Step] = []
    for slot_name, name in sorted(running.draining):
        server = running.slots[slot_name].servers[name]
        if server.in_flight and now >= server.left_at + server.drain_seconds:
            steps.append(Shut(slot_name, name))
    for slot in running.slots.values():
        label = slot.label
        if label is None or not label.left_at or now < label.left_at + COOL_SECONDS:
            continue
        if all(server.is_reusable(now) for server in slot.servers.values()):
            steps.append(Release(slot.name))
    if len(running.free) < FREE_SHARE * len(running.slots):
        steps.append(Grow(grown(running)))
    return steps


def grown(running: Running, homeless: int = 0) -> int:
    """How many slots to have: doubled until a third are free."""
    taken = len(running.slots) - len(running.free) + max(homeless, 0)
    slots = max(FIRST_SLOTS, len(running.slots) * 2)
    while taken > slots * 2 / 3:
        slots *= 2
    return slots


def label_of(route: Route) -> Label:
    return Label(route.app_id, route.app, route.mode, route.drain_seconds)


def _serve(
    route: Route, hostnames: Collection[str], running: Running, free: Iterator[str], now: float
) -> Iterator[Step]:
    name = running.slot_of.get(route.app_id) or next(free, None)
    if name is None:
        return
    slot = running.slots[name]
    yield from _fill(slot, route, now)
    label = label_of(route)
    if slot.label != label:
        yield Claim(name, label)
    for hostname in sorted(hostnames):
        if running.hostnames.get(hostname) != name:
            yield Bind(hostname, name)
    for hostname in sorted(slot.hostnames.difference(hostnames)):
        yield Unbind(hostname)
    wanted = {(one.container, one.address, one.port) for one in _serving(route)}
    for server in slot.servers.values():
        if server.is_up and (server.container, server.address, server.port) not in wanted:
            yield Park(name, server.name, now, route.drain_seconds)


def _fill(slot: Slot, route: Route, now: float) -> Iterator[Step]:
    """A container that comes back to where it was gets its server back at once, others a rested one or a new one."""
    parked = [server for server in slot.servers.values() if not server.is_up]
    missing = []
    for backend in sorted(_serving(route)):
        if any(server.is_up and server.fills(backend) for server in slot.servers.values()):
            continue
        back = next((server for server in parked if server.fills(backend)), None)
        if back is None:
            missing.append(backend)
        else:
            parked.remove(back)
            yield Reuse(slot.name, back.name, backend)
    rested = [server.name for server in parked if server.is_reusable(now)]
    last = max((int(name[1:]) for name in slot.servers), default=0)
    for backend in missing:
        if rested:
            yield Reuse(slot.name, rested.pop(0), backend)
        else:
            last += 1
            yield AddServer(slot.name, f"i{last}", backend)


def _serving(route: Route) -> Collection[Backend]:
    """An app that is stopped or in maintenance gets no request, whatever it runs."""
    return route.backends if route.mode is RouteMode.SERVING else ()


def _leave(app_id: str, running: Running, now: float) -> Iterator[Step]:
    name = running.slot_of.get(app_id)
    slot = running.slots[name] if name else None
    if slot is None or slot.label is None or slot.label.left_at:
        return
    for hostname in sorted(slot.hostnames):
        yield Unbind(hostname)
    label = slot.label
    yield Claim(slot.name, Label(app_id, label.app, label.mode, label.drain_seconds, now))
    for server in slot.servers.values():
        if server.is_up:
            yield Park(slot.name, server.name, now, label.drain_seconds)


def _ordered(steps: Sequence[Step]) -> Sequence[Step]:
    """Over several apps too. A hostname that moves from one to another is bound once and not unbound."""
    bound = {step.hostname for step in steps if isinstance(step, Bind)}
    kept = [step for step in steps if not (isinstance(step, Unbind) and step.hostname in bound)]
    return sorted(kept, key=lambda step: ORDER.index(type(step)))


def _grow(homeless: int, running: Running) -> Sequence[Step]:
    return [Grow(grown(running, homeless))] if homeless > 0 else []


def _owners(routes: Mapping[str, Route], running: Running) -> Mapping[str, str]:
    """Hostname to app. Where two claim one (a domain that moves between two writes), who has it keeps it."""
    owners: dict[str, str] = {}
    for app_id in sorted(routes):
        for hostname in routes[app_id].hostnames:
            has_it = running.hostnames.get(hostname) == running.slot_of.get(app_id, "")
            if hostname not in owners or has_it:
                owners[hostname] = app_id
    return owners
