import json

import pytest

from tests.unit.cli.api import Api
from tests.unit.cli.conftest import User


def release(version: int, **more: object) -> dict[str, object]:
    return {
        "id": f"r{version}", "version": version, "description": f"Deploy {version}a2b3c4",
        "user": {"email": "ada@localhost", "id": "1"}, "created_at": "2026-09-01T12:00:00Z",
        "status": "succeeded", "current": False, **more,
    }  # fmt: skip


def test_releases_are_listed_newest_first(api: Api, user: User) -> None:
    api.returns(
        "GET /apps/shop/releases",
        [release(1), release(3, status="failed", reason="web.1 exited"), release(2, current=True)],
    )

    lines = user.types("paas releases -a shop").out.splitlines()

    assert [line.split()[0] for line in lines] == ["v3", "v2", "v1"]
    assert lines[0].endswith("failed: web.1 exited")
    assert lines[1].endswith("current")
    assert lines[2].endswith("ago)")


def test_releases_are_limited_with_json_too(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/releases", [release(number) for number in range(1, 30)])

    assert len(user.types("paas releases -a shop").out.splitlines()) == 15
    found = json.loads(user.types("paas releases -n 2 --json -a shop").out)
    assert [each["version"] for each in found] == [29, 28]


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        ("rollback v3", "v3"),
        ("rollback 3", "v3"),
        ("releases:rollback v3", "v3"),
        ("rollback", None),
    ],
)
def test_rollback_waits_for_the_new_release(
    api: Api, user: User, command: str, sent: str | None
) -> None:
    made = release(8, description="Rollback to v3")
    api.says("POST /apps/shop/releases")
    api.returns("POST /apps/shop/releases", made, 201, version=77)
    api.becomes_live("shop", 77)

    typed = user.types(f"paas {command} -a shop")

    assert typed.err.splitlines() == [
        "Rolling back shop: v8 is Rollback to v3, its image and its config",
        "Live: shop v8, Rollback to v3",
    ]
    assert (typed.code, api.asked[0].body) == (0, {"release": sent})


@pytest.mark.parametrize("text", ["banana", "v", "v-1", "3.5", "latest"])
def test_what_is_no_release_is_refused(api: Api, user: User, text: str) -> None:
    typed = user.types(f"paas rollback -a shop -- {text}")

    assert "is not a release's number" in typed.err
    assert (typed.code, api.asked) == (2, [])
