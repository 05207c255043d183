import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from paas.cli.logs import events
from tests.eventually import eventually
from tests.unit.cli.api import Api, Reply, refusal
from tests.unit.cli.conftest import PAAS, User

SESSION = "POST /apps/shop/log-sessions"
LINE = b"2026-09-01T12:00:00.000000+00:00 app[web.1]: "


def test_logs_are_printed_as_they_are(api: Api, user: User) -> None:
    api.returns(SESSION, {"logplex_url": "http://localhost/logs/17?secret=x"}, 201)
    lines = LINE + b"\x1b[31mred\x1b[0m\n"
    api.says("GET /logs/17?secret=x", Reply(stream=[lines[:50], lines[50:]]))

    typed = user.types("paas logs -n 50 --ps web.1 --source app -a shop")

    assert typed.out == lines.decode()
    assert api.asked[0].body == {"lines": 50, "tail": False, "dyno": "web.1", "source": "app"}
    assert api.asked[1].headers["accept"] == "text/plain"


@pytest.mark.parametrize(
    ("dyno", "is_known"),
    [("web.77", False), ("wbe", False), ("web.1", True), ("worker", True), ("router", True)],
)
def test_the_silence_of_a_dyno_that_does_not_exist_is_explained(
    api: Api, user: User, dyno: str, is_known: bool
) -> None:
    api.returns(SESSION, {"logplex_url": "/logs/17"}, 201)
    api.says("GET /logs/17", Reply(stream=[]))
    api.returns("GET /apps/shop/formation", [{"type": "worker"}])
    api.returns("GET /apps/shop/dynos", [{"type": "web", "name": "web.1"}])

    typed = user.types(f"paas logs --ps {dyno} -a shop")

    says = f"shop has no dyno or process type '{dyno}' now. See: paas ps -a shop\n"
    assert (typed.out, typed.err, typed.code) == ("", "" if is_known else says, 0)


def test_a_dyno_that_is_gone_and_left_lines_needs_no_explanation(api: Api, user: User) -> None:
    api.returns(SESSION, {"logplex_url": "/logs/17"}, 201)
    api.says("GET /logs/17", Reply(stream=[LINE + b"x\n"]))

    typed = user.types("paas logs --ps web.77 -a shop")

    assert (typed.err, typed.code) == ("", 0)


def test_a_tail_of_a_dyno_that_does_not_exist_says_so_before_it_waits(api: Api, user: User) -> None:
    api.returns(SESSION, {"logplex_url": "/logs/17"}, 201)
    api.says("GET /logs/17", Reply(stream=[]), refusal(404, "not_found", "gone"))
    api.returns("GET /apps/shop/formation", [])
    api.returns("GET /apps/shop/dynos", [])

    typed = user.types("paas logs --tail --ps web.77 -a shop")

    assert typed.err.startswith("shop has no dyno or process type 'web.77' now.")


def test_tail_goes_on_after_the_last_line_when_the_api_restarts(api: Api, user: User) -> None:
    api.returns(SESSION, {"logplex_url": "/logs/17"}, 201)
    api.says(
        "GET /logs/17",
        Reply(
            stream=[b"retry: 10\n\n", b"id: 1\ndata: one\n\nid: 2\nda", b"ta: two\n\n"], is_cut=True
        ),
        refusal(503, "unavailable", "The API is starting."),
        Reply(stream=[b"id: 3\ndata: three\n\n"]),
        refusal(404, "not_found", "There is no app 'shop'."),
    )

    typed = user.types("paas logs --tail -a shop")

    assert typed.out == "one\ntwo\nthree\n"
    followed = [asked.headers.get("last-event-id") for asked in api.asked[1:]]
    assert followed == [None, "2", "2", "3"]
    assert (typed.err, typed.code) == ("paas: There is no app 'shop'.\n", 1)


def test_ctrl_c_ends_a_tail_without_a_word(api: Api, user: User) -> None:
    api.returns(SESSION, {"logplex_url": "/logs/17"}, 201)
    api.says("GET /logs/17", Reply(stream=[b"data: one\n\n"]))
    command = [PAAS, "logs", "--tail", "-a", "shop"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=user.process_environment()
    ) as paas:
        eventually(lambda: "GET /logs/17" in api.lines)

        os.kill(paas.pid, signal.SIGINT)
        _, err = paas.communicate()

    assert (err, paas.returncode) == (b"", 130)


def test_a_reader_that_goes_away_ends_it_without_a_word(api: Api, user: User) -> None:
    api.returns(SESSION, {"logplex_url": "/logs/17"}, 201)
    api.says("GET /logs/17", Reply(stream=[LINE + b"x" * 60000 + b"\n"] * 20))
    with subprocess.Popen(
        [PAAS, "logs", "-a", "shop"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=user.process_environment(),
    ) as paas:  # fmt: skip
        assert paas.stdout and paas.stderr
        paas.stdout.readline()
        paas.stdout.close()
        err = paas.stderr.read()

    assert (err, paas.returncode) == (b"", 1)


def test_an_event_is_what_stands_between_empty_lines() -> None:
    def lines() -> Iterator[bytes]:
        yield from b": hello\nretry: 10\n\nid: 1\ndata: a\ndata: b\n\ndata:c\n\nevent: x\n\ndata: cut".split(
            b"\n"
        )

    assert list(events(lines())) == [("1", b"a\nb"), ("1", b"c")]
