import threading
from urllib.parse import urlsplit

import httpx

from paas.model.log import LogLine
from tests.eventually import eventually
from tests.unit.api.served import Served

AT = 1_700_000_000_000_000_000
EVENTS = {"Accept": "text/event-stream"}


def says(served: Served, *texts: str, dyno: str = "web.1", source: str = "app") -> None:
    lines = [LogLine(AT + number, source, dyno, text) for number, text in enumerate(texts)]
    served.platform.logs.append(served.blog.id, lines)


def session(client: httpx.Client, **wanted: object) -> str:
    """The URL without its host."""
    url = client.post("/apps/blog/log-sessions", json=wanted).json()["logplex_url"]
    return url.removeprefix(f"http://{urlsplit(url).netloc}")


def test_the_log_is_read_by_a_url_that_needs_no_token(served: Served) -> None:
    says(served, "one", "two", "three")
    with served.by("ben") as client, served.by_nobody() as nobody:
        text = nobody.get(session(client, lines=2)).text

    assert text == (
        "2023-11-14T22:13:20.000000+00:00 app[web.1]: two\n2023-11-14T22:13:20.000000+00:00 app[web.1]: three\n"
    )


def test_the_url_is_good_for_that_log_alone_and_for_that_person(served: Served) -> None:
    with served.by("ben") as client, served.by_nobody() as nobody:
        url = session(client)
        sealed = url.partition("pass=")[2]
        for path in (
            "/account",
            "/apps",
            f"/apps/{served.shop.id}/logs",
            f"/apps/{served.blog.id}",
            "/apps/blog/logs",
        ):
            assert nobody.get(f"{path}?pass={sealed}").status_code == 401
        assert nobody.post(url).status_code == 401
        assert nobody.get(url[:-4]).status_code == 401
        assert nobody.get(url).status_code == 200
        served.platform.people.remove(served.platform.people.get("ben").name)
        assert nobody.get(url).status_code == 401


def test_lines_are_chosen_by_dyno_and_source(served: Served) -> None:
    says(served, "a")
    says(served, "b", dyno="worker.1")
    says(served, "c", dyno="web.2", source="heroku")
    with served.by("ben") as client:
        by_type = client.get(session(client, dyno="web")).text
        by_dyno = client.get(session(client, dyno="worker.1")).text
        by_source = client.get(session(client, source="heroku")).text

    assert [line[-1] for line in by_type.splitlines()] == ["a", "c"]
    assert [line[-1] for line in by_dyno.splitlines()] == ["b"]
    assert [line[-1] for line in by_source.splitlines()] == ["c"]


def test_events_begin_with_when_to_come_back_and_end_when_nothing_is_tailed(served: Served) -> None:
    says(served, "one", "two\rthree")
    with served.by("ben", **EVENTS) as client:
        answer = client.get(session(client))

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    retry, first, second, end = answer.text.split("\n\n")
    assert (retry, end) == ("retry: 10", "")
    assert first.splitlines()[0].endswith("app[web.1]: one")
    assert second.splitlines()[1].endswith("app[web.1]: two three")
    assert second.startswith("id: ")


def test_a_tail_goes_on_and_comes_back_where_it_was(served: Served) -> None:
    says(served, "one")
    events: list[str] = []
    with served.by("ben", **EVENTS) as client:
        url = session(client, tail=True)

        def follow() -> None:
            with client.stream("GET", url) as answer:
                for line in answer.iter_lines():
                    events.append(line)
                    if line.endswith("two"):
                        return

        follower = threading.Thread(target=follow)
        follower.start()
        eventually(lambda: any(line.endswith("one") for line in events))
        says(served, "two")
        follower.join(5)
        assert not follower.is_alive()
        last = next(line for line in reversed(events) if line.startswith("id: ")).removeprefix(
            "id: "
        )
        says(served, "three")
        again = client.get(url.replace("tail=1", "tail=0"), headers={"Last-Event-ID": last}).text

    assert "two" not in again and again.count("data: ") == 1
    assert "three" in again


def test_a_request_that_cannot_be_is_told(served: Served) -> None:
    with served.by("ben") as client:
        for body in (
            {"lines": -1},
            {"lines": "x"},
            {"tail": "perhaps"},
            {"dyno": "x" * 999},
            {"lines": 10**30},
        ):
            answer = client.post("/apps/blog/log-sessions", json=body)
            assert answer.status_code == 422
            assert "changed" not in answer.text
        assert client.get("/apps/blog/logs?lines=-1").status_code == 422
        assert client.post("/apps/blog/log-sessions").status_code == 201
        assert (
            client.get(
                "/apps/blog/logs", headers={"Last-Event-ID": "../../x", **EVENTS}
            ).status_code
            == 200
        )
