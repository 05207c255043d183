"""What an old release needs is in the record and in the registry: not on the host where it was built, or ran."""

import json
import time
from collections.abc import Iterator

import pytest

from paas.model.host import LOCAL
from tests.integration.load import Load
from tests.integration.user import User
from tests.multihost.fleet import APP, Fleet

OLD = "cafe"
BOUND_SECONDS = 15


@pytest.fixture
def owner(fleet: Fleet, user: User) -> Iterator[User]:
    """Has an app besides, whose second release that went live was of another config and is of another image."""
    user.deployed("echo-env", OLD)
    configured = user.types(f"paas config:set TEXT=old -a {OLD}")
    assert configured.code == 0, configured.text
    push = user.pushes("echo-env", to=OLD, files={"NEWS": "3"})
    assert push.accepted, push.output
    configured = user.types(f"paas config:set TEXT=new -a {OLD}")
    assert configured.code == 0, configured.text
    yield user


def lose_images(fleet: Fleet, release: int) -> None:
    """Of this release no engine has the image any more."""
    platform = fleet.installation.platform
    named = platform.releases.get(platform.apps.named(OLD).id, release).image
    assert named is not None
    image = platform.builds.image(named)
    assert image is not None and image.digest is not None
    assert LOCAL in image.where, "it was built there"
    for host, reference in image.where.items():
        seen = platform.engine.image(host, reference)
        for name in seen.tags if seen else ():
            platform.engine.remove_image(host, name)
        platform.engine.remove_image(host, reference)
        platform.builds.place_image(image.id, host, None)


def builds(owner: User) -> list[str]:
    said = owner.types(f"paas builds --json -a {OLD}")
    return [build["id"] for build in json.loads(said.out)]


def test_a_release_is_rolled_back_to_when_the_hosts_that_built_and_ran_it_are_gone(
    fleet: Fleet, owner: User, load: Load
) -> None:
    before = builds(owner)
    ran_on = fleet.where(OLD)["web.1"]
    lose_images(fleet, 2)
    died = time.time()
    fleet.dies(ran_on)
    for words in (f"drain {ran_on} --force", f"remove {ran_on} --lost"):
        said = owner.types(f"paas hosts:{words}")
        assert said.code == 0, said.text
    assert fleet.where(APP)

    begin = time.monotonic()
    said = owner.types(f"paas rollback v2 -a {OLD}")
    seconds = time.monotonic() - begin
    answer = owner.visits(OLD).json()

    fleet.boots(ran_on)
    fleet.registers(ran_on)
    assert said.code == 0, said.text
    assert seconds < BOUND_SECONDS
    assert (answer["TEXT"], answer["HEROKU_RELEASE_VERSION"]) == ("old", "v5")
    assert {row.dyno.release for row in fleet.rows(OLD)} == {5}
    assert not {LOCAL, ran_on} & set(fleet.where(OLD).values())
    assert builds(owner) == before
    assert all(failure.began < died + 2 for failure in load.failures), load.report
