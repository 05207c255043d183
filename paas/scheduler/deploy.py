"""How a deploy ends: the switch, its success, its failure. What is wanted says which way the app is going."""

from paas.logs.store import say
from paas.model.container import FILLS, RETIRING
from paas.model.deploy import Deploy, DeployState
from paas.model.process import POSTDEPLOY
from paas.model.route import Version
from paas.scheduler.plan import Plan
from paas.scheduler.view import View
from paas.scheduler.wake import wake
from paas.store.leases import Lease
from paas.wiring import Platform


def fail(view: View, lease: Lease, platform: Platform, now: float, why: str | None = None) -> bool:
    """`why`, if there is one, the first crash of a new container before the switch is done, or a passed deadline before
    it is begun, ends the deploy.

    False, as of the others here, when the lease was lost: what was seen may not be so any more.
    """
    deploy = view.deploy
    if deploy is None:
        return False
    crashed = [
        row
        for row in view.crashes
        if row.dyno.release == deploy.release and (row.crashed_at or 0) >= deploy.created_at
    ]
    if why is not None:
        reason = why
    elif crashed:
        reason = f"{crashed[0].dyno.name} {crashed[0].reason}"
    elif deploy.deadline <= now and deploy.state is DeployState.RELEASING:
        seconds = f"{platform.settings.release_seconds:g} s"
        reason = view.app.blocked or f"the release process took more than {seconds}"
    elif deploy.deadline <= now and deploy.state is not DeployState.SWITCHING:
        reason = view.app.blocked or "it took too long"
    else:
        return False
    return _end(view, deploy, reason, lease, platform, now)


def fail_switch(view: View, version: Version, lease: Lease, platform: Platform, now: float) -> bool:
    """Some router has not acknowledged in time the version of the table that brought the switch.

    That is asked of those who have not; that nobody looked in time is no fault of theirs.
    """
    deploy = view.deploy
    if deploy is None or deploy.state is not DeployState.SWITCHING or deploy.deadline > now:
        return False
    routers = platform.routers.counting()
    silent = [
        router.name
        for router in routers
        if router.epoch != version.epoch or (router.number or 0) < version.number
    ]
    if routers and not silent:
        return False  # the last of them has, just now
    reason = f"router {', '.join(silent)} did not acknowledge the new routes"
    if not routers:
        reason = "no router is registered. See: paas doctor"
    return _end(view, deploy, reason, lease, platform, now)


def _end(
    view: View, deploy: Deploy, reason: str, lease: Lease, platform: Platform, now: float
) -> bool:
    with platform.record.write():
        if not platform.leases.holds(lease) or not platform.deploys.end(
            deploy, DeployState.FAILED, now, reason
        ):
            return False
        platform.apps.settle(view.app.id, view.app.current_release, now)
        platform.formations.settle(view.app.id, is_live=False)
        platform.apps.touch(view.app.id)
    say(platform.logs, view.app.id, "api", f"Release v{deploy.release} failed: {reason}", now)
    return True


def switch(view: View, plan: Plan, lease: Lease, platform: Platform, now: float) -> None:
    """All of wanted is up: the next table takes the new in and the old out."""
    if view.deploy is None or view.deploy.state is not DeployState.STARTING or not plan.is_up:
        return
    deadline = now + platform.settings.acknowledge_seconds
    with platform.record.write():
        if platform.leases.holds(lease):
            platform.deploys.move(view.deploy, DeployState.SWITCHING, deadline=deadline)


def succeed(view: View, lease: Lease, platform: Platform, now: float) -> bool:
    """Every router has the switch: the new release is current, and the old containers retire."""
    deploy = view.deploy
    if deploy is None or deploy.state is not DeployState.SWITCHING:
        return False
    with platform.record.write():
        if not platform.leases.holds(lease) or not platform.deploys.end(
            deploy, DeployState.SUCCEEDED, now
        ):
            return False
        platform.apps.settle(view.app.id, deploy.release, now)
        platform.formations.settle(view.app.id, is_live=True)
        if view.release is not None:
            platform.formations.keep_only(view.app.id, view.release.processes)
            if POSTDEPLOY in view.release.processes:
                platform.deploys.note_postdeploy(deploy, is_due=True)
        old = [
            row.id for row in view.rows if row.dyno.release != deploy.release and row.state in FILLS
        ]
        platform.containers.move_all(old, RETIRING, now, lease, exit_code=None)
        platform.apps.touch(view.app.id)
    wake(platform.apps.blocked(), platform)  # there is room
    say(platform.logs, view.app.id, "api", f"Deployed v{deploy.release}", now)
    platform.wire.upkeep("tidy_app", view.app.id)
    return True
