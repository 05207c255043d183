import pytest

from paas.cli.scale import InvalidScale, read_quantity
from tests.unit.cli.api import Api, Reply, refusal
from tests.unit.cli.conftest import User

FIVE = [{"type": "web", "quantity": 5, "command": "x"}]


@pytest.mark.parametrize(
    ("text", "process", "quantity"),
    [
        ("web=5", "web", 5),
        ("web=0", "web", 0),
        ("web+1", "web", "+1"),
        ("web-2", "web", "-2"),
        ("mail-worker=3", "mail-worker", 3),
        ("mail-worker-1", "mail-worker", "-1"),
        ("web-1=2", "web-1", 2),
        ("worker_2+10", "worker_2", "+10"),
    ],
)
def test_a_quantity_is_absolute_or_a_difference(text: str, process: str, quantity: object) -> None:
    assert read_quantity(text) == {"type": process, "quantity": quantity}


@pytest.mark.parametrize(
    "text", ["web", "web=", "=5", "web=x", "web=-1", "web=1.5", "web==1", "5", "web=٣", "web=1 "]
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(InvalidScale, match="is not a quantity"):
        read_quantity(text)


@pytest.mark.parametrize("name", ["scale", "ps:scale"])
def test_scale_returns_when_the_change_is_live(api: Api, user: User, name: str) -> None:
    user.has_remote("ssh://paas@localhost:2222/shop")
    api.returns("PATCH /apps/shop/formation", FIVE, version=9)
    api.becomes_live("shop", 9, "Starting web.4, web.5", "Starting web.4, web.5", "Routing")

    typed = user.really_types(f"paas {name} web=5")

    assert typed.err == (
        "Scaling shop: web=5\n  Starting web.4, web.5\n  Routing\nLive: shop web=5\n"
    )
    assert (typed.out, typed.code) == ("", 0)
    assert api.asked[0].body == {"updates": [{"type": "web", "quantity": 5}]}
    assert api.lines == ["PATCH /apps/shop/formation", "GET /apps/shop/versions/9"]


def test_no_wait_returns_when_the_change_is_recorded(api: Api, user: User) -> None:
    api.returns("PATCH /apps/shop/formation", FIVE, version=9)

    typed = user.types("paas scale web+1 worker-1 --no-wait -a shop")

    assert typed.code == 0
    assert typed.err.endswith("Recorded. It goes live by itself; see: paas ps -a shop\n")
    assert api.lines == ["PATCH /apps/shop/formation"]
    assert api.asked[0].body["updates"][1] == {"type": "worker", "quantity": "-1"}


@pytest.mark.parametrize("more", ["", " --no-wait"])
def test_scaling_a_stopped_app_says_what_makes_it_run(api: Api, user: User, more: str) -> None:
    headers = {"Paas-Version": "9", "Paas-Stopped": "1"}
    api.says("PATCH /apps/shop/formation", Reply(FIVE, headers=headers))
    api.becomes_live("shop", 9)

    typed = user.types(f"paas scale web=5 -a shop{more}")

    assert typed.code == 0
    assert typed.err == (
        "Scaling shop: web=5\nRecorded. shop is stopped; what makes it run: paas start -a shop\n"
    )


def test_nothing_is_announced_that_is_refused(api: Api, user: User) -> None:
    says = "shop has no 'job' process. It has: web."
    api.says("PATCH /apps/shop/formation", refusal(404, "not_found", says))

    assert user.types("paas scale job=1 -a shop").err == f"paas: {says}\n"


def test_one_bad_quantity_changes_nothing(api: Api, user: User) -> None:
    typed = user.types("paas scale web=5 worker -a shop")

    assert (typed.code, api.asked) == (2, [])


def test_scale_without_quantities_prints_the_formation(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/formation", [*FIVE, {"type": "worker", "quantity": 0}])

    assert user.types("paas scale -a shop").out == "web=5 worker=0\n"
