from tests.integration.user import User


def test_a_domain_answers_when_the_command_returns_and_not_after_it_is_removed(user: User) -> None:
    user.deployed("python-web", "shop")

    added = user.types("paas domains:add www.shop.example -a shop")

    assert added.code == 0, added.text
    assert user.visits("shop", host="www.shop.example").json()["app"] == "shop"
    assert "www.shop.example" in user.types("paas domains -a shop").out
    removed = user.types("paas domains:remove www.shop.example -a shop")
    assert removed.code == 0, removed.text
    assert user.visits("shop", host="www.shop.example").status_code == 404


def test_a_domain_can_be_claimed_once(user: User) -> None:
    user.creates("shop")
    user.creates("shoe")
    user.types("paas domains:add www.shop.example -a shop")

    said = user.types("paas domains:add WWW.shop.example -a shoe")

    assert "www.shop.example belongs to another app" in said.error


def test_a_hostname_nobody_has_answers_404(user: User) -> None:
    answer = user.visits("nobody")

    assert answer.status_code == 404
    assert "<!doctype html>" in answer.text


def test_a_destroyed_app_frees_its_name_at_once(user: User) -> None:
    user.deployed("python-web", "shop")

    said = user.types("paas destroy shop --confirm shop")

    assert said.code == 0, said.text
    assert user.visits("shop").status_code == 404
    again = user.types("paas create shop --no-remote")
    assert again.code == 0, again.text
    assert user.types("paas config -a shop --json").out.strip() == "{}"


def test_a_wildcard_answers_for_every_name_one_label_longer_and_an_exact_name_goes_first(
    user: User,
) -> None:
    user.deployed("python-web", "shop")
    user.deployed("python-web", "shoe")

    assert user.types("paas domains:add '*.shop.example' -a shop").code == 0
    assert user.types("paas domains:add one.shop.example -a shoe").code == 0

    apps = {
        host: user.visits("shop", host=host).json()["app"]
        for host in ("two.shop.example", "TWO.Shop.Example", "one.shop.example")
    }
    assert apps == {
        "two.shop.example": "shop",
        "TWO.Shop.Example": "shop",
        "one.shop.example": "shoe",
    }
    for host in ("shop.example", "a.two.shop.example"):
        assert user.visits("shop", host=host).status_code == 404
