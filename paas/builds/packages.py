"""What our buildpacks want of the stack: Debian packages beside the build image's own, and which image the app runs on.

A buildpack's file `packages` names them. The build image with them is made once per engine, by the first build that
needs it, so that nobody waits for a language that is not theirs.
"""

import fcntl
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import IO

from paas.builds.keep import LOOK_SECONDS
from paas.builds.order import BuildFailed, Order
from paas.builds.stack import host_proxies
from paas.engine.buildkit import BuildKitGone, DockerfileFailed, ImageBuild, Recipe
from paas.engine.engine import HostUnreachable, ImageMissing
from paas.model.buildpack import Buildpack, Origin
from paas.settings import Settings

PACKAGES = "packages"
SMALL = "small"
"""A buildpack has a file of this name if what it builds is a program by itself."""
APTFILE = "Aptfile"
_DOCKERFILE = """FROM {base}
USER root
RUN set -eu; export DEBIAN_FRONTEND=noninteractive; \\
    {{ apt-get -q update && apt-get -qy install {packages}; }} >/tmp/log 2>&1 || {{ tail -n 20 /tmp/log; exit 1; }}; \\
    rm -rf /tmp/log /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/log/*.log /var/log/apt
USER 20000:20000
"""


def run_image(order: Order, makers: Sequence[Buildpack]) -> str:
    """What an app made by these runs on. What an Aptfile brings counts on the libraries of the run image."""
    settings = order.settings
    are_small = [
        each.origin is Origin.OURS and (settings.buildpacks_dir / each.place / SMALL).exists()
        for each in makers
    ]
    if are_small and all(are_small) and APTFILE not in order.tree.root:
        return settings.stack_small
    return settings.stack_run


def build_image(order: Order, makers: Sequence[Buildpack]) -> str:
    """What these compile in, made if the engine does not have it. Raises BuildFailed or ImageMissing."""
    base, wanted = order.settings.stack_build, _wanted(order.settings, makers)
    if not wanted:
        return base
    image = _name_of(order, base, wanted)
    if order.engine.image(order.host.name, image) is None:
        with _turn(order):
            if order.engine.image(order.host.name, image) is None:  # nobody else has made it
                _make(order, base, sorted({*chain(*wanted.values())}), image)
    return image


def _wanted(settings: Settings, makers: Sequence[Buildpack]) -> Mapping[str, Sequence[str]]:
    """Packages, by the buildpack of ours that wants them."""
    ours = sorted({each.place for each in makers if each.origin is Origin.OURS})
    files = {name: settings.buildpacks_dir / name / PACKAGES for name in ours}
    return {
        name: sorted(file.read_text().split()) for name, file in files.items() if file.is_file()
    }


def _name_of(order: Order, base: str, wanted: Mapping[str, Sequence[str]]) -> str:
    """Another name for other packages, and for another build image of the same name."""
    seen = order.engine.image(order.host.name, base)
    if seen is None:
        raise ImageMissing(order.host.name, base)
    tags = sorted((tag for tag in seen.tags if tag.endswith("-build")), key=lambda tag: tag != base)
    digest = hashlib.sha256(f"{seen.id} {dict(wanted)}".encode()).hexdigest()
    return f"{(tags or [base])[0]}-{'-'.join(wanted)}-{digest[:12]}"


@contextmanager
def _turn(order: Order) -> Iterator[None]:
    """One build at a time makes such images; the others wait, and are ended as ever."""
    with (order.settings.builds / "packages.lock").open("w") as lock:
        if not _is_taken(lock):
            order.output.title("Waiting for another build, which prepares the stack")
            while not _is_taken(lock):
                order.keeper.wait(LOOK_SECONDS)
        yield


def _is_taken(lock: IO[str]) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _make(order: Order, base: str, packages: Sequence[str], image: str) -> None:
    order.output.title(
        f"Installing Debian packages into the stack: {', '.join(packages)} (once, about a minute)"
    )
    context, scratch = order.folder / "packages", order.folder / "packages-scratch"
    context.mkdir(exist_ok=True)
    scratch.mkdir(exist_ok=True)
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(_DOCKERFILE.format(base=base, packages=" ".join(packages)))
    recipe = Recipe(
        context=context, dockerfile=dockerfile, engine_url=order.host.url, tag=image, labels={}, scratch=scratch,
        args=host_proxies(),
    )  # fmt: skip
    making = ImageBuild(recipe)
    said: list[str] = []
    try:
        with order.keeper.ending(making.end):
            said += making.lines()
    finally:
        making.close()
    try:
        making.image()
    except DockerfileFailed as error:
        for line in said[-20:]:
            order.output.line(order.output.clean(line))
        raise BuildFailed(f"the stack could not be given {', '.join(packages)}: {error}") from None
    except BuildKitGone as error:
        raise HostUnreachable(order.host.name, str(error)) from None
