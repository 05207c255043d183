"""Asks a machine for its host key, so that a person can compare it before anything is registered."""

from paas.errors import PaasError
from paas.hosts.progress import Progress, Stage
from paas.hosts.reach import Reach
from paas.hosts.register import NotRegistered, NoWorker, check_new
from paas.model.host import HostName
from paas.model.ssh_url import SshUrl
from paas.wiring import Platform


def begin_asking(name: str, url: str, platform: Platform) -> Progress:
    """The job that asks. It makes no row: should it die, nothing has happened.

    Raises InvalidHostName, InvalidSshUrl, AlreadyRegistered or NoWorker.
    """
    where = SshUrl.parse(url)
    check_new(HostName(name), where, where.address, platform)
    progress = Progress(name, Stage.QUEUED)
    progress.tell(platform.wire)
    if not platform.wire.upkeep("ask_host_key", name, str(where)):
        raise NoWorker(name, platform.wire)
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
