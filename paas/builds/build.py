"""STEP 2  source -> image: checked, detected, built."""

from paas.builds import buildpack, dockerfile
from paas.builds.order import BuildFailed, Built, Order

BUILDERS = (dockerfile, buildpack)
"""In the order in which they are asked."""


def build_image(order: Order) -> Built:
    """Raises BuildFailed, InvalidProcfile, BuildCancelled, BuildTooLong or HostUnreachable."""
    for builder in BUILDERS:
        if builder.detect(order.tree) is not None:
            built: Built = builder.build(order)
            return built
    raise BuildFailed("the tree is empty")
