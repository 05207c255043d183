"""What an app's app.json adds to its config, its process types and its formation."""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from paas.builds.order import Built
from paas.builds.sources import APP_FILE
from paas.model.app_file import AppFile
from paas.model.config import Config
from paas.model.process import POSTDEPLOY, RELEASE

SECRET_BYTES = 32
"""Of a generated secret: 64 hexadecimal digits, as Heroku's."""


@dataclass(frozen=True, slots=True)
class Declared:
    app_file: AppFile = field(default_factory=AppFile)
    vars: Mapping[str, str] = field(default_factory=dict)
    """Values and new secrets of those that the config did not have when the build began."""

    @classmethod
    def of(cls, app_file: AppFile, config: Config, failed: Sequence[Config] = ()) -> Self:
        """A secret that was made for a release that failed, and may be in use, is taken from there; newest first."""
        found = {}
        for key, declared in app_file.env.items():
            if key in config.vars:
                continue
            if declared.value is not None:
                found[key] = declared.value
            elif declared.is_generated:
                made = (other.vars[key] for other in failed if key in other.vars)
                found[key] = next(made, None) or secrets.token_hex(SECRET_BYTES)
        return cls(app_file, found)

    def config(self, config: Config) -> Config:
        """With what it does not have. Raises InvalidConfig."""
        return config.changed({**self.vars, **config.vars})

    def notes(self, config: Config) -> Iterator[str]:
        """What its people should know; the keys are anything that somebody wrote."""
        if self.app_file.without_effect:
            yield f"{APP_FILE}: {', '.join(self.app_file.without_effect)}: without effect here"
        for key, each in self.app_file.env.items():
            if each.is_required and key not in config.vars:
                yield f"{APP_FILE} requires {key}, which has no value: paas config:set {key}=…"

    def unknown(self, processes: Collection[str]) -> Sequence[str]:
        """Process types that have a quantity, and are none."""
        return [process for process in self.app_file.formation if process not in processes]

    def built(self, built: Built) -> Built:
        """With the app's scripts and its health check."""
        processes = self.processes(built.processes)
        return replace(built, processes=processes, healthcheck=self.app_file.healthcheck)

    def processes(self, processes: Mapping[str, str]) -> Mapping[str, str]:
        """`predeploy` goes before the release process, in its container. A Procfile's `postdeploy` counts for more."""
        found, before = dict(processes), self.app_file.predeploy
        if self.app_file.postdeploy is not None:
            found.setdefault(POSTDEPLOY, self.app_file.postdeploy)
        if before is not None:
            release = found.get(RELEASE)
            # A colon, for what may be nothing but remarks.
            found[RELEASE] = f"(\n:\n{before}\n) && (\n{release}\n)" if release else before
        return found

    def quantities(self, processes: Mapping[str, str]) -> Mapping[str, int]:
        formation = self.app_file.formation.items()
        return {process: quantity for process, quantity in formation if process in processes}
