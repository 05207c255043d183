import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paas.model.route import Ack, Backend, Route, RouteInvalid, RouteMode, RouterStatus, Version

ONE = Backend("c1", "web.1", "10.85.0.2", 5000)
TWO = Backend("c2", "web.2", "10.85.0.3", 5000)
SHOP = Route(
    "id-1", "shop", ("shop.localhost", "*.shop.example"), (ONE, TWO), RouteMode.SERVING, 30
)


def test_a_route_comes_back_from_its_text() -> None:
    text = SHOP.to_json()

    again = Route.from_json(text)

    assert again.to_json() == text
    assert set(again.backends) == {ONE, TWO}


def test_the_order_of_its_parts_does_not_change_its_text() -> None:
    turned = Route("id-1", "shop", ("*.shop.example", "shop.localhost"), (TWO, ONE))

    assert turned.to_json() == SHOP.to_json()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("app_id", "a b"),
        ("app", "shop;shutdown"),
        ("hostnames", ["Shop.localhost"]),
        ("hostnames", ["a\nb"]),
        ("hostnames", [".".join(["a" * 60] * 5)]),
        ("hostnames", [7]),
        ("backends", [["c1", "web.1", "localhost", 5000]]),
        ("backends", [["c1", "web", "10.0.0.1", 5000]]),
        ("backends", [["c1", "web.1", "10.0.0.1", 0]]),
        ("backends", [["c1", "web.1", "10.0.0.1", True]]),
        ("backends", [["c1", "web.1", "10.0.0.1"]]),
        ("backends", [["c1", "web.1", "10.0.0.1", 1], ["c1", "web.2", "10.0.0.2", 1]]),
        ("mode", "asleep"),
        ("drain_seconds", -1),
        ("more", 1),
    ],
)
def test_a_route_that_cannot_be_is_refused(field: str, value: object) -> None:
    text = json.dumps({**json.loads(SHOP.to_json()), field: value})

    with pytest.raises(RouteInvalid):
        Route.from_json(text)


@given(st.one_of(st.text(), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).map(json.dumps)))  # fmt: skip
def test_whatever_else_is_read_is_refused(text: str) -> None:
    for read in (Route.from_json, Ack.from_json):
        with pytest.raises(RouteInvalid):
            read(text)


def test_a_version_covers_what_came_before_in_its_epoch_alone() -> None:
    version = Version("e", 7)

    assert version.covers(Version("e", 7))
    assert version.covers(Version("e", 6))
    assert not version.covers(Version("e", 8))
    assert not version.covers(Version("f", 6))


def test_an_acknowledgement_comes_back_from_its_text() -> None:
    ack = Ack("local", Version("e", 7), 12.5, {"c1": 3}, RouterStatus("2.6", 1, 256, 200, 0, 0))

    assert Ack.from_json(ack.to_json()) == ack
    assert (ack.epoch, ack.number) == ("e", 7)


def test_what_a_newer_router_tells_beside_is_left_out() -> None:
    told = json.loads(Ack("local", Version("e", 7), 12.5).to_json())
    told["status"]["mood"] = "good"

    assert Ack.from_json(json.dumps(told)) == Ack("local", Version("e", 7), 12.5)
