"""Says how an app is built. What runs stays as it is: the next build goes by it."""

from collections.abc import Mapping, Sequence

from paas.logs.store import say
from paas.model.app import App
from paas.model.build_config import BuildConfig
from paas.wiring import Platform


def configure_build(
    app: App,
    changes: Mapping[str, str | Sequence[str] | None],
    by: str,
    platform: Platform,
    now: float,
) -> BuildConfig:
    """All changes or none; None unsets. Raises InvalidBuildConfig, and UnknownApp if it was destroyed meanwhile."""
    with platform.record.write():
        app = platform.apps.named(app.id)
        config = platform.build_configs.of(app.id).changed(changes)
        platform.build_configs.put(app.id, config)
    if changes:
        names = ", ".join(sorted(changes))
        say(platform.logs, app.id, "api", f"Set build settings {names} by user {by}", now)
    return config
