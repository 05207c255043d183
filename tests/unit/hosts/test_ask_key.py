import pytest

from paas.errors import Unavailable
from paas.hosts.ask_key import ask, begin_asking
from paas.hosts.progress import Progress, Stage, told
from paas.hosts.register import AlreadyRegistered
from paas.wire import UPKEEP
from paas.wiring import Platform
from tests.make import make_host
from tests.unit.hosts.way import FINGERPRINT, Way

URL = "ssh://deploy@10.0.0.2"


def asks(platform: Platform, way: Way) -> Progress | None:
    begin_asking("h2", URL, platform)
    ask("h2", URL, platform, way.reach)
    return told("h2", platform.wire)


def test_a_key_is_told_and_nothing_is_registered(platform: Platform, way: Way) -> None:
    assert asks(platform, way) == Progress("h2", Stage.DONE, FINGERPRINT)
    assert [host.name for host in platform.hosts.all()] == ["local"]
    assert way.open == set()
    assert platform.wire.waiting(UPKEEP) == {"h2"}


def test_what_is_wrong_there_is_told_as_a_registration_would(platform: Platform, way: Way) -> None:
    way.trouble = Unavailable("10.0.0.2 does not answer.")

    progress = asks(platform, way)

    assert progress is not None
    assert progress.stage is Stage.FAILED
    assert progress.error == (
        "h2 was not registered (ssh): 10.0.0.2 does not answer. Nothing was changed."
    )


def test_a_host_that_is_registered_already_is_not_asked(platform: Platform) -> None:
    platform.hosts.add(make_host("h2", ssh_url=URL))

    for name in ("h2", "h3"):
        with pytest.raises(AlreadyRegistered):
            begin_asking(name, URL, platform)
