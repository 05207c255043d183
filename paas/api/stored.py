"""What is in an app's repository is the door's: it is asked to send a commit of it here, as a push does."""

import asyncio
import json

from paas.api.git import KINDS, DoorSilent, connected
from paas.model.app import App
from paas.model.build import Purpose
from paas.model.git_request import BUILD, GitRequest
from paas.model.person import Person
from paas.settings import Settings

ANSWER_SECONDS = 300.0
"""For a large tree to be on disk."""
CHUNK = 4096


async def build_stored(
    app: App, person: Person, ref: str, purpose: Purpose, settings: Settings
) -> str:
    """The id of a new build of the commit that `ref` names. Raises what the door says, and DoorSilent."""
    request = GitRequest(
        program=BUILD,
        is_advertisement=False,
        protocol="",
        app_id=app.id,
        app=app.name,
        person=person.name,
        source_mb=settings.source_mb,
        ref=ref,
        purpose=purpose,
    )
    loop, said = asyncio.get_running_loop(), b""
    with await connected(settings.git_socket) as door:
        try:
            await loop.sock_sendall(door, request.head())
            async with asyncio.timeout(ANSWER_SECONDS):
                while piece := await loop.sock_recv(door, CHUNK):
                    said += piece
        except (TimeoutError, OSError) as error:
            raise DoorSilent(str(error) or "it says nothing") from None
    if not said.endswith(b"\n"):
        raise DoorSilent("it has hung up")
    told = json.loads(said)
    if "kind" in told:
        raise KINDS[told["kind"]](told["message"])
    return str(told["build"])
