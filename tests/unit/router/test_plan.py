"""The plan has a law: done to any HAProxy it gives the table, and then there is nothing left to do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from paas.model.route import Backend, Route, RouteMode
from router.plan import plan_apps, plan_table, plan_upkeep
from router.running import COOL_SECONDS, QUIET, REUSE_SECONDS, Running
from router.steps import (
    AddServer,
    Bind,
    Claim,
    Grow,
    Park,
    Release,
    Reuse,
    Shut,
    Step,
    Unbind,
)

APPS = ("a", "b", "c", "d")
HOSTS = tuple(f"{name}.localhost" for name in "stuvw")
NOW = 1000.0


class Simulated:
    """What HAProxy would do, in dictionaries of its own."""

    def __init__(self, slots: int) -> None:
        self.servers: dict[str, dict[str, tuple[str, str, int] | None]] = {
            f"s{number:05d}": {} for number in range(slots)
        }
        """Slot to server to (container, address, port), None when parked."""
        self.owners: dict[str, tuple[str, RouteMode]] = {}
        self.hosts: dict[str, str] = {}

    def do(self, steps: Sequence[Step]) -> None:
        for step in steps:
            match step:
                case AddServer(slot, name, backend):
                    assert name not in self.servers[slot]
                    self.servers[slot][name] = (backend.container, backend.address, backend.port)
                case Reuse(slot, name, backend):
                    assert self.servers[slot][name] is None
                    self.servers[slot][name] = (backend.container, backend.address, backend.port)
                case Park(slot, name):
                    assert self.servers[slot][name] is not None
                    self.servers[slot][name] = None
                case Claim(slot, label):
                    assert slot in self.servers
                    self.owners[slot] = (label.app_id, label.mode)
                    if label.left_at:
                        del self.owners[slot]
                case Bind(hostname, slot):
                    self.hosts[hostname] = slot
                case Unbind(hostname):
                    del self.hosts[hostname]
                case Grow(slots):
                    for number in range(slots):
                        self.servers.setdefault(f"s{number:05d}", {})
                case Release() | Shut():
                    pass

    def serves(self) -> Mapping[str, tuple[RouteMode, set[str], set[tuple[str, str, int]]]]:
        """App to mode, hostnames and backends."""
        return {
            app_id: (
                mode,
                {hostname for hostname, bound in self.hosts.items() if bound == slot},
                {server for server in self.servers[slot].values() if server is not None},
            )
            for slot, (app_id, mode) in self.owners.items()
        }


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Route]:
    """Each hostname is one app's, as the record sees to it."""
    owners = {hostname: draw(st.sampled_from((*APPS, ""))) for hostname in HOSTS}
    return {
        app_id: Route(
            app_id,
            app_id,
            tuple(hostname for hostname, owner in owners.items() if owner == app_id),
            tuple(
                Backend(f"{app_id}{number}", f"web.{number}", f"10.0.0.{number + 1}", 5000)
                for number in draw(st.sets(st.integers(0, 5)))
            ),
            draw(st.sampled_from(RouteMode)),
            draw(st.integers(0, 60)),
        )
        for app_id in draw(st.sets(st.sampled_from(APPS)))
    }


def wanted(
    routes: Mapping[str, Route],
) -> Mapping[str, tuple[RouteMode, set[str], set[tuple[str, str, int]]]]:
    return {
        app_id: (
            route.mode,
            set(route.hostnames),
            {(one.container, one.address, one.port) for one in route.backends}
            if route.mode is RouteMode.SERVING
            else set(),
        )
        for app_id, route in routes.items()
    }


def settle(routes: Mapping[str, Route], running: Running, haproxy: Simulated, now: float) -> None:
    """As the follower does: once more after a Grow."""
    for _ in range(2):
        steps = plan_table(routes, running, now)
        haproxy.do(steps)
        for step in steps:
            running.apply(step)
        if not any(isinstance(step, Grow) for step in steps):
            break


@given(
    st.lists(st.tuples(tables(), st.sampled_from((0.0, 3.0, 6.0, 70.0)), st.booleans()), max_size=6)
)
def test_the_plan_done_to_haproxy_gives_the_table_and_a_second_plan_is_empty(
    history: list[tuple[dict[str, Route], float, bool]],
) -> None:
    running, haproxy, now = Running(2), Simulated(2), NOW
    for routes, seconds, is_drained in history:
        now += seconds
        for slot, name in sorted(running.draining):
            for _ in range(QUIET):
                running.look(slot, name, 0 if is_drained else 1)
        upkeep = [step for step in plan_upkeep(running, now) if isinstance(step, Release)]
        haproxy.do(upkeep)
        for step in upkeep:
            running.apply(step)

        settle(routes, running, haproxy, now)

        assert haproxy.serves() == wanted(routes)
        assert plan_table(routes, running, now) == []


@given(tables(), tables())
def test_a_plan_for_the_apps_that_changed_is_the_plan_for_the_table(
    before: dict[str, Route], after: dict[str, Route]
) -> None:
    running, haproxy = Running(8), Simulated(8)
    settle(before, running, haproxy, NOW)
    changed = {
        app_id: after.get(app_id) for app_id in APPS if before.get(app_id) != after.get(app_id)
    }

    steps = plan_apps(changed, running, NOW)
    haproxy.do(steps)
    for step in steps:
        running.apply(step)

    assert haproxy.serves() == wanted(after)
    assert plan_table(after, running, NOW) == []


