from typing import Any

from tests.unit.cli.api import Api, Reply, refusal
from tests.unit.cli.conftest import User

FINGERPRINT = "SHA256:jGWMRuFzAc2HYEJzsNmpCh2mSGJVoBMWcOhHnEqaA5k"
LOCAL = {
    "name": "local", "address": None, "is_joining": False, "epoch": "e", "number": 12, "haproxy": "2.6.12",
    "acknowledged_at": "2026-09-01T12:00:00Z", "seen_at": "2026-09-01T12:00:00Z", "tunnel": None,
}  # fmt: skip
EDGE = {
    **LOCAL, "name": "edge", "address": "10.0.0.7", "is_joining": True, "epoch": None, "number": None,
    "haproxy": None, "seen_at": None, "tunnel": {"state": "up", "since": "2026-09-01T12:00:00Z"},
}  # fmt: skip
LINE = "sudo ./install.sh --router edge --platform abcd2345 --table-port 5002 --http-port 80 --password s3cret"


def progress(stage: str, **fields: Any) -> Reply:
    told = {"router": "edge", "stage": stage, "text": f"does {stage}", "fingerprint": None, "error": None,
            "waits_for": None, "is_over": stage in ("done", "failed"), **fields}  # fmt: skip
    return Reply(told)


def test_routers_are_listed_with_what_they_have(api: Api, user: User) -> None:
    api.returns("GET /routers", [EDGE, LOCAL])

    first, second = user.types("paas routers").out.splitlines()

    assert first.split() == ["edge", "10.0.0.7", "joining", "never", "seen", "tunnel", "up"]
    assert second.startswith("local  here      table 12  seen ~ ")
    assert second.endswith("ago  HAProxy 2.6.12")


def test_a_router_is_added_stage_by_stage_and_its_line_is_what_is_printed(
    api: Api, user: User
) -> None:
    api.returns("POST /routers", EDGE, 202)
    api.says(
        "GET /routers/edge/progress",
        progress("ssh"),
        progress("move", fingerprint=FINGERPRINT, waits_for="2 to move: shop web.1 web.2"),
        progress("move", fingerprint=FINGERPRINT, waits_for="1 to move: shop web.2"),
        progress("done", fingerprint=FINGERPRINT),
    )
    api.returns("GET /routers/edge", {**EDGE, "line": LINE})

    typed = user.types(f"paas routers:add edge ssh://deploy@10.0.0.7 --host-key {FINGERPRINT}")

    assert api.asked[0].body == {
        "name": "edge",
        "url": "ssh://deploy@10.0.0.7",
        "host_key": FINGERPRINT,
    }
    assert typed.out == f"{LINE}\n"
    assert typed.err.splitlines() == [
        "  ssh: does ssh",
        f"  host key {FINGERPRINT}, pinned",
        "  move: does move",
        "    2 to move: shop web.1 web.2",
        "    1 to move: shop web.2",
        "The route table reaches edge. There, in a clone of this version, type:",
    ]


def test_what_went_wrong_is_told(api: Api, user: User) -> None:
    api.returns("POST /routers", EDGE, 202)
    why = "Router edge was not registered (ssh): it cannot be reached. Nothing was changed."
    api.says("GET /routers/edge/progress", progress("failed", error=why))

    typed = user.types("paas routers:add edge ssh://deploy@10.0.0.7")

    assert (typed.code, typed.out) == (1, "")
    assert typed.err.endswith(f"paas: {why}\n")


def test_a_name_that_is_taken_is_told(api: Api, user: User) -> None:
    api.says("POST /routers", refusal(409, "conflict", "A router of that name (here) is there."))

    typed = user.types("paas routers:add local ssh://deploy@10.0.0.7")

    assert typed.code == 1
    assert "A router of that name (here) is there." in typed.err


def test_the_line_is_printed_again(api: Api, user: User) -> None:
    api.returns("GET /routers/edge", {**EDGE, "line": LINE})
    api.returns("GET /routers/local", {**LOCAL, "line": None})

    edge, local = user.types("paas routers:line edge"), user.types("paas routers:line local")

    assert (edge.out, edge.code) == (f"{LINE}\n", 0)
    assert (local.out, local.code) == ("", 2)
    assert "There is no line to type for local" in local.err


def test_a_router_is_removed(api: Api, user: User) -> None:
    api.returns("DELETE /routers/edge", EDGE)
    api.returns("DELETE /routers/local", LOCAL)

    edge, local = user.types("paas routers:remove edge"), user.types("paas routers:remove local")

    assert edge.err.splitlines()[0] == "Removed the router edge."
    assert "it serves what it knew" in edge.err
    assert (local.err, local.code) == ("Removed the router local.\n", 0)
