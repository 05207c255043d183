import time
import uuid
from dataclasses import replace

import pytest

from paas.api.shapes import uuid_of
from paas.model.deploy import DeployState
from paas.releases.tidy import tidy
from tests.make import NOW
from tests.unit.api.served import Served


def test_releases_are_listed_newest_first(served: Served) -> None:
    served.stage.deployed(web="serve")
    served.stage.releases(web="serve")
    with served.by("ana") as client:
        found = client.get("/apps/shop/releases").json()

    assert [(each["version"], each["status"], each["current"]) for each in found] == [
        (2, "pending", False), (1, "succeeded", True),
    ]  # fmt: skip
    assert found[0]["deploy"] == "starting"


@pytest.mark.parametrize(
    ("asked", "versions"),
    [("version ..; order=desc,max=1", [3]), ("version ..; max=2, order=desc", [3, 2]),
     ("version ..; order=asc", [1, 2, 3]), ("bytes=0-1", [3, 2, 1]), ("id ..; max=1000;", [3, 2, 1])],
)  # fmt: skip
def test_a_range_turns_and_shortens_the_list(
    served: Served, asked: str, versions: list[int]
) -> None:
    with served.by("ben", Range=asked) as client:
        for value in "abc":
            client.patch("/apps/blog/config-vars", json={"A": value})
        found = client.get("/apps/blog/releases").json()

    assert [each["version"] for each in found] == versions


def test_a_release_is_found_by_number_and_by_id(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        first = client.get("/apps/shop/releases/1").json()
        assert client.get("/apps/shop/releases/v1").json() == first
        assert client.get(f"/apps/shop/releases/{first['id']}").json() == first
        for absent in ("0", "2", "v99999999999", "latest", "-1", "%00", "1.0"):
            assert client.get(f"/apps/shop/releases/{absent}").status_code == 404


@pytest.mark.parametrize("given", [1, "1", "v1", None])
def test_a_rollback_makes_a_new_release_of_old_parts(served: Served, given: object) -> None:
    served.stage.deployed(web="old")
    served.stage.deployed(web="new")
    with served.by("ana") as client:
        answer = client.post("/apps/shop/releases", json={"release": given})

    assert answer.status_code == 201
    assert answer.json()["version"] == 3
    assert answer.json()["description"] == "Rollback to v1"
    assert answer.headers["Paas-Release"] == "3"
    assert served.platform.releases.get(served.shop.id, 3).processes == {"web": "old"}


def test_a_bare_rollback_passes_over_what_failed_and_goes_back_and_forth(served: Served) -> None:
    def rolls_back() -> str:
        with served.by("ana") as client:
            made = client.post("/apps/shop/releases", json={}).json()
        served.stage.converges()
        served.stage.comes_up()
        served.stage.converges()
        assert served.shop.current_release == made["version"]
        return str(made["description"])

    served.stage.deployed(web="one")
    served.stage.deployed(web="two")
    served.stage.releases(web="bad")
    failed = served.platform.deploys.open(served.shop.id)
    assert failed is not None
    served.platform.deploys.end(failed, DeployState.FAILED, NOW, "web.1 exited with status 1")
    served.platform.apps.settle(served.shop.id, 2, NOW)

    assert [rolls_back(), rolls_back(), rolls_back()] == [
        "Rollback to v1", "Rollback to v2", "Rollback to v4",
    ]  # fmt: skip


def test_a_rollback_to_what_never_ran_changes_nothing(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        for given in (7, "v0", "x", "", "9" * 500, 10**20):
            assert client.post("/apps/shop/releases", json={"release": given}).status_code == 404
        assert client.post("/apps/shop/releases", json={"slug": "x"}).status_code == 404
        assert client.post("/apps/shop/releases", json={"release": [1]}).status_code == 422

    assert len(served.platform.releases.all(served.shop.id)) == 1


def test_a_slug_that_was_kept_is_released_with_the_config_as_it_is_now(served: Served) -> None:
    served.stage.deployed(web="serve")
    platform, app = served.platform, served.shop
    (built,) = platform.builds.images(app.id)
    kept = replace(built, id=str(uuid.uuid4()), commit="b" * 40, processes={"web": "run", "x": "y"})
    platform.builds.add_image(kept)
    with served.by("ana") as client, served.by("ben") as ben:
        client.patch("/apps/shop/config-vars", json={"KEY": "value"})
        slug = {"slug": uuid_of("image", kept.id)}
        made = client.post("/apps/shop/releases", json=slug)
        again = client.post("/apps/shop/releases", json={"slug": uuid_of("image", built.id)})
        foreign = ben.post("/apps/blog/releases", json=slug)

    assert (made.status_code, made.json()["description"]) == (201, "Deploy bbbbbbb")
    release = platform.releases.get(app.id, made.json()["version"])
    assert (release.processes, release.config.vars) == (kept.processes, {"KEY": "value"})
    assert again.json()["slug"] == {"id": uuid_of("image", built.id)}
    assert platform.releases.get(app.id, again.json()["version"]).processes == {"web": "serve"}
    assert foreign.status_code == 404


def test_an_image_that_was_kept_is_there_for_a_week(served: Served) -> None:
    served.stage.deployed(web="serve")
    platform, app = served.platform, served.shop
    (built,) = platform.builds.images(app.id)
    for age in (2, 1):
        platform.builds.add_image(
            replace(
                built,
                id=f"kept-{age}",
                processes={"web": "x"},
                created_at=time.time() + 9 - age,
                where={},
            )
        )

    tidy(app.id, platform, time.time())
    after_a_day = [image.id for image in platform.builds.images(app.id)]
    tidy(app.id, platform, time.time() + 8 * 86400)

    assert after_a_day == [built.id, "kept-1"]
    assert [image.id for image in platform.builds.images(app.id)] == [built.id]
