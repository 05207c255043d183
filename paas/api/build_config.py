"""/apps/{app}/build-config: how the next build goes. Ours."""

import time
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from paas.api.asked import CurrentApp, CurrentPerson, CurrentPlatform
from paas.apps.build_config import configure_build
from paas.model.build_config import BuildConfig

router = APIRouter(tags=["builds"])
Text = Annotated[str, Field(max_length=2000)]


class BuildConfigOut(BaseModel):
    path: str | None
    dockerfile: str | None
    target: str | None
    args: list[str]
    """Names of config vars."""
    secrets: list[str]

    @classmethod
    def of(cls, config: BuildConfig) -> Self:
        return cls(
            path=config.path,
            dockerfile=config.dockerfile,
            target=config.target,
            args=[*config.args],
            secrets=[*config.secrets],
        )


@router.get("/apps/{app}/build-config")
def show_build_config(app: CurrentApp, platform: CurrentPlatform) -> BuildConfigOut:
    return BuildConfigOut.of(platform.build_configs.of(app.id))


@router.patch("/apps/{app}/build-config")
def change_build_config(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    changes: dict[str, Text | Annotated[list[Text], Field(max_length=1000)] | None],
) -> BuildConfigOut:
    """All of it or nothing; null unsets. Nothing restarts. The answer is all that is set now."""
    return BuildConfigOut.of(configure_build(app, changes, person.name, platform, time.time()))
