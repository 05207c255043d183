"""Everything an engine is told about a container, made from release and dyno. Pure."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime

from paas.model.app import App
from paas.model.build import Build, Builder, Image
from paas.model.container import Container, ContainerSpec, Kind, Published, container_name
from paas.model.process import WEB
from paas.model.release import Release
from paas.settings import Settings

DOCKERFILE_CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "KILL", "NET_BIND_SERVICE",
)  # fmt: skip
"""What an image of the person's own may need to start as root. Buildpack images run as nobody and get none."""


def dyno_spec(
    app: App, release: Release, image: Image, container: Container, settings: Settings
) -> ContainerSpec:
    return _spec(
        app, release, image, container, settings, release.processes[container.dyno.process], {}
    )


def run_spec(
    app: App,
    release: Release,
    image: Image,
    container: Container,
    settings: Settings,
    command: str,
    env: Mapping[str, str],
) -> ContainerSpec:
    """A one-off. `command` is a shell's line; the name of a process type stands for that type's command."""
    command = release.processes.get(command, "") or command
    return _spec(app, release, image, container, settings, command, env)


def _spec(
    app: App,
    release: Release,
    image: Image,
    container: Container,
    settings: Settings,
    command: str,
    env: Mapping[str, str],
) -> ContainerSpec:
    is_buildpack = image.builder is Builder.BUILDPACK
    is_dyno = container.kind is Kind.DYNO
    return ContainerSpec(
        name=container_name(settings.platform, container.id),
        image=image.where[container.host],
        labels={
            "paas.platform": settings.platform,
            "paas.app": app.id,
            "paas.container": container.id,
            "paas.kind": str(container.kind),
        },
        hostname=container.id,
        env={**env, **_environment(app, release, container, is_buildpack)},
        command=_command(command, is_buildpack),
        address=container.address if container.published is None else None,
        published=_published(container),
        memory_mb=settings.memory_mb,
        cpus=settings.cpus,
        pids=settings.pids,
        capabilities=() if is_buildpack else DOCKERFILE_CAPABILITIES,
        is_restarted=is_dyno,
    )


def _published(container: Container) -> Published | None:
    if container.published is None or container.address is None or container.port is None:
        return None
    return Published(container.address, container.published, container.port)


def _command(command: str, is_buildpack: bool) -> tuple[str, ...]:
    if is_buildpack:
        return ("paas-start", command)
    return ("/bin/sh", "-c", command) if command else ()


def _environment(
    app: App, release: Release, container: Container, is_buildpack: bool
) -> dict[str, str]:
    """Heroku's names (contract: Environment, dyno metadata); the platform's own win over config."""
    created = datetime.fromtimestamp(release.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    own = {
        "DYNO": container.dyno.name,
        "HEROKU_APP_ID": app.id,
        "HEROKU_APP_NAME": app.name,
        "HEROKU_DYNO_ID": container.id,
        "HEROKU_RELEASE_CREATED_AT": created,
        "HEROKU_RELEASE_VERSION": f"v{release.number}",
        "HEROKU_SLUG_COMMIT": release.commit,
    }
    if is_buildpack:
        own["HOME"] = "/app"
    if container.port is not None:
        own["PORT"] = str(container.port)
    return {**release.config.vars, **own}


def serves(process: str) -> bool:
    """Only `web` gets requests and a PORT."""
    return process == WEB


def new_id(rng: random.Random) -> str:
    """Of a container: twelve hexadecimal digits."""
    return f"{rng.getrandbits(48):012x}"


def image_name(platform: str, app: App) -> str:
    """The repository of an app's images on an engine."""
    return f"paas/{platform}/{app.name}-{app.id[:8]}"


def build_tag(platform: str, app: App, build: Build) -> str:
    """What a build calls its image."""
    return f"{image_name(platform, app)}:build-{build.id[:8]}"
