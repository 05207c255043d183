import json
from typing import Any

from tests.unit.cli.api import Api
from tests.unit.cli.conftest import User

WHERE = "GET /apps/shop/dynos/web.3/placement"
PLACED: dict[str, Any] = {
    "dyno": "web.3", "state": "up", "host": "h2", "placed_at": "2026-09-01T12:00:00Z", "seed": 7, "reason": None,
    "candidates": [
        {"host": "local", "memory_unreserved_mb": 1000},
        {"host": "h2", "memory_unreserved_mb": 1500},
    ],
    "refused": [{"host": "h3", "reason": "is suspect"}],
}  # fmt: skip


def explained(api: Api, user: User, **fields: Any) -> list[str]:
    api.returns(WHERE, {**PLACED, **fields})
    return user.types("paas explain web.3 -a shop").out.splitlines()


def test_a_placement_is_explained_by_what_was_compared(api: Api, user: User) -> None:
    first, *rest = explained(api, user)

    assert first.startswith("web.3 is on h2, placed 2026/")
    assert rest == [
        "Drawn at random (seed 7): local with 1000 MB unreserved and h2 with 1500 MB; h2 had more",
        "1 other host was refused:",
        "  h3 is suspect",
    ]


def test_of_two_with_the_same_room_the_first_one_drawn_is_taken(api: Api, user: User) -> None:
    equal = [{"host": host, "memory_unreserved_mb": 1500} for host in ("h2", "local")]

    assert explained(api, user, candidates=equal)[1] == (
        "Drawn at random (seed 7): h2 with 1500 MB unreserved and local with 1500 MB; h2 was drawn first"
    )


def test_the_only_one_to_choose_is_told(api: Api, user: User) -> None:
    only = [{"host": "h2", "memory_unreserved_mb": 1500}]

    assert explained(api, user, candidates=only, refused=[])[1:] == [
        "There was no other to choose: h2 with 1500 MB unreserved",
        "No other host was refused",
    ]


def test_a_dyno_that_is_nowhere_says_what_it_waits_for(api: Api, user: User) -> None:
    nowhere = {"host": None, "placed_at": None, "candidates": [], "refused": []}

    waiting = explained(api, user, **nowhere, state="pending", reason="No host can take web.3.")
    just_wanted = explained(api, user, **nowhere, state="pending", reason=None)

    assert waiting == ["web.3 is nowhere: No host can take web.3."]
    assert just_wanted == ["web.3 is nowhere: it has not been placed yet"]


def test_a_placement_is_printed_for_programs(api: Api, user: User) -> None:
    api.returns(WHERE, PLACED)

    assert json.loads(user.types("paas explain web.3 -a shop --json").out) == PLACED
