"""The HEALTHCHECK of an image: a web container that takes connections is up once that has passed, too.

We run it ourselves, in the container, as often as we probe: the engine waits for `--interval` (30 s, unless it is told
otherwise) before it runs it for the first time, and a deploy should not.
"""

from collections.abc import Sequence

from paas.engine.engine import EngineFailed, StartFailed
from paas.model.build import Builder
from paas.model.container import Container, container_name
from paas.wiring import Platform

TIMED_OUT = 124
SHOWN = 200
"""Characters of its output that a reason has."""


def healthcheck_of(row: Container, platform: Platform) -> Sequence[str]:
    """Its command. Empty: there is none, or the platform asks every app for a path. Raises HostUnreachable."""
    if row.port is None or platform.settings.health_path:
        return ()
    release = platform.releases.get(row.dyno.app_id, row.dyno.release)
    image = platform.builds.image(release.image) if release.image else None
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
