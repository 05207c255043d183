"""What Heroku has and this platform has not, where its clients ask before they go on."""

from fastapi import APIRouter

from paas.api.asked import CurrentApp
from paas.errors import Unknown

router = APIRouter(tags=["absent"])


class NoPipeline(Unknown):
    def __init__(self, app: str) -> None:
        super().__init__(f"{app} is in no pipeline: there are none here.")


@router.get("/apps/{app}/addons")
@router.get("/apps/{app}/addon-attachments")
@router.get("/apps/{app}/collaborators")
@router.get("/apps/{app}/features")
@router.get("/apps/{app}/log-drains")
@router.get("/apps/{app}/sni-endpoints")
@router.get("/apps/{app}/webhooks")
def list_nothing(app: CurrentApp) -> list[str]:  # noqa: ARG001 - whose it is was checked
    """None of these."""
    return []


@router.get("/addon-attachments")
@router.get("/addons")
@router.get("/teams")
def list_nobodys() -> list[str]:
    """None of these, of any app."""
    return []


@router.get("/apps/{app}/pipeline-couplings")
def show_coupling(app: CurrentApp) -> None:
    raise NoPipeline(app.name)
