import time

import httpx

from paas.model.build import BuildState
from tests.make import NOW
from tests.unit.api.served import Served, tarball, upload


def begins(client: httpx.Client, app: str = "blog", version: str = "3f2a91c") -> dict[str, object]:
    answer = client.post(
        f"/apps/{app}/builds", json={"source_blob": upload(client, version=version)}
    )
    assert answer.status_code == 201, answer.text
    build: dict[str, object] = answer.json()
    return build


def test_a_build_is_queued_and_answered_at_once(served: Served) -> None:
    with served.by("ben") as client:
        build = begins(client)
        listed = client.get("/apps/blog/builds").json()
        shown = client.get(f"/apps/blog/builds/{build['id']}").json()

    assert (build["status"], build["outcome"], build["current"]) == ("pending", "pending", False)
    assert [each["id"] for each in listed] == [shown["id"]] == [build["id"]]
    assert served.platform.wire.queue("builds").count == 1


def test_builds_are_found_by_their_commit(served: Served) -> None:
    with served.by("ben") as client:
        begins(client, version="a" * 40)
        newer = begins(client, version="b" * 40)
        found = client.get("/apps/blog/builds", params={"commit": "b" * 40}).json()
        first = client.get("/apps/blog/builds", params={"commit": "a" * 40}).json()

    assert [each["id"] for each in found] == [newer["id"]]
    assert [each["outcome"] for each in first] == ["cancelled"]  # a newer push took its place


def test_a_build_needs_a_source_of_ones_own_that_was_uploaded(served: Served) -> None:
    with served.by("ben") as ben, served.by("eve") as eve:
        others = upload(eve)
        empty = {"url": ben.post("/sources").json()["source_blob"]["get_url"]}
        for blob, status in (
            (others, 404), (empty, 422), ({"url": "http://example.com/app.tgz"}, 422), ({"url": "/etc/passwd"}, 422),
            ({"url": "http://["}, 422), ({"url": ""}, 422), ({}, 422), ({"url": "/sources/../x"}, 422),
            ({**others, "version": "x" * 999}, 422), ({"url": f"/sources/{'0' * 36}"}, 404),
        ):  # fmt: skip
            assert (
                ben.post("/apps/blog/builds", json={"source_blob": blob}).status_code == status
            ), blob
        assert ben.get("/apps/blog/builds").json() == []


def test_a_build_can_be_cancelled_while_it_is_not_over(served: Served) -> None:
    with served.by("ben") as client:
        build = begins(client)
        cancelled = client.delete(f"/apps/blog/builds/{build['id']}")
        again = client.delete(f"/apps/blog/builds/{build['id']}")

    assert (cancelled.json()["status"], cancelled.json()["outcome"]) == ("failed", "cancelled")
    assert cancelled.json()["reason"] == "cancelled by ben"
    assert again.status_code == 409


def test_a_build_of_another_app_is_not_there(served: Served) -> None:
    with served.by("ben") as ben, served.by("ana") as ana:
        build = begins(ben)
        for path in (
            f"/apps/shop/builds/{build['id']}",
            "/apps/shop/builds/x",
            "/apps/shop/builds/%00",
        ):
            assert ana.get(path).status_code == ana.delete(path).status_code == 404
            assert ana.get(f"{path}/output").status_code == 404


def test_without_redis_nothing_is_built_and_nothing_waits(without_redis: Served) -> None:
    with without_redis.by("ben") as client:
        blob = upload(client)
        begun = time.monotonic()
        answer = client.post("/apps/blog/builds", json={"source_blob": blob})
        (build,) = client.get("/apps/blog/builds").json()

    assert answer.status_code == 503
    assert (
        answer.json()["message"]
        == "Redis does not answer, so nothing can be built now. See: paas doctor"
    )
    assert time.monotonic() - begun < 5
    assert build["outcome"] == "failed"
    assert without_redis.platform.builds.in_state(BuildState.QUEUED) == []


def test_a_source_of_bytes_is_still_a_source(served: Served) -> None:
    with served.by("ben") as client:
        assert upload(client, tarball()[:100])["url"].startswith("http://127.0.0.1:")


def test_what_an_app_was_built_of_its_people_may_build_again(served: Served) -> None:
    with served.by("ana") as ana, served.by("ben") as ben, served.by("eve") as eve:
        blob = begins(ana)["source_blob"]
        again = ben.post("/apps/blog/builds", json={"source_blob": blob})
        others = eve.post("/apps", json={"name": "other"})
        foreign = eve.post("/apps/other/builds", json={"source_blob": blob})
        served.platform.sources.remove(str(blob["url"]).rpartition("/")[2])
        gone = ben.post("/apps/blog/builds", json={"source_blob": blob})

    assert (again.status_code, again.json()["source_blob"]) == (201, blob)
    assert (others.status_code, foreign.status_code) == (201, 404)
    assert gone.status_code == 422
    assert "is not kept any more" in gone.json()["message"]


