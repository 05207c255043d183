"""The plan: values in, values out."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from paas.model.container import CRASHED, FILLS, GONE, PLACED, RETIRING, STARTING, UP, Container
from paas.model.formation import Dyno
from paas.scheduler.plan import BACKOFF_SECONDS, Plan, is_looping, plan_changes, retries
from tests.make import NOW, make_container, make_dyno


def plan(wanted: list[Dyno], rows: list[Container], crashes: list[Container] | None = None,
         keep: int | None = None):  # type: ignore[no-untyped-def]  # fmt: skip
    return plan_changes(wanted, rows, crashes or [], NOW, keep_release=keep)


def test_an_empty_place_is_started() -> None:
    changes = plan([make_dyno("web.1"), make_dyno("web.2")], [make_container("web.1")])

    assert changes.start == (make_dyno("web.2"),)
    assert changes.retire == ()
    assert not changes.is_up


def test_a_place_that_is_being_filled_is_not_started_twice() -> None:
    rows = [make_container("web.1", 1, state=PLACED), make_container("web.2", 2, state=STARTING)]

    changes = plan([make_dyno("web.1"), make_dyno("web.2")], rows)

    assert changes.start == ()
    assert not changes.is_up


def test_scaling_down_retires_at_once_also_what_still_starts() -> None:
    rows = [make_container("web.1", 1), make_container("web.2", 2, state=STARTING)]

    changes = plan([make_dyno("web.1")], rows)

    assert [row.id for row in changes.retire] == [rows[1].id]
    assert changes.is_up


def test_what_is_too_many_goes_also_while_a_deploy_is_under_way() -> None:
    old = [make_container("web.1", 1), make_container("web.2", 2), make_container("worker.1", 3)]
    new = make_dyno("web.1", release=2)

    changes = plan([new], old, keep=1)

    assert [row.dyno.name for row in changes.retire] == ["web.2"]


def test_the_current_release_stays_while_a_deploy_is_under_way() -> None:
    old, new = make_container("web.1", 1), make_dyno("web.1", release=2)

    changes = plan([new], [old], keep=1)

    assert changes.start == (new,)
    assert changes.retire == ()


def test_a_release_that_is_neither_wanted_nor_current_retires_at_once() -> None:
    current, failed = make_container("web.1", 1), make_container(make_dyno("web.1", release=2), 2)

    changes = plan([make_dyno("web.1")], [current, failed])

    assert changes.retire == (failed,)


def test_what_is_restarted_serves_until_its_successor_is_up() -> None:
    old = make_container("web.1", 1)
    successor = make_dyno("web.1", restarts=1)
    starting = make_container(successor, 2, state=STARTING)

    assert plan([successor], [old]).retire == ()
    assert plan([successor], [old, starting]).retire == ()
    assert plan([successor], [old, make_container(successor, 2)]).retire == (old,)


def test_of_two_in_one_place_the_one_that_is_up_stays() -> None:
    up, late = make_container("web.1", 1), make_container("web.1", 2, state=STARTING)

    assert plan([make_dyno("web.1")], [late, up]).retire == (late,)


def test_a_crashed_place_waits_longer_each_time() -> None:
    for crashes, seconds in enumerate((*BACKOFF_SECONDS, BACKOFF_SECONDS[-1]), start=1):
        rows = [make_container("web.1", n, state=GONE, crashed_at=NOW - n) for n in range(crashes)]

        assert retries(rows) == {make_dyno("web.1"): NOW - 0 + seconds}


def test_a_crash_of_an_hour_ago_does_not_lengthen_the_wait() -> None:
    rows = [
        make_container("web.1", 1, state=GONE, crashed_at=NOW - 4000),
        make_container("web.1", 2, state=CRASHED, crashed_at=NOW),
    ]

    assert retries(rows) == {make_dyno("web.1"): NOW + BACKOFF_SECONDS[0]}


def test_a_new_release_or_a_restart_does_not_wait() -> None:
    crashed = make_container("web.1", 1, state=CRASHED, crashed_at=NOW)

    assert plan([make_dyno("web.1")], [crashed], [crashed]).start == ()
    for other in (make_dyno("web.1", release=2), make_dyno("web.1", restarts=1)):
        assert plan([other], [crashed], [crashed]).start == (other,)


def test_three_exits_within_a_minute_are_a_loop() -> None:
    assert not is_looping(make_container(exits=(NOW, NOW + 1)))
    assert not is_looping(make_container(exits=(NOW - 100, NOW, NOW + 1)))
    assert is_looping(make_container(exits=(NOW, NOW + 20, NOW + 40)))


DYNOS = st.builds(make_dyno, st.sampled_from(["web.1", "web.2", "worker.1"]), release=st.integers(1, 2),
                  restarts=st.integers(0, 1))  # fmt: skip
ROWS = st.lists(
    st.tuples(DYNOS, st.sampled_from([PLACED, STARTING, UP, RETIRING, CRASHED])), max_size=6
).map(
    lambda drawn: [
        make_container(dyno, n + 1, state=state) for n, (dyno, state) in enumerate(drawn)
    ]
)


@given(st.sets(DYNOS, max_size=4), ROWS)
def test_carried_out_and_come_up_the_plan_leaves_what_is_wanted_and_nothing_else(
    wanted: set[Dyno], rows: list[Container]
) -> None:
    for _ in range(3):
        changes = plan(sorted(wanted), rows)
        left = [row for row in rows if row not in changes.retire]
        started = [make_container(dyno, 100 + n) for n, dyno in enumerate(changes.start)]
        rows = [
            make_container(row.dyno, n + 1) if row.state in FILLS else row
            for n, row in enumerate([*left, *started])
        ]

    again = plan(sorted(wanted), rows)
    assert (again.start, again.retire, again.is_up) == ((), (), True)
    assert sorted(row.dyno for row in rows if row.state in FILLS) == sorted(wanted)


def test_what_is_leaving_serves_until_its_dyno_is_up_beside_it_on_the_same_host() -> None:
    old = make_container("web.1", 1)
    new = make_container("web.1", 2, state=STARTING)

    def with_new(row: Container | None) -> Plan:
        rows = [old] if row is None else [old, row]
        return plan_changes([make_dyno("web.1")], rows, [], NOW, keep_release=None, leaving=[old])

    assert with_new(None).start == (make_dyno("web.1"),)
    assert (with_new(new).start, with_new(new).retire) == ((), ())
    assert with_new(replace(new, state=UP)).retire == (old,)
