from tests.unit.api.served import Served
from tests.unit.api.test_gate import every_route


def test_the_page_names_every_route_and_fetches_nothing(served: Served) -> None:
    with served.by_nobody() as client:
        answer = client.get("/docs", auth=("", served.tokens["eve"]))

    documented = [
        path
        for _, path in every_route()
        if path not in ("/docs", "/openapi.json") and "attach" not in path
    ]
    missing = [path for path in documented if path.replace(":path", "") not in answer.text]
    assert missing == []
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert (
        "<script" not in answer.text
        and "http://" not in answer.text
        and "https://" not in answer.text
    )


def test_a_browser_is_asked_for_the_token(served: Served) -> None:
    with served.by_nobody() as client:
        assert client.get("/docs").headers["WWW-Authenticate"] == 'Basic realm="paas"'


def test_the_whole_of_it_is_told_to_programs(served: Served) -> None:
    with served.by("eve") as client:
        api = client.get("/openapi.json").json()

    assert api["paths"]["/apps/{app}/formation"]["patch"]["requestBody"]
