"""Something about an app was seen: its wake rises, and converge looks."""

from collections.abc import Iterable

from paas.model.app import UnknownApp
from paas.wiring import Platform


def wake(app_ids: Iterable[str], platform: Platform) -> None:
    """An app that is forgotten by now is left out."""
    for app_id in app_ids:
        try:
            platform.apps.touch(app_id)
        except UnknownApp:
            continue
        platform.wire.converge(app_id)
