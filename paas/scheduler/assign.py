"""Gives each missing dyno a host, an address and a row, before anything exists."""

import random
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from paas.model.build import Build, Builder, BuildState, Image
from paas.model.container import PLACED, Container, Kind
from paas.model.formation import Dyno
from paas.model.host import Host
from paas.scheduler.deadline import deploy_deadline
from paas.scheduler.place import NoAddressLeft, NoHostReady, Placer, free_spot
from paas.scheduler.spec import new_id, serves
from paas.scheduler.view import View
from paas.store.leases import Lease
from paas.wiring import Platform

REBUILD_AGAIN_SECONDS = 300.0
"""After a build of a lost image that failed."""


def assign(
    view: View,
    dynos: Sequence[Dyno],
    lease: Lease,
    platform: Platform,
    now: float,
    *,
    kind: Kind = Kind.DYNO,
) -> Sequence[Container]:
    if view.release is None or view.release.image is None:
        return []
    image = platform.builds.image(view.release.image)
    if image is None:
        return []
    if not image.where and image.digest is None:
        if kind is not Kind.RUN:
            _ask_for_image(view, image, platform, now)
        return []
    with platform.record.write():
        hosts = {host.name: host for host in _hosts(image, platform)}
        placer = Placer(
            list(hosts.values()),
            platform.containers.filling(),
            # The others go, and where they are says nothing about where these will be together.
            [
                row
                for row in platform.containers.of(view.app.id)
                if row.dyno in view.dynos and not view.is_leaving(row)
            ],
            memory_mb=platform.settings.memory_mb,
            arch=image.arch,
        )
        placed, blocked = place_all(
            dynos, hosts, placer, image, lambda host: platform.containers.leased(host, now),
            platform.rng, now,
        )  # fmt: skip
        if blocked != view.app.blocked and kind is not Kind.RUN:
            platform.apps.block(view.app.id, blocked)
            _set_deadline(view, blocked, platform, now)
        placed = [replace(row, kind=kind) for row in placed]
        return placed if platform.containers.add(placed, lease) else []


def _hosts(image: Image, platform: Platform) -> Sequence[Host]:
    """Where it is not yet, it is pulled; a host that keeps us waiting is left out, if another is ready."""
    known = [
        host
        for host in platform.hosts.all()
        if host.name in image.where or image.digest is not None
    ]
    stuck = platform.threads.stuck()
    quick = [host for host in known if host.name not in stuck]
    return quick if any(host.is_ready for host in quick) else known


def place_all(
    dynos: Sequence[Dyno],
    hosts: Mapping[str, Host],
    placer: Placer,
    image: Image,
    leased: Callable[[str], Collection[str]],
    rng: random.Random,
    now: float,
) -> tuple[list[Container], str | None]:
    """Their rows, as far as there is room; and what the next one waits for, if there is not. Pure.

    `leased` tells what may not be given out on a host; it is asked for those hosts that get something.
    """
    placed: list[Container] = []
    taken: dict[str, set[str]] = {}
    for dyno in dynos:
        seed = rng.getrandbits(32)
        chance = random.Random(seed)
        port = image.port if serves(dyno.process) else None
        try:
            placement = placer.place(dyno, chance)
            host = hosts[placement.host]
            if host.name not in taken:
                taken[host.name] = set(leased(host.name))
            spot = free_spot(host, port, taken[host.name], chance)
        except (NoHostReady, NoAddressLeft) as error:
            return placed, str(error)
        taken[host.name].add(str(spot.published or spot.address))
        placed.append(
            Container(
                id=new_id(rng),
                dyno=dyno,
                kind=Kind.DYNO,
                host=host.name,
                state=PLACED,
                since=now,
                placed_at=now,
                address=spot.address,
                port=port,
                published=spot.published,
                placement=placement.explain(seed),
            )
        )
    return placed, None


def _set_deadline(view: View, blocked: str | None, platform: Platform, now: float) -> None:
    """A deploy waits for room as long as a container may take to start; with room, as long as any other."""
    if view.deploy is None or view.release is None or view.deploy.release != view.release.number:
        return
    if blocked is None:
        deadline = deploy_deadline(platform.settings, now)
        platform.deploys.move(view.deploy, view.deploy.state, deadline=deadline)
    elif view.app.blocked is None:
        deadline = now + platform.settings.start_seconds
        platform.deploys.move(view.deploy, view.deploy.state, deadline=deadline)


def _ask_for_image(view: View, image: Image, platform: Platform, now: float) -> None:
    """No engine has it any more: it is made again as it was made, and placed by itself after that."""
    again = "fetched again" if image.builder is Builder.IMAGE else "built again from its source"
    text = f"the image of v{view.app.wanted_release} is gone; it is being {again}"
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
