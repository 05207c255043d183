"""What a lost Redis, follower or HAProxy costs: nothing that a client sees, except HAProxy's own absence."""

import http.client
import signal
import threading

from paas.model.route import Ack
from router.haproxy import HAProxy
from tests.eventually import eventually
from tests.integration.router.lab import Lab, make_route
from tests.integration.router.load import Load


def test_a_redis_that_came_back_empty_changes_nothing(own_lab: Lab) -> None:
    one = own_lab.container("c1")
    own_lab.publish("shop", one.backend())

    with Load(own_lab.port, "shop.localhost") as load:
        own_lab.stop_redis()
        own_lab.start_redis()
        eventually(lambda: "The table is empty" in own_lab.said)

    assert load.failures == []
    assert load.total > 0


def test_an_emptied_redis_is_refilled_under_a_new_epoch_and_followed(own_lab: Lab) -> None:
    one, two = own_lab.container("c1"), own_lab.container("c2")
    old = own_lab.publish("shop", one.backend())
    own_lab.redis.flushall()
    eventually(lambda: "The table is empty" in own_lab.said, within=8)
    still = own_lab.names("shop.localhost")

    version = own_lab.table.fill(
        [make_route("shop", one.backend()), make_route("blog", two.backend())], {}
    )
    own_lab.acknowledged(version)

    assert still == {"c1"}
    assert version.epoch != old.epoch
    assert own_lab.names("shop.localhost") == {"c1"}
    assert own_lab.names("blog.localhost") == {"c2"}
    assert list(own_lab.running().slots[own_lab.running().slot_of["id-shop"]].servers) == ["i1"]


def test_a_redis_that_lost_its_last_writes_does_not_turn_the_table_back(own_lab: Lab) -> None:
    one, two = own_lab.container("c1"), own_lab.container("c2")
    own_lab.publish("shop", one.backend())
    before = {key: own_lab.redis.dump(key) for key in own_lab.redis.keys("*")}
    own_lab.publish("shop", two.backend())
    own_lab.stop_redis()
    own_lab.start_redis()
    for key, kept in before.items():
        own_lab.redis.restore(key, 0, kept)  # type: ignore[arg-type]
    eventually(lambda: "The table is older" in own_lab.said, within=8)

    still = own_lab.names("shop.localhost")
    own_lab.publish("shop", two.backend(), drain_seconds=5)

    assert still == {"c2"}
    assert own_lab.names("shop.localhost") == {"c2"}


def test_without_redis_it_serves_on_and_takes_up_the_news_when_it_is_back(own_lab: Lab) -> None:
    one, two = own_lab.container("c1"), own_lab.container("c2")
    own_lab.publish("shop", one.backend())
    own_lab.stop_redis()
    without = own_lab.names("shop.localhost")
    own_lab.start_redis()

    version = own_lab.table.fill([make_route("shop", two.backend())], {})
    own_lab.acknowledged(version)

    assert without == {"c1"}
    assert own_lab.names("shop.localhost") == {"c2"}


def test_a_killed_follower_finds_everything_as_it_is_and_touches_no_connection(
    own_lab: Lab,
) -> None:
    old, new = own_lab.container("old"), own_lab.container("new")
    own_lab.publish("shop", old.backend())
    kept = http.client.HTTPConnection("127.0.0.1", own_lab.port, timeout=10)
    kept.request("GET", "/slow", headers={"Host": "shop.localhost"})
    assert old.began.wait(5)
    own_lab.publish("shop", new.backend())
    worker = HAProxy(own_lab.folder).worker()

    own_lab.kill_follower()
    while_dead = own_lab.names("shop.localhost")
    own_lab.redis.delete("paas:tttttttt:acks")
    own_lab.start_follower()
    eventually(own_lab.ack)
    first = own_lab.ack()
    old.go_on.set()
    answer = kept.getresponse().read().decode()
    eventually(lambda: (ack := own_lab.ack()) and not ack.busy)
    kept.close()

    assert while_dead == {"new"}
    assert isinstance(first, Ack)
    assert first.busy == {"old": 1}
    assert answer.startswith("old GET /slow")
    assert HAProxy(own_lab.folder).worker() == worker
    assert list(own_lab.running().slots[own_lab.running().slot_of["id-shop"]].servers) == [
        "i1",
        "i2",
    ]


