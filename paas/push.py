"""A PUSH ON ONE PAGE: the source is built, the image released, the release wanted. The rest is converge's."""

import time
import uuid
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from paas.builds.app_file import read_app_file
from paas.builds.build import make_image, take_in
from paas.builds.choice import secret_values
from paas.builds.discard import discard, workplace
from paas.builds.keep import LEASE_SECONDS, BuildCancelled, Keeper
from paas.builds.limits import DISK_FLOOR_MB, disk_trouble
from paas.builds.makers import makers_of
from paas.builds.order import BuildFailed, Built, Order
from paas.builds.output import Output
from paas.builds.sources import APP_FILE, NO_TREE
from paas.builds.subfolder import narrowed
from paas.engine.engine import ImageSeen
from paas.errors import PaasError
from paas.logs.segments import LogUnwritable
from paas.logs.store import say
from paas.model.app import App, UnknownApp
from paas.model.build import Build, Builder, BuildState, Image, Purpose
from paas.model.config import Config
from paas.model.container import container_name
from paas.model.host import LOCAL
from paas.model.log import LogLine
from paas.model.release import Release
from paas.releases.create import announce_release, failed_configs, release_image, wanted_config
from paas.releases.declared import Declared
from paas.scheduler.spec import build_tag, image_name
from paas.scheduler.spread import Sent, send
from paas.scheduler.wake import wake
from paas.wiring import Platform

PLATFORM_FAILED = (
    "the platform itself failed; its operator finds why in the log of the build workers"
)
WORKER_DIED = "its worker died. Push again"


def push(build_id: str, platform: Platform, worker: str) -> None:
    """The build is over when it returns; if it succeeded, its release is wanted. A second call finds nothing to do."""
    now = time.time()
    if not platform.builds.begin(build_id, worker, now, now + LEASE_SECONDS):
        return
    build = platform.builds.get(build_id)
    assert build is not None
    try:
        app = platform.apps.named(build.app_id)
        config = wanted_config(app, platform)
        output = Output(lambda text: _write(build, text, platform), secret_values(config.vars))
        try:
            _build_and_release(build, app, config, output, platform)
        except PaasError as error:
            _fail(build, error, output, platform)
    except UnknownApp:
        platform.builds.end(build_id, BuildState.CANCELLED, time.time(), "the app was destroyed")
    finally:
        platform.builds.end(build_id, BuildState.FAILED, time.time(), PLATFORM_FAILED)
        platform.wire.announce(build.app_id)
        _begin_next(build.app_id, platform)


