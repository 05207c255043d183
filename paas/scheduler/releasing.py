"""The release process: once, with the new image and config, before anything of the release is started.

While it runs the deploy is `releasing`, and the current release is what runs, is scaled and is healed. Two release
processes of an app are never at work at once: one whose deploy was superseded is let end. It is started once: what may
have run already is not run again, and a host that is lost meanwhile fails the deploy.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from paas.engine.engine import HostUnreachable
from paas.logs.segments import LogUnwritable
from paas.model.container import CRASHED, GONE, PLACED, PULLING, UP, Container, Kind
from paas.model.deploy import DeployState
from paas.model.formation import Dyno
from paas.model.host import HostHealth
from paas.model.process import RELEASE
from paas.scheduler.apply import (
    give_up,
    note_started,
    remove,
    signal,
    start_all,
    was_started,
)
from paas.scheduler.assign import assign
from paas.scheduler.deadline import deploy_deadline
from paas.scheduler.view import View
from paas.store.leases import Lease
from paas.wiring import Platform

LOG_SECONDS = 30.0
"""How long the log of one that has ended may take to be read."""
OUTPUT_LINES = 10_000
OUTPUTS_KEPT = 100
"""Of the last releases of one app."""


def run_release_process(
    view: View, lease: Lease, platform: Platform, now: float
) -> list[HostUnreachable]:
    """Places and starts it; when it has ended well the deploy goes on. The hosts that did not answer."""
    deploy, release = view.deploy, view.releasing
    if deploy is None or release is None:
        return []
    if any(row.dyno.release != release.number for row in view.release_processes):
        return []
    row = own_process(view)
    if row is None:
        number = platform.rng.randrange(1000, 10_000)
        dyno = Dyno(view.app.id, release.number, RELEASE, number)
        wanted = replace(view, release=release, dynos=frozenset({dyno}))
        placed = assign(wanted, [dyno], lease, platform, now, kind=Kind.RELEASE)
        return start_all(view.app, release, placed, lease, platform, now)
    if row.state is PULLING and (is_late(row, now) or not view.answers(row)):
        why = row.reason or "it took too long"
        give_up(row, lease, platform, now, reason=f"no image on host {row.host}: {why}")
        return []
    if row.state in (PLACED, PULLING):
        return start_all(view.app, release, [row], lease, platform, now)
    if row.exit_code == 0 and _is_read(row, now):
        _go_on(view, lease, platform, now)
    elif row.state is UP and row.deadline and now < row.deadline != deploy.deadline:
        platform.deploys.move(deploy, DeployState.RELEASING, deadline=row.deadline)
    return []


def own_process(view: View) -> Container | None:
    """That of the deploy that is under way."""
    return next(
        (
            row
            for row in view.release_processes
            if view.releasing is not None and row.dyno.release == view.releasing.number
        ),
        None,
    )


def why_release_failed(view: View, now: float) -> str | None:
    """None: it may yet end well, or nobody waits for one."""
    row = own_process(view)
    if row is None:
        return None
    host = view.hosts.get(row.host)
    if row.state is CRASHED:
        return f"{row.dyno.name} {row.reason}"
    if row.exit_code and _is_read(row, now):
        ended = f"the release process ended with status {row.exit_code}"
        return f"{ended}: {row.reason}" if row.was_out_of_memory else ended
    if (
        row.exit_code is None
        and row.state is not PULLING
        and (host is None or host.health is HostHealth.DOWN)
    ):
        return f"host {row.host} was lost while the release process ran there"
    return None


def is_late(row: Container, now: float) -> bool:
    return row.deadline is not None and row.deadline <= now


def _is_read(row: Container, now: float) -> bool:
    """Its log, to the end; or it ended so long ago that nobody waits for the log any more."""
    return row.is_logged or (bool(row.exits) and now > row.exits[-1] + LOG_SECONDS)


def _go_on(view: View, lease: Lease, platform: Platform, now: float) -> None:
    assert view.deploy is not None
    with platform.record.write():
        if platform.leases.holds(lease):
            deadline = deploy_deadline(platform.settings, now)
            platform.deploys.move(view.deploy, DeployState.STARTING, deadline=deadline)
            platform.apps.touch(view.app.id)


def clean_release_processes(view: View, platform: Platform, now: float) -> list[HostUnreachable]:
    """What has ended is removed with its output kept; what takes too long is ended."""
    troubles, gone = [], []
    for row in view.release_processes:
        try:
            if _clean(row, view, platform, now):
                gone.append(row.id)
        except HostUnreachable as error:
            troubles.append(error)
    platform.containers.move_all(gone, GONE, now)
    if gone:
        platform.apps.touch(view.app.id)  # the next one may begin
    return troubles


def _clean(row: Container, view: View, platform: Platform, now: float) -> bool:
    """Whether it is gone."""
    is_waited_for = view.releasing is not None and row.dyno.release == view.releasing.number
    host = view.hosts.get(row.host)
    if host is None or host.health is HostHealth.DOWN:
        return not is_waited_for
    if not view.answers(row):
        return False
    has_ended = row.state is CRASHED or (row.exit_code is not None and _is_read(row, now))
    is_dropped = view.app.destroyed_at is not None
    if row.state in (PLACED, PULLING) and not (is_waited_for or is_dropped):
        if was_started(row, platform):
            note_started(row, None, platform)
            return False
        is_dropped = True
    if not is_waited_for and (has_ended or is_dropped):
        _keep_output(row, platform)
        remove(row, platform)
        return True
    if row.state is UP and row.exit_code is None and is_late(row, now):
        signal(row, "SIGKILL", platform)
    return False


def output_name(app_id: str, release: int) -> str:
    """What the log store calls the kept output of a release process."""
    return f"release-{app_id}-{release}"


def printed(app_id: str, release: int, platform: Platform) -> Sequence[str]:
    """The lines of a release's process so far; none if it has none, or they are not kept any more."""
    for row in platform.containers.of(app_id):
        if row.kind is Kind.RELEASE and row.dyno.release == release:
            return _printed_by(row, platform)
    name, text, offset = output_name(app_id, release), b"", 0
    while True:
        piece, offset = platform.logs.read_output(name, offset)
        if not piece:
            return text.decode("utf-8", "replace").splitlines()
        text += piece


def _printed_by(row: Container, platform: Platform) -> Sequence[str]:
    lines, _ = platform.logs.tail(row.dyno.app_id, OUTPUT_LINES, container=row.id)
    return [line.text for line in lines]


def _keep_output(row: Container, platform: Platform) -> None:
    app_id, release = row.dyno.app_id, row.dyno.release
    name = output_name(app_id, release)
    with suppress(LogUnwritable):  # a full disk keeps nothing, and holds up nothing
        platform.logs.remove_output(name)  # of a step that was killed
        text = "".join(f"{line}\n" for line in _printed_by(row, platform))
        platform.logs.write_output(name, text)
        platform.logs.remove_output(output_name(app_id, release - OUTPUTS_KEPT))