def test_a_build_is_of_one_thing(served: Served) -> None:
    with served.by("ben") as client:
        blob = upload(client)
        for checksum in ("SHA256:00", "md5:" + "0" * 32, "0" * 63, 7):
            body = {"source_blob": {**blob, "checksum": checksum}}
            assert client.post("/apps/blog/builds", json=body).status_code == 422
        for body in ({}, {"source_blob": blob, "commit": "3f2a91c"}):
            answer = client.post("/apps/blog/builds", json=body)
            assert (answer.status_code, answer.json()["id"]) == (422, "invalid_params")


def test_without_a_door_a_pushed_commit_cannot_be_had(served: Served) -> None:
    with served.by("ben") as client:
        answer = client.post("/apps/blog/builds", json={"commit": "main"})

    assert answer.status_code == 503
    assert "The door does not answer" in answer.json()["message"]


def test_an_image_is_deployed_by_admins_and_never_one_of_the_platforms_own(served: Served) -> None:
    with served.by("ana") as ana, served.by("ben") as ben:
        made = ana.post("/apps/blog/builds", json={"image": "nginx:1.27"})
        own = ana.post("/apps/blog/builds", json={"image": "paas/stack:run"})
        refused = ben.post("/apps/blog/builds", json={"image": "nginx:1.27"})
        again = ben.post("/apps/blog/builds", json={"source_blob": made.json()["source_blob"]})

    assert (made.status_code, own.status_code, refused.status_code) == (201, 422, 403)
    assert "the platform's own" in own.json()["message"]
    source = served.platform.builds.source(made.json()["source_blob"]["url"].rpartition("/")[2])
    assert source.image == "nginx:1.27"
    assert again.status_code == 201  # an admin has chosen it for this app


def test_a_source_may_be_a_url_which_is_kept_sealed(served: Served) -> None:
    url, checksum = "https://ben:s3cret@example.com/app.tgz?key=s3cret", "0A" * 32
    with served.by("ben") as ben:
        blob = {"url": url, "checksum": f"SHA256:{checksum}", "version": "v1.2"}
        made = ben.post("/apps/blog/builds", json={"source_blob": blob}).json()
        again = ben.post("/apps/blog/builds", json={"source_blob": made["source_blob"]})

    source = served.platform.builds.source(made["source_blob"]["url"].rpartition("/")[2])
    assert source.url is not None and "s3cret" not in source.url
    assert served.platform.cipher.open(source.url) == url
    assert source.checksum == checksum.lower()
    assert "s3cret" not in str(made)
    assert made["source_blob"]["version"] == "v1.2"
    assert again.status_code == 201


def test_an_upload_may_be_held_against_a_checksum(served: Served) -> None:
    with served.by("ben") as ben:
        blob = upload(ben)
        made = ben.post("/apps/blog/builds", json={"source_blob": {**blob, "checksum": "0" * 64}})

    source = served.platform.builds.source(made.json()["source_blob"]["url"].rpartition("/")[2])
    assert (source.url, source.checksum) == (None, "0" * 64)


def test_a_build_that_is_to_release_nothing_takes_the_place_of_its_like_alone(
    served: Served,
) -> None:
    def begun(client: httpx.Client, **given: str) -> str:
        answer = client.post("/apps/blog/builds", json={"source_blob": upload(client), **given})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    with served.by("ben") as client:
        release, first, second = (
            begun(client), begun(client, purpose="dry-run"), begun(client, purpose="dry-run"),
        )  # fmt: skip
        before = {each["id"]: each["outcome"] for each in client.get("/apps/blog/builds").json()}
        begun(client)
        after = {each["id"]: each["outcome"] for each in client.get("/apps/blog/builds").json()}
        unknown = client.post("/apps/blog/builds", json={"source_blob": {}, "purpose": "x"})

    assert before == {release: "pending", first: "cancelled", second: "pending"}
    assert {after[release], after[second]} == {"cancelled"}
    assert unknown.status_code == 422


def test_a_build_that_was_to_release_nothing_has_succeeded(served: Served) -> None:
    with served.by("ben") as client:
        body = {"source_blob": upload(client), "purpose": "no-release"}
        build = client.post("/apps/blog/builds", json=body).json()
        served.platform.builds.begin(build["id"], "builds-1", NOW, NOW)
        served.platform.builds.end(build["id"], BuildState.SUCCEEDED, NOW)
        shown = client.get(f"/apps/blog/builds/{build['id']}").json()
        output = client.get(f"/apps/blog/builds/{build['id']}/output")

    assert (shown["status"], shown["outcome"]) == ("succeeded", "built")
    assert output.text == ""
