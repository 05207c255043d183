import json

from tests.unit.cli.api import Api, refusal
from tests.unit.cli.conftest import User

DOMAIN = {"id": "d1", "hostname": "www.example.com", "kind": "custom"}


def test_domains_are_listed(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/domains", [DOMAIN])

    assert user.types("paas domains -a shop").out == "www.example.com\n"
    assert json.loads(user.types("paas domains --json -a shop").out) == [DOMAIN]


def test_a_domain_is_added_and_waited_for(api: Api, user: User) -> None:
    api.returns("POST /apps/shop/domains", DOMAIN, 201, version=3)
    api.becomes_live("shop", 3, "Waiting for router local")

    typed = user.types("paas domains:add www.example.com -a shop")

    assert typed.err == (
        "Adding www.example.com to shop\n  Waiting for router local\n"
        "Live: shop answers for www.example.com\n"
    )
    assert (typed.code, api.asked[0].body) == (0, {"hostname": "www.example.com"})


def test_a_domain_of_another_app_is_the_platforms_own_line(api: Api, user: User) -> None:
    api.says(
        "POST /apps/shop/domains",
        refusal(422, "invalid_params", "'www.example.com' belongs to another app."),
    )

    typed = user.types("paas domains:add www.example.com -a shop")

    assert typed.err == "paas: 'www.example.com' belongs to another app.\n"
    assert typed.code == 1


def test_a_domain_is_removed_and_waited_for(api: Api, user: User) -> None:
    api.returns("DELETE /apps/shop/domains/%2A.example.com", DOMAIN, version=4)
    api.becomes_live("shop", 4)

    typed = user.types("paas domains:remove '*.example.com' -a shop")

    assert typed.err.endswith("Live: shop no longer answers for *.example.com\n")
    assert typed.code == 0
