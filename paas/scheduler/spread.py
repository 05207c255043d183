"""Brings images to hosts: from an engine that has one into the registry, and from there to whoever is to run it.

A platform whose only host is local has no registry, and nothing here does anything.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from paas.engine.engine import HostUnreachable, ImageMissing, RegistryFailed
from paas.errors import PaasError
from paas.model.build import Image
from paas.model.container import PULLING
from paas.model.host import Host, HostHealth
from paas.scheduler.spec import image_name
from paas.scheduler.wake import wake
from paas.wiring import Platform

HOSTS_AT_ONCE = 10
"""To so many an image goes before anything of it is placed; to another when something is."""


@dataclass(frozen=True, slots=True)
class Sent:
    where: Mapping[str, str]
    """The hosts that have it, and what each calls it."""
    digest: str | None
    """None: the registry has not."""
    troubles: Sequence[str]


def send(where: Mapping[str, str], repository: str, tag: str, platform: Platform) -> Sent:
    """A new image, from a host of `where` to every ready one, up to HOSTS_AT_ONCE. What fails is told, not raised."""
    others = _elsewhere(platform)
    if not others:
        return Sent(where, None, ())
    try:
        digest = _publish(where, repository, tag, platform)
    except (RegistryFailed, ImageMissing, HostUnreachable) as error:
        return Sent(where, None, (str(error),))
    is_ready = [host.name for host in others if host.health is HostHealth.UP]
    pulled = _pull(digest, is_ready[:HOSTS_AT_ONCE], platform)
    there = {host: digest for host, trouble in pulled.items() if trouble is None}
    troubles = [str(trouble) for trouble in pulled.values() if trouble is not None]
    return Sent({**where, **there}, digest, troubles)


def spread(image_id: str, platform: Platform) -> None:
    """An image of before: into the registry, and to every host where a container waits for it. Safe to repeat."""
    image = platform.builds.image(image_id)
    if image is None or image.removed_at is not None or not _elsewhere(platform):
        return
    digest = image.digest or _register(image, platform)
    waiting = [row for row in platform.containers.of(image.app_id) if row.state is PULLING]
    for host, trouble in _pull(digest, sorted({row.host for row in waiting}), platform).items():
        if trouble is None:
            platform.builds.place_image(image.id, host, digest)
        elif isinstance(trouble, ImageMissing):
            platform.builds.publish_image(image.id, None)  # the next try brings it there again
        for row in waiting:
            if row.host == host and trouble is not None:
                platform.containers.note(row.id, reason=str(trouble))
    if waiting:
        wake([image.app_id], platform)


def spread_all(platform: Platform) -> Sequence[str]:
    """Every kept image into the registry: from here on any host may run it. What could not be brought there."""
    troubles = []
    for app in platform.apps.all():
        for image in platform.builds.images(app.id):
            if image.digest is None and image.where:
                try:
                    _register(image, platform)
                except PaasError as error:
                    troubles.append(str(error))
    return troubles


def _register(image: Image, platform: Platform) -> str:
    app = platform.apps.get(image.app_id)
    repository = image_name(platform.settings.platform, app)
    digest = _publish(image.where, repository, image.id, platform)
    platform.builds.publish_image(image.id, digest)
    return digest


def _publish(where: Mapping[str, str], repository: str, tag: str, platform: Platform) -> str:
    """From the first host that has it. Raises ImageMissing, RegistryFailed or HostUnreachable."""
    up = [host.name for host in platform.hosts.all() if host.health is HostHealth.UP]
    sources = [host for host in where if host in up]
    if not sources:
        raise RegistryFailed(", ".join(where) or "none", "no host that answers has the image")
    return platform.engine.push(sources[0], where[sources[0]], repository, tag)


def _pull(digest: str, hosts: Sequence[str], platform: Platform) -> Mapping[str, PaasError | None]:
    """Side by side: one that hangs keeps no other waiting. By host; None: it has it."""
    if not hosts:
        return {}
    with ThreadPoolExecutor(HOSTS_AT_ONCE, thread_name_prefix="pull") as threads:
        return dict(zip(hosts, threads.map(partial(_try, digest, platform), hosts), strict=True))


def _try(digest: str, platform: Platform, host: str) -> PaasError | None:
    try:
        platform.engine.pull(host, digest)
    except (RegistryFailed, ImageMissing, HostUnreachable) as error:
        return error
    return None


def _elsewhere(platform: Platform) -> Sequence[Host]:
    """The hosts that get images from the registry. By name."""
    return [host for host in platform.hosts.all() if not host.is_local and host.is_registered]
