"""Which check a web container must pass: its app's or the platform's, else the HEALTHCHECK of its image.

The HEALTHCHECK we run ourselves, in the container, as often as we probe: the engine waits for `--interval` (30 s,
unless it is told otherwise) before it runs it for the first time, and a deploy should not.
"""

from collections.abc import Sequence

from paas.engine.engine import EngineFailed, StartFailed
from paas.model.build import Builder, Image
from paas.model.container import Container, container_name
from paas.model.healthcheck import Healthcheck
from paas.wiring import Platform

TIMED_OUT = 124
SHOWN = 200
"""Characters of its output that a reason has."""


def own_check(row: Container, platform: Platform) -> Healthcheck:
    """The app's, else the platform's."""
    image = _image(row, platform)
    if image is not None and image.healthcheck is not None:
        return image.healthcheck
    return Healthcheck(platform.settings.health_path)


def healthcheck_of(row: Container, platform: Platform) -> Sequence[str]:
    """The command of its image's HEALTHCHECK; empty if there is none, or another check. Raises HostUnreachable."""
    if row.port is None or own_check(row, platform).path:
        return ()
    image = _image(row, platform)
    if image is None or image.builder is not Builder.DOCKERFILE or row.host not in image.where:
        return ()
    seen = platform.engine.image(row.host, image.where[row.host])
    return seen.healthcheck if seen else ()


def check_health(row: Container, check: Sequence[str], platform: Platform) -> tuple[str, bool]:
    """What came of it, and whether that is enough. Raises HostUnreachable."""
    name = container_name(platform.settings.platform, row.id)
    try:
        code, output = platform.engine.exec(row.host, name, check)
    except (StartFailed, EngineFailed) as failed:
        return f"its HEALTHCHECK cannot run: {failed}", False
    if code == 0:
        return "HEALTHCHECK passed", True
    ended = "did not end in time" if code == TIMED_OUT else f"ended with {code}"
    said = " ".join("".join(c if c.isprintable() else " " for c in output).split())
    shown = said if len(said) <= SHOWN else f"…{said[-SHOWN:]}"
    return f"its HEALTHCHECK {ended}{f': {shown}' if shown else ''}", False


def _image(row: Container, platform: Platform) -> Image | None:
    release = platform.releases.get(row.dyno.app_id, row.dyno.release)
    return platform.builds.image(release.image) if release.image else None
