"""STEP 2  source -> image: taken in, checked, detected, built."""

from collections.abc import Collection
from dataclasses import replace

from paas.builds import buildpack, dockerfile
from paas.builds.adopt import adopt_image, find_image, lasting_name
from paas.builds.choice import choose
from paas.builds.fetch_source import check_sum, fetch_source
from paas.builds.order import Built, Order
from paas.builds.sources import SourceStore
from paas.model.build import Builder, Source
from paas.model.build_config import LISTS
from paas.model.image_reference import ImageReference
from paas.store.builds import BuildStore
from paas.store.cipher import Cipher


def make_image(given: Source, order: Order, builds: BuildStore, archs: Collection[str]) -> Built:
    """`archs` are those of the hosts. Raises what `build_image` raises."""
    if given.image is None:
        return build_image(order)
    name = ImageReference(given.image)
    seen = find_image(order, name, archs)
    builds.note_source(given.id, image=lasting_name(seen))
    return adopt_image(order, name, seen)


def build_image(order: Order) -> Built:
    """Raises BuildFailed, InvalidProcfile, BuildCancelled, BuildTooLong or HostUnreachable."""
    if order.makers.builder is Builder.DOCKERFILE:
        return dockerfile.build(order)
    if order.makers.builder is None and order.makers.build_config.dockerfile is not None:
        return dockerfile.build(order)
    choice = choose(order.makers.buildpacks, order.config.vars, order.tree, order.settings)
    if choice is None and order.makers.builder is None and dockerfile.detect(order.tree):
        return dockerfile.build(order)
    config = order.makers.build_config
    if idle := [name for name in ("target", *LISTS) if getattr(config, name)]:
        order.output.complain(
            f"No Dockerfile is built: of no effect is what sets {', '.join(idle)}"
        )
    return buildpack.build(order, choice)


def take_in(
    given: Source, order: Order, builds: BuildStore, sources: SourceStore, cipher: Cipher
) -> Order:
    """The same order with its tree, fetched if need be and checked. Raises BuildFailed or InvalidSource."""
    if given.url is not None:
        if not sources.has(given.id):
            fetch_source(order, given, cipher.open(given.url), sources)
    elif given.checksum is not None:
        check_sum(sources, given.id, given.checksum)
        builds.note_source(given.id, checksum=None)  # unzipped, it is another file
    return replace(order, tree=sources.check(given.id, order.settings.source_mb))
