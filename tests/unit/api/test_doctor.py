import threading
import time

from paas.doctor import FACT
from paas.model.finding import Examination, Finding, FindingState
from tests.eventually import eventually
from tests.unit.api.served import Served

FOUND = Finding("queue", FindingState.WARN, "slow", "paas logs -a APP")


def test_an_examination_is_asked_for_and_waited_for(served: Served) -> None:
    old = Examination(time.time() - 60, [])
    served.platform.routers.set_fact(FACT, old.dump())

    def worker() -> None:
        eventually(lambda: served.platform.wire.queue("upkeep").count == 1)
        served.platform.routers.set_fact(FACT, Examination(time.time(), [FOUND]).dump())

    thread = threading.Thread(target=worker)
    thread.start()
    with served.by("ana") as client:
        answer = client.get("/doctor").json()
    thread.join()

    assert answer["findings"] == [
        {"name": "queue", "state": "warn", "text": "slow", "next": "paas logs -a APP"}
    ]


def test_without_redis_what_can_be_seen_is_told_at_once(without_redis: Served) -> None:
    settings = without_redis.platform.settings
    (settings.run / "lock").touch()
    begun = time.monotonic()
    with without_redis.by("ana") as client:
        answer = client.get("/doctor")

    states = {finding["name"]: finding["state"] for finding in answer.json()["findings"]}
    assert answer.status_code == 200
    assert states["redis"] == "red"
    assert f"disk of {settings.directory}" in states
    assert time.monotonic() - begun < 8


def test_who_is_no_admin_queues_no_examination(served: Served) -> None:
    with served.by("ben") as client:
        answer = client.get("/doctor")

    assert answer.status_code == 403
    assert "paas whoami" in answer.json()["message"]
    assert "\n" not in answer.json()["message"]
    assert served.platform.wire.queue("upkeep").count == 0
