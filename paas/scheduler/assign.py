"""Gives each missing dyno a host, an address and a row, before anything exists."""

import uuid
from collections import Counter
from collections.abc import Sequence

from paas.model.build import Build, BuildState, Image
from paas.model.container import FILLS, PLACED, Container, Kind
from paas.model.formation import Dyno
from paas.scheduler.deploy import DEPLOY_SECONDS
from paas.scheduler.place import NoAddressLeft, NoHostReady, free_address, place, unreserved
from paas.scheduler.spec import new_id, serves
from paas.scheduler.view import View
from paas.store.leases import Lease
from paas.wiring import Platform

REBUILD_AGAIN_SECONDS = 300.0
"""After a build of a lost image that failed."""


def assign(
    view: View, dynos: Sequence[Dyno], lease: Lease, platform: Platform, now: float
) -> Sequence[Container]:
    if view.release is None or view.release.image is None:
        return []
    image = platform.builds.image(view.release.image)
    if image is None:
        return []
    if not image.where:
        _ask_for_image(view, image, platform, now)
        return []
    hosts = {host.name: host for host in platform.hosts.all() if host.name in image.where}
    memory_mb = platform.settings.memory_mb
    placed: list[Container] = []
    blocked: str | None = None
    with platform.record.write():
        live = list(platform.containers.live())
        taken = {name: set(platform.containers.leased(name, now)) for name in hosts}
        for dyno in dynos:
            siblings = Counter(
                row.host for row in live if row.state in FILLS and _is_sibling(row.dyno, dyno)
            )
            seed = platform.rng.getrandbits(32)
            rng = type(platform.rng)(seed)
            try:
                spot = place(
                    dyno,
                    list(hosts.values()),
                    siblings=siblings,
                    unreserved_mb=unreserved(hosts.values(), live, memory_mb),
                    memory_mb=memory_mb,
                    arch=image.arch,
                    rng=rng,
                )
                address = free_address(hosts[spot.host], taken[spot.host], rng)
            except (NoHostReady, NoAddressLeft) as error:
                blocked = str(error)
                break
            row = Container(
                id=new_id(platform.rng),
                dyno=dyno,
                kind=Kind.DYNO,
                host=spot.host,
                state=PLACED,
                since=now,
                placed_at=now,
                address=address,
                port=image.port if serves(dyno.process) else None,
                placement=spot.explain(seed),
            )
            taken[spot.host].add(address)
            live.append(row)
            placed.append(row)
        if blocked != view.app.blocked:
            platform.apps.block(view.app.id, blocked)
            _set_deadline(view, blocked, platform, now)
        return placed if platform.containers.add(placed, lease) else []


def _set_deadline(view: View, blocked: str | None, platform: Platform, now: float) -> None:
    """A deploy waits for room as long as a container may take to start; with room, as long as any other."""
    if view.deploy is None:
        return
    seconds = platform.settings.start_seconds
    if blocked is None:
        platform.deploys.move(
            view.deploy, view.deploy.state, deadline=now + seconds + DEPLOY_SECONDS
        )
    elif view.app.blocked is None:
        platform.deploys.move(view.deploy, view.deploy.state, deadline=now + seconds)


def _ask_for_image(view: View, image: Image, platform: Platform, now: float) -> None:
    """No engine has it any more: it is built again from the kept source, and placed by itself after that."""
    text = (
        f"the image of v{view.app.wanted_release} is gone; it is being built again from its source"
    )
    if view.app.blocked != text:
        platform.apps.block(view.app.id, text)
    builds = platform.builds.of(view.app.id)
    is_tried = any(build.image == image.id and (build.ended_at or now) > now - REBUILD_AGAIN_SECONDS
                   and build.created_at > image.created_at for build in builds)  # fmt: skip
    if is_tried or any(not build.state.is_over for build in builds):
        return
    build = Build(
        id=str(uuid.uuid4()),
        app_id=view.app.id,
        state=BuildState.QUEUED,
        source=image.source,
        commit=image.commit,
        person=view.app.owner,
        created_at=now,
        image=image.id,
    )
    platform.builds.add(build)
    platform.wire.build(build.id, platform.settings.build_seconds)


def _is_sibling(one: Dyno, other: Dyno) -> bool:
    return (one.app_id, one.process) == (other.app_id, other.process)
