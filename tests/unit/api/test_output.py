import threading
import time
import uuid

import httpx
import pytest

from paas.api.output import HEARTBEAT_SECONDS, Narrator, Stage
from paas.model.build import Build, BuildState
from paas.model.log import LogLine
from tests.eventually import eventually
from tests.unit.api.served import Served


class Pusher(threading.Thread):
    """Follows a build's output."""

    def __init__(self, client: httpx.Client, build_id: str, offset: int = 0) -> None:
        super().__init__(daemon=True)
        self.seen = b""
        self._client, self._path = client, f"/apps/shop/builds/{build_id}/output?offset={offset}"
        self.start()

    def run(self) -> None:
        with self._client.stream("GET", self._path) as answer:
            assert answer.status_code == 200
            for chunk in answer.iter_raw():
                self.seen += chunk

    @property
    def text(self) -> str:
        return self.seen.decode()


def queued(served: Served) -> str:
    build = Build(
        str(uuid.uuid4()),
        served.shop.id,
        BuildState.QUEUED,
        "source",
        "3f2a91c",
        "ana",
        time.time(),
    )
    served.platform.builds.add(build)
    return build.id


def building(served: Served) -> str:
    build_id = queued(served)
    assert served.platform.builds.begin(build_id, "worker", time.time(), time.time() + 60)
    return build_id


def says(served: Served, build_id: str, text: str) -> None:
    served.platform.logs.write_output(build_id, text)


def released(served: Served, build_id: str, **processes: str) -> int:
    """It is built, and its release is wanted."""
    served.stage.releases(web="serve", **processes)
    number = served.shop.wanted_release
    assert number is not None
    image = served.platform.releases.get(served.shop.id, number).image
    served.platform.builds.note(build_id, image=image, release=number)
    served.platform.builds.end(build_id, BuildState.SUCCEEDED, time.time())
    return number


def outcome(client: httpx.Client, build_id: str) -> tuple[str, str, bool]:
    build = client.get(f"/apps/shop/builds/{build_id}").json()
    return build["status"], build["outcome"], build["current"]


def test_a_push_is_seen_from_the_first_line_to_the_url(served: Served) -> None:
    build_id = building(served)
    with served.by("ana") as client:
        pusher = Pusher(client, build_id)
        says(served, build_id, "-----> Building on the stack\n")
        eventually(lambda: pusher.text == "-----> Building on the stack\n")
        released(served, build_id)
        served.stage.converges(1)
        assert outcome(client, build_id) == ("pending", "pending", False)
        eventually(lambda: "web.1 starting" in pusher.text)
        served.stage.comes_up()
        served.stage.converges()
        pusher.join(5)

        assert outcome(client, build_id) == ("succeeded", "live", True)
    assert pusher.text.splitlines()[-1] == "-----> http://shop.localhost/ deployed (v1)"


def test_who_comes_late_or_again_goes_on_where_they_were(served: Served) -> None:
    build_id = building(served)
    says(served, build_id, "-----> One\n-----> Two\n")
    served.platform.builds.end(build_id, BuildState.FAILED, time.time(), "it does not compile")
    with served.by("ana") as client:
        late = client.get(f"/apps/shop/builds/{build_id}/output").text
        again = client.get(f"/apps/shop/builds/{build_id}/output?offset=11").text

    assert late == "-----> One\n-----> Two\n !     it does not compile\n"
    assert again == "-----> Two\n !     it does not compile\n"


def test_a_build_that_has_said_why_it_failed_does_not_say_it_twice(served: Served) -> None:
    build_id = building(served)
    says(served, build_id, "-----> Build failed\n !     it does not compile\n")
    served.platform.builds.end(build_id, BuildState.FAILED, time.time(), "it does not compile")
    with served.by("ana") as client:
        text = client.get(f"/apps/shop/builds/{build_id}/output").text
        assert outcome(client, build_id) == ("failed", "failed", False)

    assert text == "-----> Build failed\n !     it does not compile\n"


