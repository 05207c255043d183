"""A tree with a Dockerfile: BuildKit makes the image."""

from collections.abc import Mapping

from paas.builds.choice import DOCKERFILE
from paas.builds.order import BuildFailed, Built, Order
from paas.builds.procfile import read_procfile
from paas.builds.sources import Tree, unpack
from paas.builds.stack import host_proxies
from paas.engine.buildkit import BuildKitGone, DockerfileFailed, ImageBuild, Recipe
from paas.engine.engine import HostUnreachable, ImageSeen
from paas.model.build import Builder
from paas.model.process import ONCE, WEB

DEFAULT_PORT = 5000
OWN_CACHES = "BUILDKIT_CACHE_MOUNT_NS"
"""The argument by which BuildKit keeps cache mounts of the same name apart: one app's are not another's."""
INDENT = "       "


def detect(tree: Tree) -> str | None:
    return DOCKERFILE if DOCKERFILE in tree.root else None


def build(order: Order) -> Built:
    """Raises BuildFailed."""
    processes = read_procfile(order.tree.procfile) if order.tree.procfile is not None else {}
    says_what_to_run = bool(processes.keys() - ONCE)
    order.output.title("Building the Dockerfile")
    image = _build(order)
    seen = order.engine.image(order.host.name, image)
    if seen is None:
        raise BuildFailed(f"the engine has no image {image} though it has just built it")
    if not says_what_to_run and not seen.command and not seen.entrypoint:
        raise BuildFailed(
            "the image has neither CMD nor ENTRYPOINT, and the tree no Procfile that says what to run. "
            'Add a line such as CMD ["./server"] to the Dockerfile'
        )
    run: Mapping[str, str] = processes if says_what_to_run else {WEB: "", **processes}
    return Built(image, run, _port(seen), DOCKERFILE, Builder.DOCKERFILE)


def _build(order: Order) -> str:
    context, scratch = order.folder / "tree", order.folder / "scratch"
    context.mkdir()
    scratch.mkdir()
    unpack(order.source, context)
    recipe = Recipe(
        context=context,
        engine_url=order.host.url,
        tag=order.tag,
        labels=order.labels,
        scratch=scratch,
        args={**host_proxies(), OWN_CACHES: order.app.id},
    )
    running = ImageBuild(recipe)
    try:
        with order.keeper.ending(running.end):
            for line in running.lines():
                order.output.feed(f"{line}\n".encode(), INDENT)
    finally:
        running.close()
        order.output.end(INDENT)
    try:
        return running.image()
    except DockerfileFailed as error:
        raise BuildFailed(order.output.clean(str(error))) from None
    except BuildKitGone as error:
        raise HostUnreachable(order.host.name, order.output.clean(str(error))) from None


def _port(seen: ImageSeen) -> int:
    """That of EXPOSE, if there is exactly one."""
    return seen.ports[0] if len(seen.ports) == 1 else DEFAULT_PORT
