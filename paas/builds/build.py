"""STEP 2  source -> image: checked, detected, built."""

from paas.builds import buildpack, dockerfile
from paas.builds.choice import choose
from paas.builds.order import Built, Order
from paas.builds.subfolder import narrowed
from paas.model.build import Builder
from paas.model.build_config import LISTS


def build_image(order: Order) -> Built:
    """Raises BuildFailed, InvalidProcfile, BuildCancelled, BuildTooLong or HostUnreachable."""
    order = narrowed(order)
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
