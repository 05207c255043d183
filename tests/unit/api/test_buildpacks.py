from paas.model.build import BuildState, UsedBuildpack
from tests.make import NOW
from tests.unit.api.served import Served, upload

URL = "https://example.com/apt"
PATH = "/apps/blog/buildpack-installations"


def named(*urls: str) -> dict[str, object]:
    return {"updates": [{"buildpack": url} for url in urls]}


def test_buildpacks_are_set_in_order_and_listed_in_herokus_form(served: Served) -> None:
    with served.by("ben") as client:
        empty = client.get(PATH).json()
        put = client.put(PATH, json=named(f"{URL}#main", "heroku/python", "./own"))
        listed = client.get(PATH).json()
        cleared = client.put(PATH, json=named())

    assert (empty, put.status_code, cleared.json()) == ([], 200, [])
    assert listed == put.json()
    assert listed == [
        {"ordinal": 0, "buildpack": {"url": f"{URL}#main", "name": f"{URL}#main"}},
        {"ordinal": 1, "buildpack": {"url": "python", "name": "python"}},
        {"ordinal": 2, "buildpack": {"url": "./own", "name": "./own"}},
    ]


def test_a_buildpack_that_cannot_be_changes_nothing(served: Served) -> None:
    with served.by("ben") as client:
        client.put(PATH, json=named("python"))
        for given, said in (
            (named("cobol"), "There is no buildpack 'cobol' here. Ours: python"),
            (named("http://example.com/b"), "is no buildpack"),
            (named("python", "heroku/python"), "python is named twice"),
            (named(*(f"{URL}{number}" for number in range(21))), "at most 20"),
            (named("https://ana:secret@example.com/b"), "config var BUILDPACK_URL"),
            ({"updates": [{}]}, "updates"),
            ({"updates": [{"buildpack": "x" * 5000}]}, "updates"),
        ):
            answer = client.put(PATH, json=given)

            assert answer.status_code == 422
            assert said in answer.json()["message"]
            assert "secret" not in answer.text
        assert [each["buildpack"]["name"] for each in client.get(PATH).json()] == ["python"]


def test_nobody_sets_another_persons_buildpacks(served: Served) -> None:
    with served.by("eve") as client:
        assert client.put(PATH, json=named("python")).status_code == 404
        assert client.get(PATH).status_code == 404
        assert client.delete("/apps/blog/build-cache").status_code == 404


def test_a_builds_buildpacks_are_told_with_their_versions(served: Served) -> None:
    used = [UsedBuildpack(URL, "abc"), UsedBuildpack("python")]
    with served.by("ana") as client:
        build = client.post("/apps/shop/builds", json={"source_blob": upload(client)}).json()
        served.platform.builds.begin(build["id"], "builds-1", NOW, NOW + 30)
        served.platform.builds.note_buildpacks(build["id"], used)
        shown = client.get(f"/apps/shop/builds/{build['id']}").json()

    assert build["buildpacks"] is None
    assert shown["buildpacks"] == [
        {"url": URL, "name": URL, "version": "abc"},
        {"url": "python", "name": "python", "version": None},
    ]


def test_the_build_cache_is_purged_unless_a_build_uses_it(served: Served) -> None:
    settings = served.platform.settings
    folder = settings.build_cache(served.blog.id)
    (folder / "kept").mkdir(parents=True)
    with served.by("ben") as client:
        build = client.post("/apps/blog/builds", json={"source_blob": upload(client)}).json()
        served.platform.builds.begin(build["id"], "builds-1", NOW, NOW + 30)
        busy = client.delete("/apps/blog/build-cache")
        assert folder.exists()
        served.platform.builds.end(build["id"], BuildState.FAILED, NOW, "x")
        purged = client.delete("/apps/blog/build-cache")
        again = client.delete("/apps/blog/build-cache")

    assert (busy.status_code, purged.status_code, again.status_code) == (409, 204, 204)
    assert "paas builds:cancel -a blog" in busy.json()["message"]
    assert not folder.exists()
