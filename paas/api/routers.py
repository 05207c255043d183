"""/routers: those whose acknowledgement makes a change live."""

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from paas.api.asked import CurrentPlatform
from paas.api.shapes import moment
from paas.model.router import RegisteredRouter, UnknownRouter

router = APIRouter(tags=["routers"])


class RouterOut(BaseModel):
    name: str
    number: int | None
    """Of the route table that it has acknowledged."""
    epoch: str | None
    registered_at: str
    acknowledged_at: str | None

    @classmethod
    def of(cls, router: RegisteredRouter) -> Self:
        at = router.acknowledged_at
        return cls(
            name=router.name,
            number=router.number,
            epoch=router.epoch,
            registered_at=moment(router.registered_at),
            acknowledged_at=None if at is None else moment(at),
        )


@router.get("/routers")
def list_routers(platform: CurrentPlatform) -> list[RouterOut]:
    return [RouterOut.of(each) for each in platform.routers.all()]


@router.delete("/routers/{name}")
def remove_router(platform: CurrentPlatform, name: str) -> RouterOut:
    """Nobody waits for it any more. What waited is looked at again at once."""
    for each in platform.routers.all():
        if each.name == name and platform.routers.remove(name):
            for app in platform.apps.all():
                platform.apps.touch(app.id)
                platform.wire.converge(app.id)
            return RouterOut.of(each)
    raise UnknownRouter(name)
