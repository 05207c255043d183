"""One step towards what is wanted: the story of deploy, scale, restart, crash and reboot alike.

It waits for nothing. What is being waited for is a state in the record with a deadline; whatever ends the waiting (a
probe, an engine's event, a router's acknowledgement, the clock: all seen by `watch`) queues the app again.
"""

import time

from paas.engine.engine import HostUnreachable
from paas.logs.store import say
from paas.model.container import (
    CRASHED,
    FILLS,
    GONE,
    PLACED,
    PULLING,
    RETIRING,
    STOPPING,
    UP,
    Container,
    Kind,
)
from paas.model.route import Version
from paas.routes.publish import publish
from paas.routes.table import StaleFence
from paas.scheduler.apply import (
    remove,
    signal,
    start_all,
    stop_crashed,
)
from paas.scheduler.assign import assign
from paas.scheduler.crashes import note_crashes, note_lost
from paas.scheduler.deploy import fail, fail_switch, succeed, switch
from paas.scheduler.plan import Plan, plan_changes
from paas.scheduler.postdeploy import run_postdeploy
from paas.scheduler.releasing import (
    clean_release_processes,
    run_release_process,
    why_release_failed,
)
from paas.scheduler.renew import renewed
from paas.scheduler.view import View, look
from paas.scheduler.wake import wake
from paas.store.leases import Lease
from paas.wiring import Platform

ATTACHED_SECONDS = 10.0
"""How long a one-off that has exited is left to whoever is attached to it."""
STARTS_AT_ONCE = 16
"""Containers begun in one step; the rest follow in the next."""


def converge(app_id: str, owner: str, platform: Platform) -> None:
    """Steps until nothing has changed meanwhile. Ends at once when another worker is at it.

    A step that raises gives the lease back without looking again: the sweep tries once more. Where it was a host that
    did not answer, what has changed meanwhile is looked at all the same: its dynos may be for another host now.
    """
    trouble = None
    lease = platform.leases.take(app_id, owner, time.time())
    while lease is not None:
        try:
            with renewed(lease, platform.leases):
                step(lease, platform)
            trouble = None
        except HostUnreachable as error:
            trouble = error
        except StaleFence:
            platform.leases.count_refused()
            raise
        except BaseException:
            platform.leases.drop(lease)
            raise
        platform.wire.announce(app_id)
        lease = platform.leases.give_back(lease, time.time())
    if trouble is not None:
        raise trouble


def step(lease: Lease, platform: Platform) -> None:
    """Safe to repeat, safe to kill at any line.

    A host that does not answer holds up what is to be done on it and nothing else; raises HostUnreachable at the end.
    """
    now = time.time()
    view = look(lease.app_id, platform, now)
    if note_lost(view, lease, platform, now) | note_crashes(view, lease, platform, now):
        view = look(lease.app_id, platform, now)
    if fail(view, lease, platform, now, why_release_failed(view, now)):
        return  # what is wanted has changed: the next step sees it
    troubles = run_release_process(view, lease, platform, now)
    plan = _plan(view, now)
    _retire(plan, lease, platform, now)
    troubles += _start(view, plan, lease, platform, now)
    switch(view, plan, lease, platform, now)
    view = look(lease.app_id, platform, now)
    version = publish(view.app, view.rows, view.deploy, lease, platform)
    acknowledged = platform.routers.acknowledged(version.epoch) or 0
    is_applied = acknowledged >= version.number
    if is_applied and succeed(view, lease, platform, now):
        return
    if not is_applied and fail_switch(view, version, lease, platform, now):
        return
    _leave(view, version, platform)
    troubles += _stop(view, version, acknowledged, platform, now)
    troubles += _clean(view, acknowledged, platform, now)
    troubles += clean_release_processes(view, platform, now)
    troubles += run_postdeploy(view, lease, platform, now)
    _settle(view, plan, lease, platform, is_applied=is_applied)
    if troubles:
        raise troubles[0]


def _plan(view: View, now: float) -> Plan:
    keep = view.app.current_release if view.deploy is not None else None
    leaving = [row for row in view.rows if view.is_leaving(row)]
    return plan_changes(
        view.dynos, view.rows, view.crashes, now, keep_release=keep, leaving=leaving
    )


def _retire(plan: Plan, lease: Lease, platform: Platform, now: float) -> None:
    platform.containers.move_all(
        [row.id for row in plan.retire], RETIRING, now, lease, exit_code=None
    )
    if plan.retire:
        wake(platform.apps.blocked(), platform)  # there is room


def _start(
    view: View, plan: Plan, lease: Lease, platform: Platform, now: float
) -> list[HostUnreachable]:
    """Rows first, then containers: what dies in between is found by its row."""
    unmade = (PLACED, PULLING)
    left_over = [row for row in view.rows if row.state in unmade and row.dyno in view.dynos]
    placed = assign(view, plan.start[:STARTS_AT_ONCE], lease, platform, now) if plan.start else []
    if len(placed) == STARTS_AT_ONCE:
        platform.apps.touch(view.app.id)  # perhaps there are more
    if view.release is None or not (left_over or placed):
        return []
    return start_all(view.app, view.release, [*left_over, *placed], lease, platform, now)


