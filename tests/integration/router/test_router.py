"""The whole router: a change in Redis, and what a client then gets."""

import socket
import threading

import pytest

from paas.model.route import RouteMode
from paas.routes.table import RouteTable
from router.haproxy import HAProxy
from tests.eventually import eventually
from tests.integration.router.lab import Lab, make_route
from tests.integration.router.load import Load


def test_a_new_app_is_served_without_a_reload(lab: Lab) -> None:
    worker = HAProxy(lab.folder).worker()
    one = lab.container("c1")

    lab.publish("shop", one.backend())

    assert lab.get("shop.localhost").text.startswith("c1 GET / 0\n")
    assert HAProxy(lab.folder).worker() == worker


def test_scale_up_and_down_is_live_when_it_is_acknowledged(lab: Lab) -> None:
    containers = [lab.container(f"c{n}") for n in range(5)]
    backends = [one.backend(f"web.{n}") for n, one in enumerate(containers, 1)]
    lab.publish("shop", backends[0])

    lab.publish("shop", *backends)
    five = lab.names("shop.localhost")
    lab.publish("shop", backends[3])

    assert five == {"c0", "c1", "c2", "c3", "c4"}
    assert lab.names("shop.localhost") == {"c3"}


def test_no_request_is_lost_by_twenty_deploys_under_load(lab: Lab) -> None:
    containers = [lab.container(f"c{n}") for n in range(3)]
    lab.publish("shop", containers[0].backend())

    with Load(lab.port, "shop.localhost") as load:
        for n in range(1, 21):
            lab.publish("shop", containers[n % 3].backend())
        eventually(lambda: load.total > 100)

    assert load.failures == []
    assert set(load.answers) == {"c0", "c1", "c2"}


def test_a_request_in_flight_ends_in_its_own_time_and_is_told_as_busy(lab: Lab) -> None:
    old, new = lab.container("old"), lab.container("new")
    lab.publish("shop", old.backend())
    answers: list[str] = []
    client = threading.Thread(
        target=lambda: answers.append(lab.get("shop.localhost", "/slow", "POST").text)
    )
    client.start()
    assert old.began.wait(5)

    version = lab.publish("shop", new.backend())
    while_it_runs = lab.acknowledged(version)
    others = lab.names("shop.localhost")
    old.go_on.set()
    client.join()
    eventually(lambda: (ack := lab.ack()) and not ack.busy)

    assert while_it_runs.busy == {"old": 1}
    assert others == {"new"}
    assert answers[0].startswith("old POST /slow")


def test_an_idle_container_that_left_is_soon_told_as_not_busy(lab: Lab) -> None:
    old, new = lab.container("old"), lab.container("new")
    lab.publish("shop", old.backend())
    lab.names("shop.localhost")

    lab.publish("shop", new.backend())

    assert eventually(lambda: (ack := lab.ack()) and not ack.busy, within=1) < 1


def test_at_the_drain_limit_what_is_in_flight_is_cut(lab: Lab) -> None:
    old, new = lab.container("old"), lab.container("new")
    lab.publish("shop", old.backend(), drain_seconds=1)
    with socket.create_connection(("127.0.0.1", lab.port)) as client:
        client.settimeout(10)
        client.sendall(b"POST /slow HTTP/1.1\r\nHost: shop.localhost\r\n\r\n")
        assert old.began.wait(5)

        lab.publish("shop", new.backend(), drain_seconds=1)

        client.recv(4096)
    eventually(lambda: (ack := lab.ack()) and not ack.busy)
    eventually(lambda: any("code=H24" in line for _, line in lab.log()))


def test_an_app_that_left_is_unknown_and_one_without_containers_is_not(lab: Lab) -> None:
    one = lab.container("c1")
    lab.publish("shop", one.backend())
    lab.publish("shop")
    empty = lab.get("shop.localhost")
    lab.acknowledged(lab.remove("id-shop"))

    gone = lab.get("shop.localhost")

    assert (empty.status, empty.headers["X-Paas-Error"]) == (503, "H14")
    assert empty.headers["Retry-After"] == "5"
    assert (gone.status, gone.headers["X-Paas-Error"]) == (404, "no-such-app")


