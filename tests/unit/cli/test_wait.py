import os
import signal
import subprocess

import pytest

from paas.cli.client import ApiRefused
from paas.cli.connection import BrokenOff
from paas.cli.patience import Patience
from tests.eventually import eventually
from tests.unit.cli.api import Api, Reply, ndjson, refusal
from tests.unit.cli.conftest import PAAS, User

WAIT = "GET /apps/shop/versions/5"


@pytest.fixture(autouse=True)
def recorded(api: Api) -> None:
    api.returns("DELETE /apps/shop/dynos", {}, 202, version=5)


@pytest.mark.parametrize(
    "first",
    [
        Reply(stream=[b'{"text": "Starting"}\n'], is_cut=True),
        Reply(stream=[b'{"text": "Starting"}\n', b'{"text": "St'], is_cut=True),
        Reply(stream=[b'{"text": "Starting"}\n']),
        refusal(503, "unavailable", "The API is starting."),
    ],
)
def test_an_api_that_restarts_meanwhile_is_asked_again(api: Api, user: User, first: Reply) -> None:
    api.says(WAIT, first, ndjson({"text": "Routing"}, {"state": "live"}))

    typed = user.types("paas restart -a shop")

    assert typed.err.endswith("  Routing\nLive: shop was restarted\n")
    assert (typed.code, api.lines.count(WAIT)) == (0, 2)


def test_an_api_that_says_no_is_not_waited_for() -> None:
    patience = Patience()

    assert not patience.is_over(BrokenOff("GET /", "it was cut"))
    assert patience.is_over(ApiRefused(404, "not_found", "There is no such app."))


def test_what_is_no_news_is_passed_over(api: Api, user: User) -> None:
    words = [
        b"\n",
        b"garbage\n",
        b"[]\n",
        b'"text"\n',
        b'{"text": "\x1b[2J"}\n',
        b'{"state": "live"}',
    ]
    api.says(WAIT, Reply(stream=words))

    typed = user.types("paas restart -a shop")

    assert typed.err == "Restarting every dyno of shop\nLive: shop was restarted\n"


def test_a_reason_that_names_its_own_next_command_gets_no_other(api: Api, user: User) -> None:
    api.says(
        WAIT, ndjson({"state": "failed", "text": "router edge-2 is silent. See: paas routers"})
    )

    typed = user.types("paas restart -a shop")

    assert typed.err.endswith("paas: shop: router edge-2 is silent. See: paas routers\n")
    assert typed.code == 1


def test_a_refusal_ends_the_waiting(api: Api, user: User) -> None:
    api.says(WAIT, refusal(404, "not_found", "There is no app 'shop'."))

    typed = user.types("paas restart -a shop")

    assert typed.err.endswith("paas: There is no app 'shop'.\n")
    assert typed.code == 1


def test_ctrl_c_stops_the_waiting_and_says_that_the_change_goes_on(api: Api, user: User) -> None:
    api.says(WAIT, ndjson({"text": "Starting"}))
    command = [PAAS, "restart", "-a", "shop"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=user.process_environment()) as paas:
        eventually(lambda: WAIT in api.lines)

        os.kill(paas.pid, signal.SIGINT)
        _, err = paas.communicate()

    assert paas.returncode == 130
    assert err.decode().splitlines()[-1] == (
        "Not waiting any longer; the change goes on. See: paas ps -a shop"
    )


@pytest.mark.parametrize(
    ("command", "request_line"),
    [
        ("restart", "DELETE /apps/shop/dynos"),
        ("ps:restart", "DELETE /apps/shop/dynos"),
        ("restart web.2", "DELETE /apps/shop/dynos/web.2"),
        ("stop", "POST /apps/shop/actions/stop"),
        ("start", "POST /apps/shop/actions/start"),
    ],
)
def test_restart_stop_and_start_wait_for_their_change(
    api: Api, user: User, command: str, request_line: str
) -> None:
    api.returns(request_line, {}, 202, version=5)
    api.becomes_live("shop", 5)

    typed = user.types(f"paas {command} -a shop")

    assert (typed.out, typed.code) == ("", 0)
    assert api.lines == [request_line, WAIT]


def test_restarting_a_stopped_app_says_that_it_is_stopped(api: Api, user: User) -> None:
    headers = {"Paas-Version": "5", "Paas-Stopped": "1"}
    api.says("DELETE /apps/shop/dynos", Reply({}, 202, headers))

    typed = user.types("paas restart -a shop")

    says = "shop is stopped: there is nothing to restart. To start it: paas start -a shop\n"
    assert (typed.err, typed.code) == (says, 0)


def test_stop_of_a_one_off_ends_that_one(api: Api, user: User) -> None:
    api.returns("POST /apps/shop/dynos/run.4711/actions/stop", {}, 202)

    typed = user.types("paas stop run.4711 -a shop")

    assert (typed.err, typed.code) == ("Stopping run.4711 of shop\n", 0)
    assert api.lines == ["POST /apps/shop/dynos/run.4711/actions/stop"]


def test_stop_of_another_dyno_says_what_to_type(api: Api, user: User) -> None:
    typed = user.types("paas ps:stop web.2 -a shop")

    assert (typed.code, api.lines) == (2, [])
    assert typed.err == (
        "paas: web.2 is no one-off such as run.4711. To replace it: paas restart web.2 -a shop; "
        "to have fewer: paas scale web-1 -a shop\n"
    )


def test_stop_of_an_app_by_its_bare_name_says_what_to_type(api: Api, user: User) -> None:
    typed = user.types("paas stop shop -a shop")

    assert (typed.code, api.lines) == (2, [])
    assert "To stop an app: paas stop -a shop; a process type: paas scale shop=0" in typed.err
