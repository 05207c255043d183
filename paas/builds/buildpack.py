"""A tree without a Dockerfile: a buildpack compiles it in a container of the build image, limited like any dyno."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from paas.builds.choice import Choice, ours
from paas.builds.container import APP_USER, begin, container_spec, follow, give_to_app
from paas.builds.fetch_buildpacks import Ready, make_ready
from paas.builds.fetched import open_written
from paas.builds.layer import Layer, begin_layer, finish_layer
from paas.builds.order import BuildFailed, Built, Order
from paas.builds.packages import build_image, run_image
from paas.builds.procfile import InvalidProcfile, parse_procfile, read_procfile
from paas.builds.stack import host_proxies
from paas.engine.engine import KILLED, ImageMissing, Session
from paas.model.build import UNKNOWN, Builder, UsedBuildpack
from paas.model.buildpack import Buildpack, Origin
from paas.model.container import ContainerSpec
from paas.model.process import ONCE

PORT = 5000
OUT_LIMIT = 256 * 1024
YAML_DEPTH = 20
SCRIPTS = Path(__file__).parent
DONE = "done"
"""The last stage that compile.sh tells of."""
AGAIN = "again"
"""Nothing is compiled yet: the buildpack that was found wants other images."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compile.sh has come to, and what waits for it."""

    spec: ContainerSpec
    session: Session
    layer: Layer
    stage: str


class NothingDetected(BuildFailed):
    def __init__(self, tried: str) -> None:
        super().__init__(
            "nothing says how to build it: there is no Dockerfile, and none of the buildpacks "
            f"({tried}) knows the tree; what they look for stands above. "
            "Add a Dockerfile, or name the buildpack: paas buildpacks:set URL"
        )


def build(order: Order, choice: Choice | None) -> Built:
    """By those that were chosen, else by the first of ours that knows the tree, which shows in the container.

    Raises BuildFailed.
    """
    if order.tree.procfile is not None:
        read_procfile(order.tree.procfile)  # a mistake shows before the work and not after it
    ready = make_ready(order, choice.buildpacks if choice else ())
    order.note_buildpacks([each.used for each in ready])
    if choice is not None:
        order.output.title(f"Buildpacks ({choice.by}): {', '.join(map(str, choice.buildpacks))}")
    _lay_out(order, ready)
    try:
        compiled = _compile(order, choice.buildpacks) if choice else _find_and_compile(order)
        detected = _detected(order, compiled)
        if choice is None:
            order.note_buildpacks([UsedBuildpack(_found(order))])
        processes = _processes(order.folder / "out", detected)
        image = finish_layer(order, compiled.layer)
    except ImageMissing as error:
        raise BuildFailed(
            f"the stack's image {error.image} is not on host {order.host.name}. Its operator runs install.sh again"
        ) from None
    return Built(image, processes, PORT, detected, Builder.BUILDPACK)


def _find_and_compile(order: Order) -> Compiled:
    """The buildpack of the last time most likely knows the tree; if another does, it may begin anew."""
    compiled = _compile_by(order, order.makers.last)
    if compiled.stage == AGAIN:
        compiled.layer.session.result()  # its container is replaced by another of the same name
        compiled = _compile_by(order, _found(order))
    return compiled


def _compile_by(order: Order, known: str) -> Compiled:
    """With what this one of ours wants, if it is the one that will be found. Raises ImageMissing."""
    is_ours = known in ours(order.settings)
    makers = [Buildpack(Origin.OURS, known)] if is_ours else []
    return _compile(order, makers, known if is_ours else "")


def _compile(order: Order, makers: Sequence[Buildpack], known: str = "") -> Compiled:
    """In a container that has what these makers want; none: what every one of ours has. Raises ImageMissing."""
    spec = _spec(order, build_image(order, makers), known)
    compiling = begin(order, spec)
    layer = begin_layer(order, run_image(order, makers))
    follow(order, spec, compiling)
    return Compiled(spec, compiling, layer, _read(order.folder / "out" / "stage").strip())


def _lay_out(order: Order, ready: Sequence[Ready]) -> None:
    """The folders that the containers mount; the one around them is closed to everybody else."""
    folder = order.folder
    for name in ("app", "out", "in", "in/env"):
        (folder / name).mkdir()
    for name in ("compile.sh", "install.sh", "start.sh"):
        shutil.copyfile(SCRIPTS / name, folder / "in" / name)
    for name, value in order.config.vars.items():
        (folder / "in" / "env" / name).write_bytes(value.encode())
    _hand_over(ready, folder / "in")
    cache = order.settings.build_cache(order.app.id)
    cache.mkdir(parents=True, exist_ok=True)
    for own in (folder / "app", folder / "out", cache):
        give_to_app(own)
    for path in (folder / "in").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (folder / "in").chmod(0o755)