def test_what_a_release_process_prints_is_seen_once_by_whoever_comes_again(served: Served) -> None:
    build_id = building(served)
    says(served, build_id, "-----> One\n")
    released(served, build_id, release="migrate")
    served.stage.converges(1)
    (row,) = served.stage.rows()
    lines = [LogLine(at, "app", row.dyno.name, f"step {at}", row.id) for at in range(3)]
    with served.by("ana") as client:
        first, second = Pusher(client, build_id), Pusher(client, build_id)
        for line in lines:
            served.platform.logs.append(served.shop.id, [line])
            eventually(lambda text=f"       {line.text}\n": text in first.text)
        offset = first.text.index("       step 2")
        again = Pusher(client, build_id, offset)
        eventually(lambda: again.text.startswith("       step 2\n"))
        served.platform.builds.end(build_id, BuildState.SUCCEEDED, time.time())
        served.platform.containers.note(row.id, exit_code=1, exits=(time.time(),), is_logged=True)
        served.platform.apps.touch(served.shop.id)
        served.stage.converges()
        for pusher in (first, second, again):
            pusher.join(5)
        late = client.get(f"/apps/shop/builds/{build_id}/output").text

    for text in (first.text, second.text, late):
        assert [text.count(f"       step {at}\n") for at in range(3)] == [1, 1, 1]
        assert "v1 did not go live: the release process ended with status 1" in text


def test_a_release_that_does_not_start_is_told_with_what_it_printed_last(served: Served) -> None:
    build_id = building(served)
    released(served, build_id)
    served.stage.converges(1)
    row = served.stage.row("web.1")
    lines = [
        LogLine(time.time_ns(), "app", "web.1", f"line {number}", row.id) for number in range(60)
    ]
    served.platform.logs.append(served.shop.id, lines)
    served.stage.crashes("web.1")
    served.stage.converges()
    with served.by("ana") as client:
        text = client.get(f"/apps/shop/builds/{build_id}/output").text
        assert outcome(client, build_id) == ("failed", "failed", False)

    told = text.splitlines()
    assert " !     v1 did not go live: web.1 exited with status 1 while starting" in told
    assert told[-50:] == [f"       line {number}" for number in range(10, 60)]


def test_a_config_change_meanwhile_carries_the_push_with_it(served: Served) -> None:
    build_id = building(served)
    released(served, build_id)
    with served.by("ana") as client:
        pusher = Pusher(client, build_id)
        client.patch("/apps/shop/config-vars", json={"A": "1"})
        served.stage.converges()
        served.stage.comes_up()
        served.stage.converges()
        pusher.join(5)

        assert outcome(client, build_id) == ("succeeded", "live", True)
    assert pusher.text.splitlines()[-1] == "-----> http://shop.localhost/ deployed (v2)"


def test_a_newer_image_supersedes_the_push(served: Served) -> None:
    first = building(served)
    released(served, first)
    second = building(served)
    released(served, second)
    with served.by("ana") as client:
        text = client.get(f"/apps/shop/builds/{first}/output").text

        assert outcome(client, first) == ("failed", "superseded", False)
    assert text.splitlines()[-1] == " !     v1: v2 took its place"


def test_what_was_live_once_is_current_no_more(served: Served) -> None:
    for _ in range(2):
        build_id = building(served)
        released(served, build_id)
        served.stage.converges()
        served.stage.comes_up()
        served.stage.converges()
    with served.by("ana") as client:
        newest, oldest = client.get("/apps/shop/builds").json()

    assert (newest["outcome"], newest["current"]) == ("live", True)
    assert (oldest["outcome"], oldest["current"]) == ("live", False)


def test_a_destroyed_app_ends_the_output(served: Served) -> None:
    build_id = building(served)
    with served.by("ana") as client:
        pusher = Pusher(client, build_id)
        says(served, build_id, "-----> Building\n")
        eventually(lambda: pusher.text)
        served.platform.apps.destroy(served.shop.id, time.time())
        pusher.join(5)

    assert pusher.text == "-----> Building\n !     shop was destroyed\n"


