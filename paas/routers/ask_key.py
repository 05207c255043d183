"""Asks a router's machine for its host key, so that a person can compare it before anything is registered."""

from paas.errors import PaasError
from paas.model.router import RouterName
from paas.model.ssh_url import SshUrl
from paas.routers.progress import Progress, Stage
from paas.routers.reach import Reach
from paas.routers.register import NotRegistered, NoWorker, check_new, checked_url
from paas.wiring import Platform


def begin_asking(name: str, url: str, platform: Platform) -> Progress:
    """The job that asks. It makes no row: should it die, nothing has happened.

    Raises InvalidRouterName, InvalidSshUrl, AlreadyRegistered or NoWorker.
    """
    where = checked_url(url)
    check_new(RouterName(name), where.address, platform)
    progress = Progress(name, Stage.QUEUED)
    progress.tell(platform.wire)
    if not platform.wire.upkeep("ask_router_key", name, str(where)):
        raise NoWorker(name)
    return progress


def ask(name: str, url: str, platform: Platform, reach: Reach) -> None:
    """Logs in, as a registration does: whatever is wrong there is told before the key is compared."""
    Progress(name, Stage.SSH).tell(platform.wire)
    try:
        found = reach.look(SshUrl.parse(url), platform.settings, None)
    except PaasError as error:
        why = NotRegistered(name, Stage.SSH, str(error))
        Progress(name, Stage.FAILED, error=str(why)).tell(platform.wire)
    else:
        Progress(name, Stage.DONE, found.fingerprint).tell(platform.wire)