def _stack(order: Order) -> str:
    """Another word for another stack, so that buildpacks can tell: by the image's own tag, not by an alias of it."""
    name = order.settings.stack_run
    seen = order.engine.image(order.host.name, name)
    tags = sorted(tag for tag in (seen.tags if seen else ()) if tag.endswith("-run"))
    return (tags or [name])[0].rpartition(":")[2].removesuffix("-run")


def _hand_over(ready: Sequence[Ready], folder: Path) -> None:
    """To compile.sh: a line for each, of kind, place and name."""
    lines = []
    for number, each in enumerate(ready):
        place = each.buildpack.place
        if each.tar is not None:
            place = f"{number}.tar"
            shutil.copyfile(each.tar, folder / place)
        lines.append(f"{each.buildpack.origin}\t{place}\t{each.buildpack}\n")
    (folder / "chosen").write_text("".join(lines))


def _spec(order: Order, image: str, known: str) -> ContainerSpec:
    settings, folder = order.settings, order.folder
    return replace(
        container_spec(
            order,
            image,
            order.build.container,
            "/in/compile.sh",
            f"{settings.build_cache_mb}",
            known,
        ),
        env={
            **host_proxies(),
            "STACK": _stack(order),
            "SOURCE_VERSION": order.build.commit,
            "REQUEST_ID": order.build.id,
        },
        user=f"{APP_USER}:{APP_USER}",
        mounts={
            str(folder / "app"): "/app",
            str(folder / "out"): "/out",
            str(folder / "in"): "/in",
            str(folder / "in" / "env"): "/env",
            str(order.source): "/source.tar",
            str(settings.build_cache(order.app.id)): "/cache",
            str(settings.buildpacks_dir): "/buildpacks",
        },
    )


def _detected(order: Order, compiled: Compiled) -> str:
    """What the buildpack calls the app. Raises BuildFailed when it did not come to its end."""
    settings, out = order.settings, order.folder / "out"
    detected = order.output.clean(_read(out / "detected"))[:200]
    if compiled.stage == DONE:
        return detected
    code = compiled.session.wait()
    seen = order.engine.inspect(order.host.name, compiled.spec.name)
    limit = f"the limit of a build is {settings.build_memory_mb} MB (setting build_memory_mb)"
    if seen is not None and seen.is_oom:
        raise BuildFailed(f"out of memory: {limit}")
    if code == KILLED:  # by the kernel, and not every engine hears of that
        raise BuildFailed(f"killed, most likely out of memory: {limit}")
    match compiled.stage:
        case "detect":
            raise NothingDetected(", ".join(ours(settings)))
        case "chosen":
            raise BuildFailed(f"{detected} is no buildpack: it has no file bin/compile")
        case "slugignore":
            raise BuildFailed(f".slugignore could not be heeded (exit code {code})")
        case "compile" | "release":
            raise BuildFailed(
                f"the {detected} buildpack failed (bin/{compiled.stage} ended with {code})"
            )
        case _:
            raise BuildFailed(f"the source could not be unpacked (exit code {code})")


def _found(order: Order) -> str:
    """Which of ours it was; the container's word is worth no more than one of their names."""
    name = _read(order.folder / "out" / "name").strip()
    return name if name in ours(order.settings) else UNKNOWN


def _processes(out: Path, detected: str) -> Mapping[str, str]:
    """Those of the Procfile; those that the buildpack names where it says nothing, or nothing that goes on."""
    procfile = _read(out / "Procfile")
    given = parse_procfile(procfile) if procfile else {}
    if given.keys() - ONCE:
        return given
    lines = [f"{name}: {command}" for name, command in _default_types(out, detected).items()]
    if not lines:
        raise BuildFailed(
            f"there is no Procfile, and the {detected} buildpack does not know how this app is started. "
            "Add a file Procfile with a line such as: web: ./server"
        )
    try:
        return {**parse_procfile("\n".join(lines)), **given}
    except InvalidProcfile as error:
        raise BuildFailed(f"bin/release of the {detected} buildpack: {error}") from None


def _default_types(out: Path, detected: str) -> dict[str, str]:
    try:
        value = _loaded(_read(out / "release.yml"))
    except (yaml.YAMLError, RecursionError, ValueError):
        raise BuildFailed(f"bin/release of the {detected} buildpack printed no YAML") from None
    types = value.get("default_process_types") if isinstance(value, dict) else None
    if not isinstance(types, dict):
        return {}
    return {
        str(name): " ".join(command.split("\n"))
        for name, command in types.items()
        if isinstance(command, str)
    }


def _loaded(text: str) -> object:
    """Without aliases, by which a few lines come to mean gigabytes, and what is too deep to read soon.

    Raises YAMLError.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > YAML_DEPTH:
            raise yaml.YAMLError("it has an alias, or goes too deep")
    return yaml.safe_load(text)


def _read(path: Path) -> str:
    """Empty when it is not there, or no file."""
    try:
        with open_written(path) as content:
            return content.read(OUT_LIMIT).decode("utf-8", "replace")
    except OSError:
        return ""
