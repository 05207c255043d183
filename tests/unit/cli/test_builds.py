import pytest

from tests.unit.cli.api import Api, Reply, refusal
from tests.unit.cli.conftest import User

OLD = {
    "id": "aaaa1111-0000", "status": "failed", "outcome": "cancelled", "created_at": "2026-09-01T12:00:00Z",
    "source_blob": {"version": "0123456789abcdef", "url": ""}, "user": {"email": "ada@localhost"},
    "reason": "by ada",
}  # fmt: skip
NEW = OLD | {
    "id": "aaaa2222-0000", "status": "pending", "outcome": "pending", "created_at": "2026-09-01T12:05:00Z",
    "reason": None,
}  # fmt: skip


@pytest.fixture(autouse=True)
def two_builds(api: Api) -> None:
    api.returns("GET /apps/shop/builds", [OLD, NEW])


def test_builds_are_listed_newest_first(user: User) -> None:
    first, second = user.types("paas builds -a shop").out.splitlines()

    assert first.startswith("aaaa2222  pending    01234567  ada  2026/")
    assert second.startswith("aaaa1111  cancelled  01234567  ada  2026/")
    assert second.endswith("by ada")


def test_a_build_is_listed_with_its_buildpacks_and_their_versions(api: Api, user: User) -> None:
    used = [
        {"name": "https://example.com/apt.git#main", "version": "fedcba9876543210"},
        {"name": "https://example.com/b.tgz", "version": "sha256:0123456789abcdef"},
        {"name": "./packs/own", "version": None},
    ]
    api.returns("GET /apps/shop/builds", [OLD | {"buildpacks": used}])

    assert (
        "  apt.git@fedcba98, b.tgz@01234567, own  by ada\n" in user.types("paas builds -a shop").out
    )


def test_the_output_of_the_newest_build_is_followed_to_its_end(api: Api, user: User) -> None:
    pieces = [b"-----> Python app\n", b"       caf\xc3\xa9 \xff\n"]
    api.says("GET /apps/shop/builds/aaaa2222-0000/output?offset=0", Reply(stream=pieces))
    api.returns("GET /apps/shop/builds/aaaa2222-0000", NEW | {"status": "succeeded"})

    typed = user.types("paas builds:output -a shop")

    assert typed.out == "-----> Python app\n       café \N{REPLACEMENT CHARACTER}\n"
    assert typed.code == 0


def test_an_output_goes_on_at_the_byte_it_was_cut_off_at(api: Api, user: User) -> None:
    output = "GET /apps/shop/builds/aaaa2222-0000/output?offset="
    api.says(f"{output}0", Reply(stream=[b"one", b" two"], is_cut=True))
    api.says(
        f"{output}7", refusal(503, "unavailable", "The API is starting."), Reply(stream=[b" three"])
    )
    api.says(f"{output}13", Reply(stream=[b" four\n"]))
    api.says(
        "GET /apps/shop/builds/aaaa2222-0000", Reply(NEW), Reply(NEW | {"status": "succeeded"})
    )

    typed = user.types("paas builds:output -a shop")

    assert (typed.out, typed.err, typed.code) == ("one two three four\n", "", 0)


def test_a_build_may_be_named_by_the_beginning_of_its_id(api: Api, user: User) -> None:
    api.says("GET /apps/shop/builds/aaaa1111-0000/output?offset=0", Reply(stream=[b"old\n"]))
    api.returns("GET /apps/shop/builds/aaaa1111-0000", OLD)

    assert user.types("paas builds:output aaaa1 -a shop").out == "old\n"


@pytest.mark.parametrize("given", ["aaaa", "bbbb"])
def test_an_unclear_or_unknown_build_is_refused(user: User, given: str) -> None:
    typed = user.types(f"paas builds:output {given} -a shop")

    assert typed.err == f"paas: shop has no build '{given}'. See: paas builds -a shop\n"
    assert typed.code == 1


def test_cancel_is_for_the_build_that_is_under_way(api: Api, user: User) -> None:
    api.returns("DELETE /apps/shop/builds/aaaa2222-0000", {})

    typed = user.types("paas builds:cancel -a shop")

    assert (typed.err, typed.code) == ("Cancelled the build aaaa2222 of shop.\n", 0)


def test_cancel_without_a_build_under_way_says_so(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/builds", [OLD])

    typed = user.types("paas builds:cancel -a shop")

    assert (typed.err, typed.code) == (
        "paas: shop has no build under way. See: paas builds -a shop\n",
        1,
    )


def test_a_queued_build_is_listed_with_its_place(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/builds", [NEW | {"before": 3}])

    assert "aaaa2222  pending, 3 before it  0123" in user.types("paas builds -a shop").out
