"""What an app says of itself in its app.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from paas.model.healthcheck import Healthcheck


@dataclass(frozen=True, slots=True)
class DeclaredVar:
    """A config var that the app knows of."""

    value: str | None = None
    is_generated: bool = False
    """A secret that the platform makes."""
    is_required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFile:
    """Read at every push. What the app's people have set counts for more."""

    buildpacks: Sequence[str] = ()
    env: Mapping[str, DeclaredVar] = field(default_factory=dict)
    formation: Mapping[str, int] = field(default_factory=dict)
    """Process type -> quantity."""
    predeploy: str | None = None
    postdeploy: str | None = None
    healthcheck: Healthcheck | None = None
    """Of web."""
    without_effect: Sequence[str] = ()
    """The keys that do nothing here, such as `formation.web.size`."""
