"""What a lost Redis, follower or HAProxy costs: nothing that a client sees, except HAProxy's own absence."""

import http.client
import signal
import threading

from paas.model.route import Ack
from router.haproxy import HAProxy
from tests.eventually import eventually
from tests.unit.router.conftest import Lab, make_route
from tests.unit.router.load import Load


def test_a_redis_that_came_back_empty_changes_nothing(lab: Lab) -> None:
    one = lab.container("c1")
    lab.publish("shop", one.backend())

    with Load(lab.port, "shop.localhost") as load:
        lab.stop_redis()
        lab.start_redis()
        eventually(lambda: "The table is empty" in lab.said)

    assert load.failures == []
    assert load.total > 0


def test_an_emptied_redis_is_refilled_under_a_new_epoch_and_followed(lab: Lab) -> None:
    one, two = lab.container("c1"), lab.container("c2")
    old = lab.publish("shop", one.backend())
    lab.redis.flushall()
    eventually(lambda: "The table is empty" in lab.said, within=8)
    still = lab.names("shop.localhost")

    version = lab.table.fill(
        [make_route("shop", one.backend()), make_route("blog", two.backend())], {}
    )
    lab.acknowledged(version)

    assert still == {"c1"}
    assert version.epoch != old.epoch
    assert lab.names("shop.localhost") == {"c1"}
    assert lab.names("blog.localhost") == {"c2"}
    assert list(lab.running().slots[lab.running().slot_of["id-shop"]].servers) == ["i1"]


def test_a_redis_that_lost_its_last_writes_does_not_turn_the_table_back(lab: Lab) -> None:
    one, two = lab.container("c1"), lab.container("c2")
    lab.publish("shop", one.backend())
    before = {key: lab.redis.dump(key) for key in lab.redis.keys("*")}
    lab.publish("shop", two.backend())
    lab.stop_redis()
    lab.start_redis()
    for key, kept in before.items():
        lab.redis.restore(key, 0, kept)  # type: ignore[arg-type]
    eventually(lambda: "The table is older" in lab.said, within=8)

    still = lab.names("shop.localhost")
    lab.publish("shop", two.backend(), drain_seconds=5)

    assert still == {"c2"}
    assert lab.names("shop.localhost") == {"c2"}


def test_without_redis_it_serves_on_and_takes_up_the_news_when_it_is_back(lab: Lab) -> None:
    one, two = lab.container("c1"), lab.container("c2")
    lab.publish("shop", one.backend())
    lab.stop_redis()
    without = lab.names("shop.localhost")
    lab.start_redis()

    version = lab.table.fill([make_route("shop", two.backend())], {})
    lab.acknowledged(version)

    assert without == {"c1"}
    assert lab.names("shop.localhost") == {"c2"}


def test_a_killed_follower_finds_everything_as_it_is_and_touches_no_connection(lab: Lab) -> None:
    old, new = lab.container("old"), lab.container("new")
    lab.publish("shop", old.backend())
    kept = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=10)
    kept.request("GET", "/slow", headers={"Host": "shop.localhost"})
    assert old.began.wait(5)
    lab.publish("shop", new.backend())
    worker = HAProxy(lab.folder).worker()

    lab.kill_follower()
    while_dead = lab.names("shop.localhost")
    lab.redis.delete("paas:tttttttt:acks")
    lab.start_follower()
    eventually(lab.ack)
    first = lab.ack()
    old.go_on.set()
    answer = kept.getresponse().read().decode()
    eventually(lambda: (ack := lab.ack()) and not ack.busy)
    kept.close()

    assert while_dead == {"new"}
    assert isinstance(first, Ack)
    assert first.busy == {"old": 1}
    assert answer.startswith("old GET /slow")
    assert HAProxy(lab.folder).worker() == worker
    assert list(lab.running().slots[lab.running().slot_of["id-shop"]].servers) == ["i1", "i2"]


def test_what_changed_while_the_follower_was_dead_is_taken_up(lab: Lab) -> None:
    one, two = lab.container("c1"), lab.container("c2")
    lab.publish("shop", one.backend())
    lab.publish("blog", one.backend())
    lab.kill_follower()
    lab.table.publish(make_route("shop", two.backend()), 2)
    version = lab.table.remove("id-blog", 2)

    lab.start_follower()
    lab.acknowledged(version)

    assert lab.names("shop.localhost") == {"c2"}
    assert lab.get("blog.localhost").status == 404


def test_a_killed_haproxy_comes_back_with_the_right_table_from_its_files(lab: Lab) -> None:
    one, two = lab.container("c1"), lab.container("c2")
    lab.publish("shop", one.backend())
    lab.publish("blog", two.backend("web.7"), hostnames=("blog.localhost", "www.example.com"))
    lab.publish("shop", two.backend(), one.backend("web.2"))
    lab.kill_follower(signal.SIGTERM)
    lab.stop_redis()
    lab.kill_haproxy()

    lab.start_haproxy()

    assert lab.names("shop.localhost") == {"c1", "c2"}
    assert lab.names("www.example.com") == {"c2"}
    assert lab.get("other.localhost").status == 404


def test_a_killed_haproxy_is_noticed_and_told_what_it_missed(lab: Lab) -> None:
    one, two = lab.container("c1"), lab.container("c2")
    lab.publish("shop", one.backend())
    lab.kill_haproxy()
    version = lab.table.publish(make_route("shop", two.backend()), 1)
    threading.Event().wait(0.3)
    silent = lab.ack()

    lab.start_haproxy()

    assert isinstance(silent, Ack)
    assert not silent.version.covers(version)
    assert eventually(lambda: (ack := lab.ack()) and ack.version == version, within=2) < 2
    assert lab.names("shop.localhost") == {"c2"}


def test_a_new_haproxy_takes_over_from_the_living_one_under_load(lab: Lab) -> None:
    old, new = lab.container("old"), lab.container("new")
    lab.publish("shop", old.backend())
    kept = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=10)
    kept.request("POST", "/slow", headers={"Host": "shop.localhost"})
    assert old.began.wait(5)
    first = lab.haproxy

    with Load(lab.port, "shop.localhost") as load:
        lab.start_haproxy()
        version = lab.publish("shop", new.backend())
        in_the_old_one = lab.acknowledged(version)
        old.go_on.set()
        answer = kept.getresponse().read().decode()
        kept.close()
        eventually(lambda: (ack := lab.ack()) and not ack.busy)

    assert load.failures == []
    assert in_the_old_one.busy == {"old": 1}
    assert answer.startswith("old POST /slow")
    assert first is not None
    assert first.wait(10) == 0


def test_a_change_by_somebody_else_is_repaired_and_counted(lab: Lab) -> None:
    one, two = lab.container("c1"), lab.container("c2")
    lab.publish("shop", one.backend())
    slot = lab.running().slot_of["id-shop"]
    HAProxy(lab.folder)._tell([f"del map {lab.folder.hostnames} shop.localhost"])
    HAProxy(lab.folder)._tell([f"del map {lab.folder.slots} {slot}"])

    lab.publish("shop", two.backend(), drain_seconds=3)

    eventually(lambda: (ack := lab.ack()) and ack.status.drift == 1, within=15)
    assert lab.names("shop.localhost") == {"c2"}
