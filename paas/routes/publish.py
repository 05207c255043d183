"""Tells the world: an app's containers and domains as one route."""

from collections.abc import Iterable, Sequence

from paas.model.app import App
from paas.model.container import CRASHED, GONE, UP, Container
from paas.model.deploy import Deploy, DeployState
from paas.model.process import WEB
from paas.model.route import Backend, Route, RouteMode, Version
from paas.routes.table import TableEmpty
from paas.store.leases import Lease
from paas.wiring import Platform

ENDED = frozenset({CRASHED, GONE})


def publish(
    app: App, rows: Iterable[Container], deploy: Deploy | None, lease: Lease, platform: Platform
) -> Version:
    """Writes the app's route; the same is not written twice. The version that brought it.

    Fills the table first when it is empty. Raises StaleFence when somebody else holds the lease by now.
    """
    route = route_of(app, rows, deploy, platform)
    for _ in range(2):
        try:
            if app.destroyed_at is not None:
                return platform.routes.remove(app.id, lease.fence)
            return platform.routes.publish(route, lease.fence)
        except TableEmpty:
            fill(platform)
    raise TableEmpty


def route_of(
    app: App, rows: Iterable[Container], deploy: Deploy | None, platform: Platform
) -> Route:
    """What the record says it is now."""
    settings = platform.settings
    own = f"{app.name}.{settings.apps_domain}"
    release = serving_release(app, deploy)
    backends = () if app.stopped else tuple(_backends(rows, release))
    claimed = (str(domain.hostname) for domain in platform.domains.of(app.id))
    return Route(
        app_id=app.id,
        app=app.name,
        hostnames=(own, *claimed),
        backends=backends,
        mode=_mode(app, release, platform, is_answered=bool(backends)),
        drain_seconds=int(settings.drain_seconds),
    )


def serving_release(app: App, deploy: Deploy | None) -> int | None:
    """The old release until the switch, the new one from then on."""
    if deploy is not None and deploy.state is DeployState.SWITCHING:
        return deploy.release
    return app.current_release


def _backends(rows: Iterable[Container], release: int | None) -> Iterable[Backend]:
    for row in rows:
        if row.state is UP and row.endpoint is not None and row.dyno.release == release:
            yield Backend(row.id, row.dyno.name, *row.endpoint)


def _mode(app: App, release: int | None, platform: Platform, *, is_answered: bool) -> RouteMode:
    if app.stopped:
        return RouteMode.STOPPED
    if not is_answered and release is not None and _has_crashed(app, release, platform):
        return RouteMode.CRASHED
    return RouteMode.SERVING


def _has_crashed(app: App, release: int, platform: Platform) -> bool:
    """In each web place the last container that ended had crashed; a new try counts when it is up."""
    processes = platform.releases.get(app.id, release).processes
    places = platform.formations.of(app.id).dynos(release, processes)
    web = {place for place in places if place.process == WEB}
    ended = {
        row.dyno: row.crashed_at is not None
        for row in platform.containers.of(app.id, gone=True)
        if row.state in ENDED
    }
    return bool(web) and all(ended.get(place, False) for place in web)


def fill(platform: Platform) -> Version:
    """Fills an empty table from the record's rows alone; one that is not empty is left as it is."""
    with platform.record.read():
        apps: Sequence[App] = platform.apps.all()
        by_app: dict[str, list[Container]] = {app.id: [] for app in apps}
        for row in platform.containers.in_states([UP]):
            by_app.setdefault(row.dyno.app_id, []).append(row)
        fences = platform.leases.fences()
    routes = [
        route_of(app, by_app[app.id], platform.deploys.open(app.id), platform) for app in apps
    ]
    version = platform.routes.fill(routes, fences)
    platform.routers.set_epoch(version.epoch)
    return version
