import pytest

from tests.unit.cli.api import Api, refusal
from tests.unit.cli.conftest import User

DOOR = "ssh://paas@localhost:2222"
SHOP = {
    "id": "0b6c", "name": "shop", "web_url": "http://shop.localhost/", "git_url": f"{DOOR}/shop",
    "owner": {"email": "ada@localhost", "id": "1"}, "created_at": "2026-09-01T12:00:00Z",
    "released_at": None, "stopped": False,
}  # fmt: skip


def test_apps_lists_names_and_urls(api: Api, user: User) -> None:
    blog = SHOP | {"name": "a-long-blog", "web_url": "http://a-long-blog.localhost/"}
    api.returns("GET /apps", [SHOP, blog])

    typed = user.types("paas apps")

    assert typed.out == (
        "shop         http://shop.localhost/\na-long-blog  http://a-long-blog.localhost/\n"
    )


def test_apps_without_any_says_how_to_begin(api: Api, user: User) -> None:
    api.returns("GET /apps", [])

    typed = user.types("paas apps")

    assert (typed.out, typed.err) == ("", "You have no apps. Type: paas create NAME\n")


def test_create_prints_both_urls_and_adds_the_remote(api: Api, user: User) -> None:
    user.git("init", "--quiet")
    api.returns("POST /apps", SHOP, 201)

    typed = user.really_types("paas create shop")

    assert typed.out == f"http://shop.localhost/ | {DOOR}/shop\n"
    assert (typed.err, typed.code) == ("Created shop.\n", 0)
    assert api.asked[0].body == {"name": "shop"}
    assert user.git("remote", "get-url", "paas") == f"{DOOR}/shop"


def test_create_without_a_name_lets_the_platform_choose(api: Api, user: User) -> None:
    api.returns("POST /apps", SHOP, 201)

    typed = user.types("paas create")

    assert (typed.code, api.asked[0].body) == (0, {})


def test_create_outside_of_a_repository_says_how_the_remote_is_added(api: Api, user: User) -> None:
    api.returns("POST /apps", SHOP, 201)

    typed = user.types("paas create shop")

    assert "type: paas git:remote -a shop" in typed.err
    assert typed.code == 0


ELSEWHERE = "ssh://paas-git@elsewhere.example.com:2222/shop"


@pytest.mark.parametrize(
    ("old", "name", "before", "back"),
    [
        (f"{DOOR}/blog", "paas", "blog", "paas git:remote -a blog"),
        (f"{DOOR}/blog", "live", "blog", "paas git:remote -a blog -r live"),
        (ELSEWHERE, "paas", "shop", f"git remote set-url paas {ELSEWHERE}"),
    ],
)
def test_create_replaces_a_remote_that_points_at_a_platform_and_says_so(
    api: Api, user: User, old: str, name: str, before: str, back: str
) -> None:
    user.has_remote(old, name)
    api.returns("POST /apps", SHOP, 201)

    typed = user.types(f"paas create shop -r {name}")

    assert typed.err.splitlines() == [
        "Created shop.",
        f"The git remote '{name}' now pushes to shop (before: {before}; back: {back}).",
    ]
    assert typed.code == 0
    assert user.git("remote", "get-url", name) == f"{DOOR}/shop"


def test_create_says_nothing_of_a_remote_that_stays(api: Api, user: User) -> None:
    user.has_remote(f"{DOOR}/shop")
    api.returns("POST /apps", SHOP, 201)

    assert user.types("paas create shop").err == "Created shop.\n"


def test_create_leaves_another_remote_alone_and_says_so(api: Api, user: User) -> None:
    user.has_remote("git@forge.example.com:me/paas.git")
    api.returns("POST /apps", SHOP, 201)

    typed = user.types("paas create shop")

    assert typed.code == 0
    assert "points at git@forge.example.com:me/paas.git and was left so." in typed.err
    assert f"Type: git remote set-url paas {DOOR}/shop" in typed.err
    assert user.git("remote", "get-url", "paas") == "git@forge.example.com:me/paas.git"


@pytest.mark.parametrize("git_url", ["ext::sh -c evil", "--upload-pack=x", "file:///etc", "-x"])
def test_a_remote_that_would_run_a_program_is_not_added(api: Api, user: User, git_url: str) -> None:
    user.git("init", "--quiet")
    api.returns("POST /apps", SHOP | {"git_url": git_url}, 201)

    typed = user.types("paas create shop")

    assert typed.code == 1
    assert "is not an address to push to" in typed.err
    assert user.git("remote") == ""


