import pytest

from paas.cli.ps import render
from tests.unit.cli.api import Api
from tests.unit.cli.conftest import User

NOON = 1788264000.0
UP = {
    "id": "1", "name": "web.1", "type": "web", "state": "up", "command": "gunicorn app:app", "host": "local",
    "release": {"id": "r", "version": 12}, "created_at": "2026-09-01T11:50:00Z",
    "updated_at": "2026-09-01T11:57:00Z", "seen_at": "2026-09-01T11:59:58Z", "exit_code": None,
    "reason": "accepted a connection",
}  # fmt: skip
FORMATION = [
    {"type": "worker", "quantity": 0, "command": "python worker.py"},
    {"type": "web", "quantity": 2, "command": "gunicorn app:app"},
]


def test_dynos_stand_under_their_process_type_in_the_order_of_their_numbers() -> None:
    dynos = [UP | {"name": f"web.{number}"} for number in (10, 2, 1)]

    lines = list(render(FORMATION, dynos, NOON))

    assert [line.split(" 2026/")[0] for line in lines] == [
        "=== web (2): gunicorn app:app",
        "web.1: up",
        "web.2: up",
        "web.10: up",
        "=== worker (0): python worker.py",
    ]
    assert lines[1].endswith("(~ 3m ago) on local, v12")


def test_a_crashed_dyno_says_why_and_an_unseen_one_since_when() -> None:
    crashed = UP | {
        "state": "crashed", "exit_code": 137, "reason": "out of memory (limit 512 MB)",
        "seen_at": "2026-09-01T11:55:00Z", "host_health": "suspect",
        "last_lines": ["Traceback", "MemoryError"],
    }  # fmt: skip

    (_, line, *printed, _) = render(FORMATION, [crashed], NOON)

    assert line.startswith("web.1: crashed 2026/")
    assert line.endswith(
        " on local, v12, exit code 137 (SIGKILL), out of memory (limit 512 MB), local is suspect, last seen ~ 5m ago"
    )
    assert printed == ["    Traceback", "    MemoryError"]


@pytest.mark.parametrize(
    ("state", "is_told"),
    [("up", False), ("retiring", False), ("starting", True), ("pending", True)],
)
def test_how_a_dyno_came_up_is_no_news(state: str, is_told: bool) -> None:
    (_, line, _) = render(FORMATION, [UP | {"state": state}], NOON)

    assert line.endswith(", accepted a connection") == is_told


def test_one_off_dynos_have_a_part_of_their_own() -> None:
    one_off = UP | {"name": "run.4711", "type": "run", "command": "bash"}

    lines = list(render([], [one_off], NOON))

    assert lines[0] == "=== run (1): one-off commands"
    assert lines[1].endswith("on local, v12: bash")


def test_a_name_or_a_command_cannot_draw_on_the_terminal() -> None:
    dyno = UP | {"name": "web.1\x1b[2J\x07", "reason": "no\x1b]0;title\x07\nweb.2: up"}
    formation = [{"type": "web", "quantity": 1, "command": "\x1b[31mred\x1b[0m\r\n=== x"}]

    lines = list(render(formation, [dyno], NOON))

    assert all(line.isprintable() for line in lines)
    assert lines[0] == "=== web (1): red === x"


def test_ps_asks_for_dynos_and_formation(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/dynos", [UP])
    api.returns("GET /apps/shop/formation", FORMATION)

    typed = user.really_types("paas ps -a shop")

    assert typed.out.splitlines()[0] == "=== web (2): gunicorn app:app"
    assert (typed.err, typed.code) == ("", 0)
    assert api.lines == ["GET /apps/shop/dynos", "GET /apps/shop/formation"]


def test_ps_of_a_stopped_app_says_that_it_is(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/dynos", [])
    api.returns("GET /apps/shop/formation", FORMATION)
    api.returns("GET /apps/shop", {"stopped": True})

    typed = user.types("paas ps -a shop")

    assert typed.out.startswith("=== web (2)")
    assert typed.err == "shop is stopped. Type: paas start -a shop\n"


def test_ps_before_the_first_push_says_how_to_push(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/dynos", [])
    api.returns("GET /apps/shop/formation", [])

    typed = user.types("paas ps -a shop")

    assert (typed.out, typed.err) == ("", "shop has no dynos. Type: git push paas main\n")