@pytest.mark.parametrize(
    ("mode", "code", "title"),
    [
        (RouteMode.STOPPED, "H14", "This app is stopped"),
        (RouteMode.CRASHED, "H10", "This app has crashed"),
        (RouteMode.MAINTENANCE, "H80", "Down for maintenance"),
    ],
)
def test_a_mode_has_its_page_and_leaves_with_it(
    lab: Lab, mode: RouteMode, code: str, title: str
) -> None:
    one = lab.container("c1")

    lab.publish("shop", one.backend(), mode=mode)
    down = lab.get("shop.localhost", x_request_id="abcdefghij-0123456789")
    lab.publish("shop", one.backend())

    assert (down.status, down.headers["X-Paas-Error"]) == (503, code)
    assert title in down.text
    assert "abcdefghij-0123456789" in down.text
    assert lab.get("shop.localhost").status == 200


def test_a_host_is_known_in_any_case_with_a_port_and_with_a_dot_at_its_end(lab: Lab) -> None:
    one = lab.container("c1")

    lab.publish("shop", one.backend(), hostnames=("shop.localhost", "*.shop.example"))

    for host in (
        "SHOP.localhost",
        f"shop.localhost:{lab.port}",
        "shop.localhost.",
        "a.shop.example",
    ):
        assert lab.get(host).status == 200, host
    for host in ("shop.example", "a.b.shop.example", "other.localhost", "", "..", "a b", "x" * 300):
        assert lab.get(host).status in (400, 404), host


def test_a_domain_moves_from_one_app_to_another(lab: Lab) -> None:
    one, two = lab.container("c1"), lab.container("c2")
    lab.publish("shop", one.backend(), hostnames=("shop.localhost", "www.example.com"))
    lab.publish("blog", two.backend())

    lab.publish("blog", two.backend(), hostnames=("blog.localhost", "www.example.com"))
    lab.publish("shop", one.backend())

    assert lab.names("www.example.com") == {"c2"}
    assert lab.names("shop.localhost") == {"c1"}


def test_a_container_that_does_not_answer_is_left_out_for_one_that_does(lab: Lab) -> None:
    one, dead = lab.container("c1"), lab.container("dead")
    lab.publish("shop", one.backend(), dead.backend("web.2"))
    dead.end()
    lab.containers.remove(dead)

    answers = [lab.get("shop.localhost").status for _ in range(20)]

    assert answers == [200] * 20


def test_parked_servers_are_used_again_and_none_is_deleted(lab: Lab) -> None:
    containers = [lab.container(f"c{n}") for n in range(2)]
    lab.publish("reuse", containers[0].backend())
    lab.publish("reuse", containers[1].backend())
    slot = lab.running().slot_of["id-reuse"]
    threading.Event().wait(5.3)  # a parked server rests 5 s

    third = lab.container("c2")
    lab.publish("reuse", third.backend())

    servers = lab.running().slots[slot].servers
    assert {name: server.container for name, server in servers.items()} == {"i1": "c2", "i2": "c1"}
    assert lab.names("reuse.localhost") == {"c2"}


def test_many_apps_at_once_are_served_and_haproxy_grows_under_load(own_lab: Lab) -> None:
    one, two = own_lab.container("c1"), own_lab.container("c2")
    own_lab.publish("shop", one.backend())
    worker = HAProxy(own_lab.folder).worker()

    with Load(own_lab.port, "shop.localhost") as load:
        for n in range(300):
            version = own_lab.table.publish(make_route(f"app-{n}", two.backend()), 1)
        eventually(lambda: (ack := own_lab.ack()) and ack.version == version, within=20)

    assert load.failures == []
    assert HAProxy(own_lab.folder).worker() != worker
    assert {own_lab.get(f"app-{n}.localhost").text.split(" ")[0] for n in range(300)} == {"c2"}
    ack = own_lab.ack()
    assert ack is not None
    assert (ack.status.slots, ack.status.drift) == (512, 0)


def test_a_table_read_as_a_whole_is_the_same(own_lab: Lab) -> None:
    one = own_lab.container("c1")
    own_lab.kill_follower()
    for n in range(60):
        version = own_lab.table.publish(make_route(f"app-{n}", one.backend()), 1)
    own_lab.start_follower()

    own_lab.acknowledged(version)

    assert {own_lab.get(f"app-{n}.localhost").status for n in range(60)} == {200}


def test_two_platforms_in_one_redis_never_meet(lab: Lab) -> None:
    other = RouteTable(lab.redis, "uuuuuuuu")
    other.fill([], {})
    one = lab.container("c1")
    lab.publish("shop", one.backend())

    other.publish(make_route("blog", one.backend()), 1)

    version = lab.publish("shop", one.backend(), drain_seconds=3)
    assert lab.get("blog.localhost").status == 404
    assert lab.acknowledged(version).version.epoch != other.snapshot().epoch