def _build_and_release(
    build: Build, app: App, config: Config, output: Output, platform: Platform
) -> None:
    settings, begun = platform.settings, time.monotonic()
    say(platform.logs, app.id, "api", f"Build started by user {build.person}", time.time())
    if trouble := disk_trouble(settings.builds, platform.hosts, LOCAL):
        raise trouble
    given = platform.builds.source(build.source)
    disk = partial(disk_trouble, settings.builds, platform.hosts, LOCAL, DISK_FLOOR_MB // 2)
    with (
        Keeper(build.id, platform.builds, settings.build_seconds, disk) as keeper,
        workplace(_folder(build.id, platform), platform.engine, LOCAL, settings) as folder,
        ExitStack() as afterwards,
    ):
        order = Order(
            build=build,
            app=app,
            config=config,
            source=platform.sources.place(given.id),
            tree=NO_TREE,
            makers=makers_of(
                build, app.id, platform.builds, platform.buildpacks, platform.build_configs
            ),
            folder=folder,
            tag=build_tag(settings.platform, app, build),
            host=platform.hosts.get(LOCAL),
            engine=platform.engine,
            settings=settings,
            output=output,
            keeper=keeper,
            digest=platform.cipher.digest,
            note_buildpacks=partial(platform.builds.note_buildpacks, build.id),
            afterwards=afterwards,
        )
        platform.builds.note_build_config(build.id, order.makers.build_config)
        if given.image is None:
            order = take_in(given, order, platform.builds, platform.sources, platform.cipher)
            order = narrowed(order)
        text = order.tree.texts.get(APP_FILE, b"")
        declared = Declared.of(read_app_file(text), config, failed_configs(app, platform))
        order = replace(order, config=declared.config(config))
        output.hide(secret_values(declared.vars))
        for line in declared.notes(order.config):
            output.complain(output.clean(line))
        archs = {host.arch for host in platform.hosts.all()}
        built = declared.built(make_image(given, order, platform.builds, archs))
        built = replace(built, app_file=text.decode("utf-8", "replace"))
        for process in declared.unknown(built.processes):
            output.complain(f"{APP_FILE}: formation.{process}: the app has no such process type")
        seen = platform.engine.image(LOCAL, built.image)
        if seen is None:
            raise BuildFailed("the image is gone from the engine again")
        seconds = time.monotonic() - begun
        output.title(f"Build succeeded in {seconds:.1f} s, image {seen.size / 1e6:.0f} MB")
        keeper.check()
        if build.image is not None:
            _restore(build, built, platform)
            output.title("The image is there again")
        elif build.purpose is Purpose.CHECK:
            platform.engine.remove_image(LOCAL, order.tag)
            output.title(_would_be(app, built, platform))
        elif build.purpose is Purpose.KEEP:
            _keep(build, app, built, seen, _send(build, app, built, output, platform), platform)
            output.title(f"Kept, and not released. {_way_to_release(build, app)}")
        else:
            sent = _send(build, app, built, output, platform)
            keeper.check()
            release = _release(build, app, built, seen, sent, declared, platform)
            output.title(f"Releasing v{release.number}")
        platform.builds.end(build.id, BuildState.SUCCEEDED, time.time())
    say(platform.logs, app.id, "api", "Build succeeded", time.time())


def _send(build: Build, app: App, built: Built, output: Output, platform: Platform) -> Sent:
    """To the other hosts, before the deploy's clock starts. Those that fail get it when something is placed there."""
    begun = time.monotonic()
    repository = image_name(platform.settings.platform, app)
    sent = send({LOCAL: built.image}, repository, f"build-{build.id[:8]}", platform)
    for trouble in sent.troubles:
        output.complain(trouble)
    if len(sent.where) > 1:
        seconds = time.monotonic() - begun
        output.title(f"Image on {len(sent.where)} hosts after {seconds:.1f} s")
    return sent


def _would_be(app: App, built: Built, platform: Platform) -> str:
    last = max((release.number for release in platform.releases.all(app.id)), default=0)
    types = ", ".join(built.processes)
    return f"It can be built, and would be v{last + 1} with {types}. The image is not kept"


def _way_to_release(build: Build, app: App) -> str:
    if not build.commit:
        return "It is released by its slug: see docs/api.md"
    return f"To release it: paas deploy --ref {build.commit[:7]} -a {app.name}"


def _keep(
    build: Build, app: App, built: Built, seen: ImageSeen, sent: Sent, platform: Platform
) -> None:
    """Raises BuildCancelled."""
    image = _image(build, app, built, seen, sent)
    image = replace(image, processes=built.processes, app_file=built.app_file)
    learnt = {"image": image.id, "builder": str(built.builder), "detected": built.detected}
    with platform.record.write():
        if not platform.builds.note(build.id, **learnt):
            raise BuildCancelled
        platform.builds.add_image(image)


def _image(build: Build, app: App, built: Built, seen: ImageSeen, sent: Sent) -> Image:
    return Image(
        id=str(uuid.uuid4()),
        app_id=app.id,
        builder=built.builder,
        arch=seen.arch,
        port=built.port,
        where=sent.where,
        digest=sent.digest,
        source=build.source,
        commit=build.commit,
        created_at=time.time(),
        healthcheck=built.healthcheck,
    )


def _release(
    build: Build,
    app: App,
    built: Built,
    seen: ImageSeen,
    sent: Sent,
    declared: Declared,
    platform: Platform,
) -> Release:
    """Image, release and what the build came to are one write. Raises BuildCancelled."""
    now = time.time()
    image = _image(build, app, built, seen, sent)
    version = build.commit[:7] if build.commit else build.id[:8]
    text = f"Deploy {built.detected if built.builder is Builder.IMAGE else version}"
    learnt = {"image": image.id, "builder": str(built.builder), "detected": built.detected}
    with platform.record.write():
        # Cancelled until here: nothing is released. From here on: the release is there.
        if not platform.builds.note(build.id, **learnt):
            raise BuildCancelled
        release = release_image(
            app, image, built.processes, text, build.commit, build.person, platform, now, declared
        )
        platform.builds.note(build.id, release=release.number)
    announce_release(app, release, platform, now)
    return release


def _restore(build: Build, built: Built, platform: Platform) -> None:
    """It took the place of an image that was lost: its releases run again."""
    assert build.image is not None
    platform.builds.place_image(build.image, LOCAL, built.image)
    wake([build.app_id], platform)


def _fail(build: Build, error: PaasError, output: Output, platform: Platform) -> None:
    """The output's last words first: who reads it stops when the build is over."""
    is_cancelled = isinstance(error, BuildCancelled)
    reason = output.clean(str(error))
    with suppress(LogUnwritable):
        output.title("Build cancelled" if is_cancelled else "Build failed")
        if not is_cancelled:
            output.complain(reason)
    state = BuildState.CANCELLED if is_cancelled else BuildState.FAILED
    platform.builds.end(build.id, state, time.time(), reason)
    say(platform.logs, build.app_id, "api", f"Build {state}: {reason}", time.time())


def _write(build: Build, text: str, platform: Platform) -> None:
    """To the build's own output, and to the app's log."""
    platform.logs.write_output(build.id, text)
    at_ns = time.time_ns()
    with suppress(LogUnwritable):
        platform.logs.append(
            build.app_id, [LogLine(at_ns, "app", "build", line) for line in text.splitlines()]
        )


def _begin_next(app_id: str, platform: Platform) -> None:
    """What was queued while this one was under way found it under way."""
    for build in platform.builds.of(app_id):
        if build.state is BuildState.QUEUED:
            platform.wire.build(build.id, platform.settings.build_seconds)


def _folder(build_id: str, platform: Platform) -> Path:
    return platform.settings.builds / "work" / build_id


def give_up_dead_builds(platform: Platform, now: float, worker: str | None = None) -> None:
    """Builds whose lease ran out, or whose worker was `worker`: nobody is at them any more. Safe to repeat."""
    for build in platform.builds.in_state(BuildState.BUILDING):
        if build.worker != worker and (build.lease_until or 0) >= now:
            continue
        release = _release_of(build, platform)
        is_kept = build.purpose is Purpose.KEEP and build.image is not None
        if release is not None or is_kept:
            if release is not None:
                platform.builds.note(build.id, release=release.number)
            platform.builds.end(build.id, BuildState.SUCCEEDED, now)
        else:
            with suppress(LogUnwritable):
                _write(build, f"-----> Build failed\n !     {WORKER_DIED}\n", platform)
            platform.builds.end(build.id, BuildState.FAILED, now, WORKER_DIED)
        container = container_name(platform.settings.platform, build.container)
        for name in (container, f"{container}-image", f"{container}-fetch"):
            with suppress(PaasError):
                platform.engine.remove(LOCAL, name)
        discard(_folder(build.id, platform), platform.engine, LOCAL, platform.settings)
        platform.wire.announce(build.app_id)
        _begin_next(build.app_id, platform)


def _release_of(build: Build, platform: Platform) -> Release | None:
    """What the build came to before its worker died."""
    if build.image is None:
        return None
    releases = platform.releases.all(build.app_id)
    return next(
        (
            release
            for release in releases
            if release.image == build.image and release.created_at >= build.created_at
        ),
        None,
    )
