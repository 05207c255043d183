"""An image that was there already becomes the app's. Nothing is built, and nothing of it is run here."""

from collections.abc import Collection

from paas.builds.order import BuildFailed, Built, Order
from paas.engine.body import PLATFORM
from paas.engine.engine import ImageNotFetched, ImageSeen
from paas.model.build import Builder
from paas.model.container import Kind, container_name
from paas.model.image_reference import ImageReference
from paas.model.process import WEB

DEFAULT_PORT = 5000


def find_image(order: Order, name: ImageReference, archs: Collection[str]) -> ImageSeen:
    """That of the engine, or else fetched; `archs` are those of the hosts. Raises BuildFailed."""
    order.output.title(f"Image {name}")
    seen = order.engine.image(order.host.name, name) or _fetch(order, name)
    if PLATFORM in seen.labels:
        raise BuildFailed(
            f"{name} is an image that a platform made for an app. Of this app's own: paas rollback"
        )
    if not seen.command and not seen.entrypoint:
        raise BuildFailed(f"{name} has neither CMD nor ENTRYPOINT, so nothing says what to run")
    if seen.arch not in archs:
        raise BuildFailed(
            f"{name} is for {seen.arch}, and the hosts are {', '.join(sorted(archs))}"
        )
    return seen


def lasting_name(seen: ImageSeen) -> str:
    """What never means another image: its digest in a registry, or else the engine's id of it."""
    return seen.digests[0] if seen.digests else seen.id


def adopt_image(order: Order, name: ImageReference, seen: ImageSeen) -> Built:
    container = container_name(order.settings.platform, f"{order.build.container}-image")
    labels = {**order.labels, "paas.kind": str(Kind.BUILD)}
    image = order.engine.adopt(order.host.name, container, seen.id, order.tag, labels)
    port = seen.ports[0] if len(seen.ports) == 1 else DEFAULT_PORT
    return Built(image, {WEB: ""}, port, name, Builder.IMAGE)


def _fetch(order: Order, name: ImageReference) -> ImageSeen:
    if name.is_id:
        raise BuildFailed(
            f"no image {name} is there, and an id cannot be fetched. Name it by its registry"
        )
    order.output.line("Fetching it")
    try:
        for _ in order.engine.fetch(order.host.name, name):
            order.keeper.check()
    except ImageNotFetched as error:
        raise BuildFailed(f"{name} cannot be had: {order.output.clean(error.why)}") from None
    seen = order.engine.image(order.host.name, name)
    if seen is None:
        raise BuildFailed(f"the engine has no {name} though it has just fetched it")
    return seen
