"""Changes config vars: a new release of the same image."""

from collections.abc import Mapping
from dataclasses import replace

from paas.model.app import App
from paas.model.change import Change
from paas.model.config import Config
from paas.releases.create import announce_release, wanted_config
from paas.releases.want import want
from paas.wiring import Platform


def configure(
    app: App, changes: Mapping[str, str | None], by: str, platform: Platform, now: float
) -> Change:
    """Many keys are one release; `None` unsets. What changes nothing makes none. Raises InvalidConfig."""
    with platform.record.write():
        app = platform.apps.named(app.id)
        before = wanted_config(app, platform)
        after = before.changed(changes)
        if after.vars == before.vars:
            return Change(app.wake)
        image, processes, commit = None, {}, ""
        if app.wanted_release is not None:
            wanted = platform.releases.get(app.id, app.wanted_release)
            image, processes, commit = wanted.image, dict(wanted.processes), wanted.commit
        release = platform.releases.add(
            app.id,
            image=image,
            processes=processes,
            config=after,
            description=_describe(before, changes),
            commit=commit,
            by=by,
            now=now,
        )
        change = want(app, release, platform, now)
    announce_release(app, release, platform, now)
    return replace(change, release=release)


def _describe(before: Config, changes: Mapping[str, str | None]) -> str:
    """Names only: what is set, then what is removed."""
    put = [
        key for key, value in changes.items() if value is not None and before.vars.get(key) != value
    ]
    removed = [key for key, value in changes.items() if value is None and key in before.vars]
    parts = [f"Set {', '.join(sorted(put))}"] if put else []
    parts += [f"Remove {', '.join(sorted(removed))}"] if removed else []
    return f"{' and '.join(parts)} config vars"