def one_app(*backends: Backend, app: str = "a") -> dict[str, Route]:
    return {app: Route(app, app, (f"{app}.localhost",), backends)}


ONE, TWO = Backend("c1", "web.1", "10.0.0.1", 5000), Backend("c2", "web.1", "10.0.0.2", 5000)


def served(routes: dict[str, Route]) -> Running:
    running = Running(8)
    for step in plan_table(routes, running, NOW):
        running.apply(step)
    return running


def test_what_is_new_takes_requests_before_what_leaves_is_parked() -> None:
    running = served(one_app(ONE))

    steps = plan_table(one_app(TWO), running, NOW)

    assert steps == [AddServer("s00000", "i2", TWO), Park("s00000", "i1", NOW, 30)]


def test_a_hostname_that_moves_is_never_without_an_app() -> None:
    running = served({**one_app(ONE, app="a"), **one_app(TWO, app="b")})
    moved = {"a": Route("a", "a", (), (ONE,)), "b": Route("b", "b", ("a.localhost",), (TWO,))}

    steps = plan_table(moved, running, NOW)

    assert steps == [Bind("a.localhost", "s00001"), Unbind("b.localhost")]


def test_a_hostname_that_two_apps_claim_stays_where_it_is() -> None:
    running = served(one_app(TWO, app="b"))
    claimed = {"a": Route("a", "a", ("b.localhost",), (ONE,)), **one_app(TWO, app="b")}

    steps = plan_table(claimed, running, NOW)

    assert not any(isinstance(step, Bind) for step in steps)


def test_a_parked_server_gets_another_container_when_it_is_drained_and_has_rested() -> None:
    running = served(one_app(ONE))
    for step in plan_table(one_app(), running, NOW):
        running.apply(step)
    at_once = plan_table(one_app(TWO), running, NOW + REUSE_SECONDS)
    for _ in range(QUIET):
        running.look("s00000", "i1", 0)
    too_early = plan_table(one_app(TWO), running, NOW + REUSE_SECONDS - 1)

    rested = plan_table(one_app(TWO), running, NOW + REUSE_SECONDS)

    assert at_once == too_early == [AddServer("s00000", "i2", TWO)]
    assert rested == [Reuse("s00000", "i1", TWO)]


def test_a_container_that_comes_back_gets_its_server_at_once() -> None:
    running = served(one_app(ONE))
    for step in plan_table(one_app(), running, NOW):
        running.apply(step)
    running.look("s00000", "i1", 3)

    assert plan_table(one_app(ONE), running, NOW) == [Reuse("s00000", "i1", ONE)]


def test_a_slot_cools_before_it_is_another_apps() -> None:
    running = served(one_app(ONE))
    for step in plan_table({}, running, NOW):
        running.apply(step)
    for _ in range(QUIET):
        running.look("s00000", "i1", 0)

    soon, later = (plan_upkeep(running, NOW + s) for s in (COOL_SECONDS - 1, COOL_SECONDS))

    assert soon == []
    assert later == [Release("s00000")]
    assert plan_table(one_app(TWO, app="b"), running, NOW)[0] == AddServer("s00001", "i1", TWO)


def test_a_busy_server_keeps_its_slot_from_another_app() -> None:
    running = served(one_app(ONE))
    for step in plan_table({}, running, NOW):
        running.apply(step)
    running.look("s00000", "i1", 1)

    steps = plan_upkeep(running, NOW + COOL_SECONDS)

    assert steps == [Shut("s00000", "i1")]


def test_what_is_in_flight_is_cut_at_the_drain_limit() -> None:
    running = served({"a": replace(one_app(ONE)["a"], drain_seconds=7)})
    for step in plan_table({"a": Route("a", "a", (), (), drain_seconds=7)}, running, NOW):
        running.apply(step)
    running.look("s00000", "i1", 2)

    assert plan_upkeep(running, NOW + 6.9) == []
    assert plan_upkeep(running, NOW + 7) == [Shut("s00000", "i1")]
    assert running.busy() == {"c1": 2}


def test_what_was_never_looked_at_is_busy() -> None:
    running = served(one_app(ONE))

    for step in plan_table(one_app(TWO), running, NOW):
        running.apply(step)

    assert running.busy() == {"c1": 1}


def test_haproxy_gets_more_slots_before_they_run_out() -> None:
    routes = {f"a{n}": Route(f"a{n}", f"a{n}", (), ()) for n in range(28)}
    running = Running(30)
    for step in plan_table(routes, running, NOW):
        running.apply(step)

    assert plan_upkeep(running, NOW) == [Grow(256)]


def test_more_apps_than_slots_are_served_as_far_as_it_goes_and_slots_asked_for() -> None:
    routes = {f"a{n}": Route(f"a{n}", f"a{n}", (), (ONE,)) for n in range(5)}

    steps = plan_table(routes, Running(3), NOW)

    assert sum(isinstance(step, Claim) for step in steps) == 3
    assert steps[-1] == Grow(256)
