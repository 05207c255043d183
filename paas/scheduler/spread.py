"""Brings images to hosts: from an engine that has one into the registry, and from there to whoever is to run it.

A platform whose only host is local has no registry, and nothing here does anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

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
    ready = [host.name for host in others if host.is_ready]
    pulled = dict(_pull(digest, ready[:HOSTS_AT_ONCE], platform))
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
    for host, trouble in _pull(digest, sorted({row.host for row in waiting}), platform):
        platform.containers.note_all(
            [row.id for row in waiting if row.host == host],
            reason=None if trouble is None else str(trouble),
        )
        if trouble is None:
            platform.builds.place_image(image.id, host, digest)
        elif isinstance(trouble, ImageMissing):
            platform.builds.publish_image(image.id, None)
            platform.wire.upkeep("spread_images")  # from a host that has it, if there is one
        else:
            continue  # nothing is new: the sweep tries again
        wake([image.app_id], platform)


def spread_all(platform: Platform) -> Sequence[str]:
    """Every kept image that is not in the registry: from then on any host may run it. What could not be brought there.

    The sweep asks for it as long as there is such an image.
    """
    troubles = []
    for image in unregistered(platform):
        try:
            _register(image, platform)
            wake([image.app_id], platform)
        except PaasError as error:
            troubles.append(str(error))
    return troubles


def unregistered(platform: Platform) -> Sequence[Image]:
    """The kept images that only the engines have, and that other hosts may be asked to run."""
    return platform.builds.unregistered_images() if _elsewhere(platform) else []


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


def _pull(
    digest: str, hosts: Sequence[str], platform: Platform
) -> Iterator[tuple[str, PaasError | None]]:
    """Side by side; each host as soon as it has it (None), or has not."""
    with ThreadPoolExecutor(HOSTS_AT_ONCE, thread_name_prefix="pull") as threads:
        pulls = {threads.submit(_try, digest, platform, host): host for host in hosts}
        for pull in as_completed(pulls):
            yield pulls[pull], pull.result()


def _try(digest: str, platform: Platform, host: str) -> PaasError | None:
    try:
        platform.engine.pull(host, digest)
    except (RegistryFailed, ImageMissing, HostUnreachable) as error:
        return error
    return None


def _elsewhere(platform: Platform) -> Sequence[Host]:
    """The hosts that get images from the registry. By name."""
    return [host for host in platform.hosts.all() if not host.is_local and host.is_registered]