def test_a_cancelled_build_ends_the_output(served: Served) -> None:
    build_id = queued(served)
    with served.by("ana") as client:
        pusher = Pusher(client, build_id)
        client.delete(f"/apps/shop/builds/{build_id}")
        pusher.join(5)

    assert pusher.text == " !     cancelled by ana\n"


def test_silence_is_filled_and_a_new_stage_told() -> None:
    narrator, now = Narrator(), time.time()
    building = Stage("building", now - 42, is_told=False)
    starting = Stage("0 of 1 up; web.1 starting", now - 3, is_told=True)

    assert narrator.line("b", building, now) is None
    assert narrator.line("b", building, now - HEARTBEAT_SECONDS - 1) == "       building … (42 s)\n"
    assert narrator.line("b", building, now - HEARTBEAT_SECONDS - 1) is None  # it was just told
    assert narrator.line("b", starting, now) is None  # not more than a line each second
    narrator.told["b"] = ("building", now - 2)
    assert narrator.line("b", starting, now) == "       0 of 1 up; web.1 starting\n"


def test_a_line_that_fills_silence_is_seen_by_all_who_follow_and_told_once(served: Served) -> None:
    build_id = building(served)
    with served.by("ana") as one, served.by("ana") as two:
        pushers = [Pusher(one, build_id), Pusher(two, build_id)]
        released(served, build_id)
        eventually(lambda: all(pusher.text.count("web.1 pending") == 1 for pusher in pushers))
        kept, _ = served.platform.logs.read_output(build_id, 0)
        served.stage.converges()
        served.stage.comes_up()
        served.stage.converges()
        for pusher in pushers:
            pusher.join(5)

    assert pushers[0].text == pushers[1].text
    assert kept.decode() == "       0 of 1 up; web.1 pending\n"


@pytest.mark.parametrize("offset", ["-1", "x", "9" * 30])
def test_an_offset_that_cannot_be_is_told(served: Served, offset: str) -> None:
    build_id = queued(served)
    with served.by("ana") as client:
        assert client.get(f"/apps/shop/builds/{build_id}/output?offset={offset}").status_code == 422


def test_a_queued_build_tells_its_place_and_then_builds(served: Served) -> None:
    platform = served.platform
    busy, older, own = (
        Build(str(uuid.uuid4()), app_id, BuildState.QUEUED, "source", "", "ana", time.time() - age)
        for app_id, age in (("busy", 30), ("older", 20), (served.shop.id, 10))
    )
    for build in (busy, older, own):
        platform.builds.add(build)
    assert platform.builds.begin(busy.id, "builds-1", time.time(), time.time() + 60)
    with served.by("ana") as client:
        shown = client.get(f"/apps/shop/builds/{own.id}").json()
        pusher = Pusher(client, own.id)
        eventually(lambda: "waiting for a builder: 2 builds before this one\n" in pusher.text)
        platform.builds.end(busy.id, BuildState.FAILED, time.time())
        eventually(lambda: "waiting for a builder: 1 build before this one\n" in pusher.text)
        platform.builds.begin(own.id, "builds-1", time.time(), time.time() + 60)
        begun = client.get(f"/apps/shop/builds/{own.id}").json()
        platform.builds.end(own.id, BuildState.FAILED, time.time(), "no Dockerfile")
        pusher.join(10)

    assert (shown["status"], shown["before"], begun["before"]) == ("pending", 2, None)
    assert pusher.text.endswith(" !     no Dockerfile\n")


def test_a_build_that_begins_at_once_says_nothing_of_a_queue(served: Served) -> None:
    building(served)
    with served.by("ana") as client:
        build_id = queued(served)
        pusher = Pusher(client, build_id)
        served.platform.builds.end(build_id, BuildState.FAILED, time.time(), "no Dockerfile")
        pusher.join(10)

    assert pusher.text == " !     no Dockerfile\n"