def test_a_name_that_is_taken_is_the_platforms_own_line(api: Api, user: User) -> None:
    message = "The name 'shop' is taken. Type: paas create ANOTHER-NAME"
    api.says("POST /apps", refusal(422, "invalid_params", message))

    typed = user.types("paas create shop")

    assert (typed.err, typed.code) == (f"paas: {message}\n", 1)


def test_destroy_wants_the_name_twice(api: Api, user: User) -> None:
    api.returns("GET /apps/shop", SHOP)

    typed = user.types("paas destroy shop")

    assert typed.code == 2
    assert "it is not confirmed. Type: paas destroy shop --confirm shop\n" in typed.err
    assert user.types("paas destroy shop --confirm shpo").code == 2
    assert set(api.lines) == {"GET /apps/shop"}


def test_destroy_of_what_is_not_there_says_so_and_asks_nothing(api: Api, user: User) -> None:
    api.says("GET /apps/shop", refusal(404, "not_found", "There is no app 'shop'."))

    typed = user.types("paas destroy shop")

    assert (typed.err, typed.code) == ("paas: There is no app 'shop'.\n", 1)


def test_destroy_confirmed_destroys(api: Api, user: User) -> None:
    api.returns("DELETE /apps/shop", SHOP)

    typed = user.types("paas destroy shop --confirm shop")

    assert (typed.out, typed.err, typed.code) == ("", "Destroyed shop.\n", 0)


def test_destroy_returns_when_no_router_knows_the_app(api: Api, user: User) -> None:
    api.returns("DELETE /apps/shop", SHOP, version=7)
    api.becomes_live(SHOP["id"], 7, "routing: waiting for every router")

    typed = user.types("paas destroy shop --confirm shop")

    assert typed.err == "  routing: waiting for every router\nDestroyed shop.\n"
    assert typed.code == 0


def test_destroy_is_done_when_the_platform_has_forgotten_the_app(api: Api, user: User) -> None:
    api.returns("DELETE /apps/shop", SHOP, version=7)
    waits = f"GET /apps/{SHOP['id']}/versions/7"
    api.says(waits, refusal(404, "not_found", "There is no such app."))

    typed = user.types("paas destroy shop --confirm shop")

    assert (typed.err, typed.code) == ("Destroyed shop.\n", 0)


def test_destroy_need_not_wait(api: Api, user: User) -> None:
    api.returns("DELETE /apps/shop", SHOP, version=7)

    typed = user.types("paas destroy shop --confirm shop --no-wait")

    assert (typed.err, typed.code) == ("Destroyed shop.\n", 0)
    assert api.lines == ["DELETE /apps/shop"]


def test_info_shows_an_app(api: Api, user: User) -> None:
    api.returns("GET /apps/shop", SHOP)
    types = [{"type": "web", "quantity": 3}, {"type": "worker", "quantity": 0}]
    api.returns("GET /apps/shop/formation", types)
    states = ["crashed", "up", "crashed"]
    api.returns("GET /apps/shop/dynos", [{"type": "web", "state": state} for state in states])

    lines = user.types("paas info -a shop").out.splitlines()

    assert lines[:5] == [
        "=== shop",
        "Web URL:  http://shop.localhost/",
        f"Git URL:  {DOOR}/shop",
        "Owner:    ada",
        "Dynos:    web: 1 up, 2 crashed; worker: 0",
    ]
    assert lines[5].startswith("Created:  2026/")


def test_open_prints_the_url_and_needs_no_browser(api: Api, user: User) -> None:
    api.returns("GET /apps/shop", SHOP)

    typed = user.types("paas open -a shop")

    assert (typed.out, typed.code) == ("http://shop.localhost/\n", 0)


def test_git_remote_makes_a_remote(api: Api, user: User) -> None:
    user.git("init", "--quiet")
    api.returns("GET /apps/shop", SHOP)

    typed = user.types("paas git:remote -a shop -r live")

    assert typed.err == "The git remote 'live' pushes to shop.\n"
    assert user.git("remote", "get-url", "live") == f"{DOOR}/shop"


def test_git_remote_outside_a_repository_says_so(api: Api, user: User) -> None:
    api.returns("GET /apps/shop", SHOP)

    typed = user.types("paas git:remote -a shop")

    assert (typed.err, typed.code) == (
        "paas: This folder is in no git repository. Type: git init\n",
        2,
    )
