"""A tree with a Dockerfile: BuildKit makes the image."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from paas.builds.choice import DOCKERFILE
from paas.builds.explain_failure import Attempt, explain
from paas.builds.instructions import SIZE_LIMIT, read_dockerfile
from paas.builds.order import BuildFailed, Built, Order
from paas.builds.procfile import read_procfile
from paas.builds.secret_mounts import Rewritten, rewrite
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
NAMED = 12
"""As many Dockerfiles are named in a message."""

_OF_AN_APP = re.compile(r"(?:\[[^]]*\] )?FROM (?:docker\.io/)?(paas/(?!stack[:@])\S+)")
"""What BuildKit says when it has found out what an image's name comes to: those of FROM and of every `from=`."""


def detect(tree: Tree) -> str | None:
    return DOCKERFILE if DOCKERFILE in tree.root else None


def build(order: Order) -> Built:
    """Raises BuildFailed."""
    processes = read_procfile(order.tree.procfile) if order.tree.procfile is not None else {}
    says_what_to_run = bool(processes.keys() - ONCE)
    name = order.makers.build_config.dockerfile or DOCKERFILE
    target = order.makers.build_config.target
    order.output.title(f"Building {_called(name)}{f', stage {target}' if target else ''}")
    image = _build(order, name)
    seen = order.engine.image(order.host.name, image)
    if seen is None:
        raise BuildFailed(f"the engine has no image {image} though it has just built it")
    if not says_what_to_run and not seen.command and not seen.entrypoint:
        raise BuildFailed(
            "the image has neither CMD nor ENTRYPOINT, and the tree no Procfile that says what to run. "
            'Add a line such as CMD ["./server"] to the Dockerfile'
        )
    if seen.entrypoint and processes:
        order.output.line(
            "The image's ENTRYPOINT gets each command of the Procfile as its arguments, and is to run them"
        )
    run: Mapping[str, str] = processes if says_what_to_run else {WEB: "", **processes}
    return Built(image, run, _port(seen), DOCKERFILE, Builder.DOCKERFILE)


def _called(name: str) -> str:
    return "the Dockerfile" if name == DOCKERFILE else name


def _build(order: Order, name: str) -> str:
    context, scratch = order.folder / "tree", order.folder / "scratch"
    context.mkdir()
    scratch.mkdir()
    unpack(order.source, context)
    text = _read(context, name)
    secret_ids = _secret_ids(order)
    rewritten = rewrite(text, secret_ids)
    _remark(order, text, rewritten)
    config, values = order.makers.build_config, order.config.vars
    given = {var: values[var] for var in config.args if var in values}
    recipe = Recipe(
        context=context,
        dockerfile=_lay_out(context, name, scratch, rewritten.text),
        target=config.target,
        engine_url=order.host.url,
        tag=order.tag,
        labels=order.labels,
        scratch=scratch,
        args={**host_proxies(), **given, OWN_CACHES: order.app.id},
        secrets={secret_id: values[var] for var, secret_id in secret_ids.items()},
    )
    try:
        return _run(order, recipe, rewritten)
    except DockerfileFailed as error:
        docker = order.engine.facts(order.host.name).engine_version
        memory_mb = order.settings.all_builds_mb
        attempt = Attempt(name, read_dockerfile(text), config.target, docker, memory_mb)
        why = explain(rewritten.shown(str(error)), attempt)
        raise BuildFailed(order.output.clean(why)) from None


def _run(order: Order, recipe: Recipe, rewritten: Rewritten) -> str:
    """The engine's id of the image. Raises DockerfileFailed."""
    running = ImageBuild(recipe)
    try:
        with order.keeper.ending(running.end):
            for line in running.lines():
                if foreign := _OF_AN_APP.match(line):
                    running.end()
                    raise BuildFailed(f"{foreign[1]} is an app's image, and no base for another")
                order.output.feed(f"{rewritten.shown(line)}\n".encode(), INDENT)
    finally:
        running.close()
        order.output.end(INDENT)
    try:
        return running.image()
    except BuildKitGone as error:
        raise HostUnreachable(order.host.name, order.output.clean(str(error))) from None


def _read(context: Path, name: str) -> str:
    """Raises BuildFailed."""
    path = context / name
    if not path.is_file():
        there = sorted(
            str(found.relative_to(context))
            for found in context.rglob("*")
            if DOCKERFILE in found.name and found.is_file()
        )
        named = f"Dockerfiles are {', '.join(there[:NAMED])}" if there else "there is no Dockerfile"
        raise BuildFailed(f"there is no {name} in the tree (build setting dockerfile); {named}")
    if path.stat().st_size > SIZE_LIMIT:
        raise BuildFailed(f"{name} is larger than {SIZE_LIMIT >> 20} MB")
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _lay_out(context: Path, name: str, scratch: Path, text: str) -> Path:
    """What BuildKit reads: outside the tree, so that no step copies it; with the .dockerignore that is its own."""
    copy = scratch / DOCKERFILE
    copy.write_bytes(text.encode("utf-8", "surrogateescape"))
    own_ignore = context / f"{name}.dockerignore"
    if own_ignore.is_file():
        shutil.copyfile(own_ignore, scratch / f"{DOCKERFILE}.dockerignore")
    return copy


def _secret_ids(order: Order) -> Mapping[str, str]:
    """Config var -> the id of its secret. Raises BuildFailed: without one that it should have, a build is of no use."""
    names, values = order.makers.build_config.secrets, order.config.vars
    if missing := [name for name in names if name not in values]:
        raise BuildFailed(
            f"the config has no {', '.join(missing)} (build setting secrets). Type: paas config:set {missing[0]}=… "
            "or: paas builds:config:unset secrets"
        )
    digests = {name: order.digest("\0".join((order.app.id, name, values[name]))) for name in names}
    return {name: f"{name}.{digest[:24]}" for name, digest in digests.items()}


def _remark(order: Order, text: str, rewritten: Rewritten) -> None:
    """What will not come to where it was meant to. Raises BuildFailed where nobody can tell."""
    config = order.makers.build_config
    if config.secrets and rewritten.unclear:
        mount, line = next(iter(rewritten.unclear.items()))
        raise BuildFailed(
            f"{config.dockerfile or DOCKERFILE}, line {line}: a variable says which secret this is: "
            f"{order.output.clean(mount)}. Write its name"
        )
    declared = read_dockerfile(text).args
    for name in config.args:
        if name not in order.config.vars:
            order.output.complain(
                f"The config has no {name} (build setting args): the ARG keeps its default"
            )
        elif name not in declared:
            order.output.complain(f"The Dockerfile has no ARG {name} (build setting args)")
    for name in config.secrets:
        if name not in rewritten.asked:
            order.output.complain(f"No step mounts the secret {name} (build setting secrets)")
    if strange := sorted(rewritten.asked - {*config.secrets}):
        named = order.output.clean(", ".join(strange))
        order.output.complain(f"Not given, but mounted (build setting secrets): {named}")


def _port(seen: ImageSeen) -> int:
    """That of EXPOSE, if there is exactly one."""
    return seen.ports[0] if len(seen.ports) == 1 else DEFAULT_PORT
