import pytest

from paas.apps.build_config import configure_build
from paas.model.build_config import BuildConfig
from paas.push import push
from paas.releases.tidy import forget
from paas.store.apps import UnknownApp
from tests.make import NOW
from tests.unit.api.served import Served, upload

PATH = "/apps/blog/build-config"
NOTHING = {"path": None, "dockerfile": None, "target": None, "args": [], "secrets": []}


def test_what_is_set_is_shown_and_null_unsets(served: Served) -> None:
    changes = {"path": "services/api/", "target": "web", "args": ["A", "B"], "secrets": ["C"]}
    with served.by("ben") as client:
        before = client.get(PATH).json()
        set_now = client.patch(PATH, json=changes)
        fewer = client.patch(PATH, json={"target": None, "args": []})
        shown = client.get(PATH).json()

    assert (before, set_now.status_code) == (NOTHING, 200)
    assert set_now.json() == {**NOTHING, **changes, "path": "services/api"}
    assert shown == fewer.json() == {**NOTHING, "path": "services/api", "secrets": ["C"]}
    assert served.platform.apps.get(served.blog.id).wake == served.blog.wake  # nothing restarts


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"path": "ok", "target": "a b"}, "Build setting 'target'"),
        ({"path": "../x"}, "without '..'"),
        ({"folder": "x"}, "is none. There are: path, dockerfile"),
        ({"args": "A=secret-value"}, "no name of a config var"),
        ({"args": ["LD_PRELOAD"]}, "means something to docker itself"),
        ({"path": 1}, "path"),
        ({"args": [["A"]]}, "args"),
        ({"path": "x" * 5000}, "path"),
    ],
)
def test_what_cannot_be_changes_nothing(
    served: Served, given: dict[str, object], said: str
) -> None:
    with served.by("ben") as client:
        answer = client.patch(PATH, json=given)
        shown = client.get(PATH).json()

    assert answer.status_code == 422
    assert said in answer.json()["message"]
    assert shown == NOTHING


def test_nobody_configures_another_persons_builds(served: Served) -> None:
    with served.by("eve") as client:
        assert client.get(PATH).status_code == 404
        assert client.patch(PATH, json={"path": "x"}).status_code == 404


def test_a_build_keeps_what_it_was_built_by(served: Served) -> None:
    platform = served.platform
    platform.settings.builds.mkdir()
    with served.by("ben") as client:
        client.patch(PATH, json={"path": "services/api"})
        build = client.post("/apps/blog/builds", json={"source_blob": upload(client)}).json()
        push(build["id"], platform, "builds-1")
        client.patch(PATH, json={"path": None})

    kept = platform.builds.get(build["id"])
    assert kept is not None
    assert kept.build_config == BuildConfig(path="services/api")
    assert "there is no folder services/api in the repository" in (kept.reason or "")


def test_what_is_set_goes_with_the_app(served: Served) -> None:
    platform = served.platform
    platform.build_configs.put(served.blog.id, BuildConfig(path="x"))

    platform.apps.destroy(served.blog.id, NOW)
    forget(platform.apps.get(served.blog.id), platform, NOW)

    assert platform.build_configs.of(served.blog.id) == BuildConfig()


def test_nothing_is_set_for_an_app_that_is_destroyed_meanwhile(served: Served) -> None:
    platform = served.platform
    platform.apps.destroy(served.blog.id, NOW)
    forget(platform.apps.get(served.blog.id), platform, NOW)

    with pytest.raises(UnknownApp):
        configure_build(served.blog, {"path": "x"}, "ben", platform, NOW)

    assert platform.build_configs.of(served.blog.id) == BuildConfig()
