import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from paas.model.route import Ack, Backend, Route, RouteInvalid, RouterStatus, Version
from paas.routes.request_lines import RequestLines
from paas.routes.table import Change, Resubscribed, RouteTable, StaleFence, TableEmpty, router_acl
from tests.eventually import eventually

ONE, TWO = Backend("c1", "web.1", "10.85.0.2", 5000), Backend("c2", "web.2", "10.85.0.3", 5000)


@pytest.fixture
def redis(redis_server: Path) -> Iterator[Redis]:
    with Redis(unix_socket_path=str(redis_server), decode_responses=True) as redis:
        yield redis


@pytest.fixture
def empty(redis: Redis) -> RouteTable:
    return RouteTable(redis, "p1")


@pytest.fixture
def table(empty: RouteTable) -> RouteTable:
    """Filled, without routes."""
    empty.fill([], {})
    return empty


def shop(*backends: Backend) -> Route:
    return Route("id-shop", "shop", ("shop.localhost",), backends)


def test_a_published_route_is_in_the_table(table: RouteTable) -> None:
    version = table.publish(shop(ONE), fence=1)

    assert table.route("id-shop") == shop(ONE)
    assert table.snapshot().routes == {"id-shop": shop(ONE)}
    assert table.snapshot().version == table.version() == version


def test_every_change_has_a_larger_number(table: RouteTable) -> None:
    numbers = [table.publish(shop(*backends), 1).number for backends in ([ONE], [TWO], [ONE])]

    assert numbers == sorted(set(numbers))


def test_the_same_route_is_not_written_again(table: RouteTable) -> None:
    first = table.publish(shop(ONE), fence=1)
    other = table.publish(Route("id-blog", "blog", (), ()), fence=1)

    again = table.publish(shop(ONE), fence=2)

    assert again == first
    assert table.version() == other


def test_a_smaller_fence_is_refused_and_counted(table: RouteTable) -> None:
    table.publish(shop(TWO), fence=5)

    with pytest.raises(StaleFence) as refused:
        table.publish(shop(ONE), fence=4)

    assert (refused.value.fence, refused.value.last) == (4, 5)
    assert table.route("id-shop") == shop(TWO)
    assert table.refused() == 1


def test_a_removed_app_does_not_come_back_with_a_smaller_fence(table: RouteTable) -> None:
    table.publish(shop(ONE), fence=5)
    removed = table.remove("id-shop", fence=6)

    with pytest.raises(StaleFence):
        table.publish(shop(ONE), fence=5)

    assert table.route("id-shop") is None
    assert table.version() == removed


def test_removing_what_is_gone_is_silent(table: RouteTable) -> None:
    table.publish(shop(ONE), fence=1)
    removed = table.remove("id-shop", fence=2)

    assert table.remove("id-shop", fence=3) == removed
    assert table.remove("id-never-was", fence=3) == table.version()


def test_nothing_is_written_into_a_table_without_an_epoch(empty: RouteTable) -> None:
    with pytest.raises(TableEmpty):
        empty.publish(shop(ONE), fence=1)
    with pytest.raises(TableEmpty):
        empty.remove("id-shop", fence=1)

    assert empty.snapshot().epoch is None
    assert empty.version() is None


def test_an_empty_table_is_filled_whole_under_a_new_epoch(redis: Redis, table: RouteTable) -> None:
    old = table.publish(shop(ONE), fence=7)
    redis.flushall()

    version = table.fill([shop(TWO)], {"id-shop": 7, "id-gone": 9})

    assert version.epoch != old.epoch
    assert not version.covers(old)
    assert table.snapshot().routes == {"id-shop": shop(TWO)}
    with pytest.raises(StaleFence):
        table.publish(shop(ONE), fence=6)
    with pytest.raises(StaleFence):
        table.publish(Route("id-gone", "gone", (), ()), fence=8)


def test_who_comes_second_to_fill_it_changes_nothing(table: RouteTable) -> None:
    version = table.publish(shop(ONE), fence=1)

    assert table.fill([], {}) == version

    assert table.route("id-shop") == shop(ONE)


def test_numbers_that_a_crash_of_redis_lost_are_not_given_again(
    redis: Redis, table: RouteTable
) -> None:
    before = {key: redis.dump(key) for key in redis.keys("*")}
    lost = table.publish(shop(ONE), fence=1)
    redis.flushall()
    for key, kept in before.items():
        redis.restore(key, 0, kept)  # type: ignore[arg-type]

    version = table.publish(shop(TWO), fence=1)

    assert version.epoch == lost.epoch
    assert version.number > lost.number