def _leave(view: View, version: Version, platform: Platform) -> None:
    """What does not serve any more is not in the table that was just published."""
    platform.containers.note_all(
        [
            row.id
            for row in view.rows
            if row.state in (RETIRING, STOPPING, CRASHED) and row.left_number is None
        ],
        left_number=version.number,
    )


def _stop(
    view: View, version: Version, acknowledged: int, platform: Platform, now: float
) -> list[HostUnreachable]:
    """Out of every router's table and without a request in flight, or drained for long enough: SIGTERM."""
    retiring = [row for row in view.rows if row.state is RETIRING]
    acks = platform.routes.acknowledgements() if retiring else {}
    busy = {row_id for ack in acks.values() for row_id in ack.busy}
    drained = now - platform.settings.drain_seconds
    troubles, told = [], {}
    for row in retiring:
        if acknowledged < (row.left_number or version.number):
            continue
        if row.id in busy and row.since > drained:
            continue
        if not view.answers(row):
            continue
        try:
            signal(row, "SIGTERM", platform)  # again, if this dies before the row has moved
        except HostUnreachable as error:
            troubles.append(error)
        else:
            told[row.id] = row
    deadline = now + platform.settings.stop_seconds
    for row_id in platform.containers.move_all(told, STOPPING, now, deadline=deadline):
        text = "Stopping all processes with SIGTERM"
        say(platform.logs, view.app.id, told[row_id].dyno.name, text, now)
    return troubles


def _clean(view: View, acknowledged: int, platform: Platform, now: float) -> list[HostUnreachable]:
    """What has exited and was read to the end is removed; its address is free once no router knows it."""
    troubles, removed = [], []
    for row in filter(view.answers, (*view.rows, *view.runs)):
        try:
            if row.kind is Kind.RUN:
                is_gone = _clean_run(row, view, platform, now)
            else:
                is_gone = _clean_dyno(row, acknowledged, platform, now)
        except HostUnreachable as error:
            troubles.append(error)
        else:
            removed += [row.id] if is_gone else []
    platform.containers.move_all(removed, GONE, now)
    if view.app.destroyed_at is not None and not (view.rows or view.release_processes):
        platform.wire.upkeep("forget_app", view.app.id)
    return troubles


def _clean_dyno(row: Container, acknowledged: int, platform: Platform, now: float) -> bool:
    """Whether it is gone from its host."""
    if row.state is STOPPING and row.exit_code is None and row.deadline and row.deadline <= now:
        signal(row, "SIGKILL", platform)
    is_out = row.left_number is not None and acknowledged >= row.left_number
    has_ended = row.state is CRASHED or (row.state is STOPPING and row.exit_code is not None)
    if row.state is CRASHED and not row.is_logged:
        stop_crashed(row, platform)
    if not (has_ended and is_out and row.is_logged):
        return False
    remove(row, platform)
    return True


def _clean_run(row: Container, view: View, platform: Platform, now: float) -> bool:
    """Whoever is attached to it asks for its exit code and removes it; they may have died."""
    if row.deadline and row.deadline <= now:
        signal(row, "SIGKILL", platform)
    has_ended = row.state is CRASHED or (bool(row.exits) and now > row.exits[-1] + ATTACHED_SECONDS)
    if view.app.destroyed_at is None and not (has_ended and row.is_logged):
        return False
    remove(row, platform)
    return True


def _settle(view: View, plan: Plan, lease: Lease, platform: Platform, *, is_applied: bool) -> None:
    """Everything that can be live is live: whoever waits for this change is told."""
    is_placed = plan.is_up or (not plan.start and _only_waits(view, plan))
    has_left = not any(row.dyno not in view.dynos and row.state in FILLS for row in view.rows)
    is_new = view.app.live_wake < lease.wake
    if is_new and _can_be_live(view, platform) and is_applied and is_placed and has_left:
        platform.apps.go_live(view.app.id, lease.wake)
    if view.app.blocked and not plan.start and view.releasing is None:
        platform.apps.block(view.app.id, None)


def _can_be_live(view: View, platform: Platform) -> bool:
    """No deploy has to end first; while a release process runs, what the current release has is all there is."""
    if view.deploy is None:
        return True
    if view.releasing is None or view.release is None:
        return False
    lines = platform.formations.of(view.app.id).lines.items()
    return all(process in view.release.processes for process, line in lines if line.quantity)


def _only_waits(view: View, plan: Plan) -> bool:
    up = {row.dyno for row in view.rows if row.state is UP}
    return all(dyno in up or dyno in plan.waiting for dyno in view.dynos)