def test_what_changed_while_the_follower_was_dead_is_taken_up(own_lab: Lab) -> None:
    one, two = own_lab.container("c1"), own_lab.container("c2")
    own_lab.publish("shop", one.backend())
    own_lab.publish("blog", one.backend())
    own_lab.kill_follower()
    own_lab.table.publish(make_route("shop", two.backend()), 2)
    version = own_lab.table.remove("id-blog", 2)

    own_lab.start_follower()
    own_lab.acknowledged(version)

    assert own_lab.names("shop.localhost") == {"c2"}
    assert own_lab.get("blog.localhost").status == 404


def test_a_killed_haproxy_comes_back_with_the_right_table_from_its_files(own_lab: Lab) -> None:
    one, two = own_lab.container("c1"), own_lab.container("c2")
    own_lab.publish("shop", one.backend())
    own_lab.publish("blog", two.backend("web.7"), hostnames=("blog.localhost", "www.example.com"))
    own_lab.publish("shop", two.backend(), one.backend("web.2"))
    own_lab.kill_follower(signal.SIGTERM)
    own_lab.stop_redis()
    own_lab.kill_haproxy()

    own_lab.start_haproxy()

    assert own_lab.names("shop.localhost") == {"c1", "c2"}
    assert own_lab.names("www.example.com") == {"c2"}
    assert own_lab.get("other.localhost").status == 404


def test_a_killed_haproxy_is_noticed_and_told_what_it_missed(own_lab: Lab) -> None:
    one, two = own_lab.container("c1"), own_lab.container("c2")
    own_lab.publish("shop", one.backend())
    own_lab.kill_haproxy()
    version = own_lab.table.publish(make_route("shop", two.backend()), 1)
    threading.Event().wait(0.3)
    silent = own_lab.ack()

    own_lab.start_haproxy()

    assert isinstance(silent, Ack)
    assert not silent.version.covers(version)
    assert eventually(lambda: (ack := own_lab.ack()) and ack.version == version, within=2) < 2
    assert own_lab.names("shop.localhost") == {"c2"}


def test_while_haproxy_is_gone_the_router_says_so(own_lab: Lab) -> None:
    version = own_lab.publish("shop", own_lab.container("c1").backend())
    own_lab.kill_haproxy()

    eventually(lambda: (ack := own_lab.ack()) and ack.status.haproxy == "", within=12)

    ack = own_lab.ack()
    assert ack is not None
    assert ack.version == version


def test_a_new_haproxy_takes_over_from_the_living_one_under_load(own_lab: Lab) -> None:
    old, new = own_lab.container("old"), own_lab.container("new")
    own_lab.publish("shop", old.backend())
    kept = http.client.HTTPConnection("127.0.0.1", own_lab.port, timeout=10)
    kept.request("POST", "/slow", headers={"Host": "shop.localhost"})
    assert old.began.wait(5)
    first = own_lab.haproxy

    with Load(own_lab.port, "shop.localhost") as load:
        own_lab.start_haproxy()
        version = own_lab.publish("shop", new.backend())
        in_the_old_one = own_lab.acknowledged(version)
        old.go_on.set()
        answer = kept.getresponse().read().decode()
        kept.close()
        eventually(lambda: (ack := own_lab.ack()) and not ack.busy)

    assert load.failures == []
    assert in_the_old_one.busy == {"old": 1}
    assert answer.startswith("old POST /slow")
    assert first is not None
    assert first.wait(10) == 0


def test_a_change_by_somebody_else_is_repaired_and_counted(own_lab: Lab) -> None:
    one, two = own_lab.container("c1"), own_lab.container("c2")
    own_lab.publish("shop", one.backend())
    slot = own_lab.running().slot_of["id-shop"]
    HAProxy(own_lab.folder)._tell([f"del map {own_lab.folder.hostnames} shop.localhost"])
    HAProxy(own_lab.folder)._tell([f"del map {own_lab.folder.slots} {slot}"])

    own_lab.publish("shop", two.backend(), drain_seconds=3)

    eventually(lambda: (ack := own_lab.ack()) and ack.status.drift == 1, within=15)
    assert own_lab.names("shop.localhost") == {"c2"}