def test_a_change_names_what_it_follows(table: RouteTable) -> None:
    with table.changes() as changes:
        assert isinstance(changes.next(1), Resubscribed)
        before = table.version()
        version = table.publish(shop(ONE), fence=1)
        table.publish(shop(ONE), fence=1)

        said = [changes.next(1), changes.next(0.05)]

    assert before is not None
    assert said == [Change(before.number, version, "id-shop"), None]


def test_a_filled_table_is_all_news(empty: RouteTable) -> None:
    with empty.changes() as changes:
        changes.next(1)
        version = empty.fill([shop(ONE)], {})

        change = changes.next(1)

    assert isinstance(change, Change)
    assert (change.version, change.app_id) == (version, "*")


def test_whoever_lost_the_connection_is_told(redis: Redis, table: RouteTable) -> None:
    with table.changes() as changes:
        changes.next(1)
        redis.client_kill_filter(_type="pubsub")

        assert isinstance(changes.next(1), Resubscribed)


def test_acknowledgements_are_kept_and_told(table: RouteTable) -> None:
    version = table.publish(shop(ONE), fence=1)
    heard = table.listen_acks(0.5)
    assert next(heard) is None
    status = RouterStatus(haproxy="2.6.12", slots=256)

    table.acknowledge("local", version, {"c0": 2}, status, at=12.5)

    assert next(heard) == Ack("local", version, 12.5, {"c0": 2}, status)
    assert table.acknowledgements() == {"local": Ack("local", version, 12.5, {"c0": 2}, status)}
    heard.close()  # type: ignore[attr-defined]


def test_a_sign_of_life_wakes_nobody(table: RouteTable) -> None:
    heard = table.listen_acks(0.05)
    next(heard)

    table.acknowledge("local", Version("e", 1), {}, RouterStatus(), at=12.5, is_told=False)

    assert next(heard) is None
    assert table.acknowledgements()["local"].at == 12.5
    heard.close()  # type: ignore[attr-defined]


def test_a_forgotten_router_has_acknowledged_nothing(redis: Redis, table: RouteTable) -> None:
    table.acknowledge("old", Version("e", 1), {}, RouterStatus(), at=1)
    table.acknowledge("local", Version("e", 1), {}, RouterStatus(), at=1)
    redis.hset("paas:p1:acks", "odd", "not json")

    table.forget("old")

    assert list(table.acknowledgements()) == ["local"]


def test_what_cannot_be_read_is_no_table(redis: Redis, table: RouteTable) -> None:
    redis.hset("paas:p1:routes", "id-shop", "{}")

    with pytest.raises(RouteInvalid):
        table.snapshot()


def test_two_platforms_in_one_redis_never_meet(redis: Redis, table: RouteTable) -> None:
    other = RouteTable(redis, "p2")
    other.fill([], {})
    with other.changes() as changes:
        changes.next(1)

        table.publish(shop(ONE), fence=1)

        assert changes.next(0.05) is None
    assert other.route("id-shop") is None
    assert all(re.match(r"paas:p[12]:", key) for key in redis.keys("*"))


def test_the_router_may_read_the_table_and_tell_its_own_and_nothing_else(
    redis: Redis, redis_server: Path, table: RouteTable
) -> None:
    redis.execute_command("ACL", "SETUSER", "r", "on", ">secret", *router_acl("p1"))
    version = table.publish(shop(ONE), fence=1)

    with Redis(
        unix_socket_path=str(redis_server), username="r", password="secret", decode_responses=True
    ) as client:
        routers = RouteTable(client, "p1")
        with routers.changes() as changes:
            assert isinstance(changes.next(1), Resubscribed)
        assert routers.snapshot().routes == {"id-shop": shop(ONE)}
        assert routers.routes(["id-shop"])[1] == {"id-shop": shop(ONE)}
        assert routers.version() == version
        routers.acknowledge("local", version, {}, RouterStatus(), at=1)
        eventually(lambda: table.acknowledgements()["local"].version == version)
        RequestLines(client, "p1").send("edge", "a line\n", is_first=True)
        for refused in (
            lambda: routers.publish(shop(TWO), fence=2),
            lambda: routers.fill([], {}),
            lambda: client.hset("paas:p1:routes", "id-shop", "x"),
            lambda: RequestLines(client, "p1").next(1, 0.1),
            lambda: client.xadd("paas:p1:routes", {"x": "y"}),
            lambda: client.get("paas:p1:routes:fences"),
            lambda: client.hget("paas:p1:acks", "local"),
            lambda: client.get("paas:p2:routes:epoch"),
            lambda: client.publish("paas:p1:news", "x"),
            lambda: client.keys("*"),
            lambda: client.flushall(),
            lambda: client.config_get("*"),
        ):
            with pytest.raises(NoPermissionError):
                refused()
    redis.execute_command("ACL", "DELUSER", "r")
