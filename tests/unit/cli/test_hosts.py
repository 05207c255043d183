import json
import os
from typing import Any

import pytest

from tests.unit.cli.api import Api, Reply, refusal
from tests.unit.cli.conftest import User
from tests.unit.cli.test_run import a_terminal

FINGERPRINT = "SHA256:jGWMRuFzAc2HYEJzsNmpCh2mSGJVoBMWcOhHnEqaA5k"
LOCAL = {
    "name": "local", "address": None, "health": "up", "health_since": "2026-09-01T12:00:00Z", "schedulable": "open",
    "arch": "amd64", "containers": 5, "memory_mb": 8192, "memory_unreserved_mb": 1229, "disk_free_mb": 51200,
    "engine_version": "20.10.24", "seen_at": "2026-09-01T12:00:00Z", "tunnel": None,
}  # fmt: skip
H2 = {
    **LOCAL, "name": "h2", "address": "10.0.0.2", "schedulable": "draining", "containers": 1,
    "tunnel": {"state": "up", "since": "2026-09-01T12:00:00Z"}, "staying": [],
}  # fmt: skip


def progress(stage: str, **fields: Any) -> Reply:
    told = {"host": "h2", "stage": stage, "text": f"does {stage}", "fingerprint": None, "error": None,
            "is_over": stage in ("done", "failed"), **fields}  # fmt: skip
    return Reply(told)


def staying(*apps: tuple[str, list[str], str | None]) -> Reply:
    listed = [{"app": app, "dynos": dynos, "blocked": why} for app, dynos, why in apps]
    containers = sum(len(dynos) for _, dynos, _ in apps)
    return Reply({**H2, "staying": listed, "containers": containers})


def test_hosts_are_listed_with_what_they_have(api: Api, user: User) -> None:
    api.returns("GET /hosts", [H2, LOCAL])

    first, second = user.types("paas hosts").out.splitlines()

    room = "memory 1.2 GB of 8.0 GB free  disk 50.0 GB free  engine 20.10.24"
    assert first.startswith("h2     10.0.0.2  up since ~ ")
    assert first.endswith(f" ago  draining  1 container   {room}  tunnel up")
    assert second.startswith("local  here      up since ~ ")
    assert second.endswith(f" ago  open      5 containers  {room}")


def test_a_host_that_is_not_well_says_since_when_and_why(api: Api, user: User) -> None:
    api.returns("GET /hosts", [{**H2, "health": "down", "health_reason": "no answer"}])

    line = user.types("paas hosts").out

    assert "  down since ~ " in line
    assert line.endswith(" ago: no answer\n")


def test_hosts_are_listed_for_programs(api: Api, user: User) -> None:
    api.returns("GET /hosts", [LOCAL])

    assert json.loads(user.types("paas hosts --json").out) == [LOCAL]


def test_a_host_is_added_stage_by_stage(api: Api, user: User) -> None:
    api.returns("POST /hosts", H2, 202)
    api.says(
        "GET /hosts/h2/progress",
        progress("queued"),
        progress("ssh"),
        progress("tunnel", fingerprint=FINGERPRINT),
        progress("tunnel", fingerprint=FINGERPRINT),
        progress("done", fingerprint=FINGERPRINT),
    )
    api.returns("GET /hosts/h2", H2)

    typed = user.types(f"paas hosts:add h2 ssh://deploy@10.0.0.2 --host-key {FINGERPRINT}")

    assert api.asked[0].body == {
        "name": "h2",
        "url": "ssh://deploy@10.0.0.2",
        "host_key": FINGERPRINT,
    }
    assert typed.err.splitlines() == [
        "  queued: does queued",
        "  ssh: does ssh",
        f"  host key {FINGERPRINT}, pinned",
        "  tunnel: does tunnel",
        "h2 takes containers: amd64, 8.0 GB of memory, engine 20.10.24.",
    ]
    assert (typed.out, typed.code) == ("", 0)


def asked_for_a_key(api: Api) -> None:
    api.returns("POST /hosts/h2/key", {}, 202)
    api.returns("POST /hosts", H2, 202)
    api.returns("GET /hosts/h2", H2)
    done = progress("done", fingerprint=FINGERPRINT)
    api.says("GET /hosts/h2/progress", progress("ssh"), done)


def test_on_a_terminal_a_key_is_pinned_when_it_was_confirmed(api: Api, user: User) -> None:
    asked_for_a_key(api)

    with a_terminal(user, "hosts:add", "h2", "ssh://deploy@10.0.0.2") as terminal:
        shown = terminal.reads_until(b"Is it the one? [y/N]: ")
        os.write(terminal.keyboard, b"y\n")
        terminal.reads_until(b"h2 takes containers")
        assert terminal.process.wait(10) == 0

    assert f"The host key of h2 is {FINGERPRINT}".encode() in shown
    posted = [asked.body for asked in api.asked if asked.line == "POST /hosts"]
    assert posted == [
        {"name": "h2", "url": "ssh://deploy@10.0.0.2", "host_key": FINGERPRINT},
    ]


def test_on_a_terminal_nothing_is_registered_by_a_key_that_was_not_confirmed(
    api: Api, user: User
) -> None:
    asked_for_a_key(api)

    with a_terminal(user, "hosts:add", "h2", "ssh://deploy@10.0.0.2") as terminal:
        terminal.reads_until(b"Is it the one? [y/N]: ")
        os.write(terminal.keyboard, b"\n")
        terminal.reads_until(b"its key is not confirmed. Nothing was changed.")
        assert terminal.process.wait(10) == 1

    assert "POST /hosts" not in api.lines


def test_a_host_that_cannot_be_added_is_told_in_one_line(api: Api, user: User) -> None:
    api.returns("POST /hosts", H2, 202)
    error = "h2 was not registered (ssh): it does not answer. Nothing was changed."
    api.says("GET /hosts/h2/progress", progress("ssh"), progress("failed", error=error))

    typed = user.types("paas hosts:add h2 ssh://deploy@10.0.0.2")

    assert typed.err.splitlines()[-1] == f"paas: {error}"
    assert typed.code == 1


def test_what_the_platform_refuses_is_told(api: Api, user: User) -> None:
    api.says("POST /hosts", refusal(409, "conflict", "h2 is registered already."))

    typed = user.types("paas hosts:add h2 ssh://deploy@10.0.0.2 --no-wait")

    assert (typed.err, typed.code) == ("paas: h2 is registered already.\n", 1)


def test_a_drain_is_followed_until_the_host_is_empty(api: Api, user: User) -> None:
    api.says("PATCH /hosts/h2", staying(("shop", ["web.1", "web.2"], None), ("blog", ["web.1"], None)))  # fmt: skip
    ending = Reply({**H2, "staying": [], "containers": 1})
    api.says("GET /hosts/h2", staying(("shop", ["web.2"], None)), ending, staying())

    typed = user.types("paas hosts:drain h2")

    assert api.asked[0].body == {"schedulable": "draining", "force": False}
    assert typed.err.splitlines() == [
        "  3 to move: shop web.1 web.2, blog web.1",
        "  1 to move: shop web.2",
        "  1 to end, when their requests have",
        "h2 is empty. To take it away: paas hosts:remove h2; back: paas hosts:undrain h2",
    ]
    assert typed.code == 0


def test_a_drain_that_has_nowhere_to_go_says_so(api: Api, user: User) -> None:
    why = "No host can take web.1: local: has 0 MB unreserved, 512 MB are needed."
    api.says("PATCH /hosts/h2", staying(("shop", ["web.1"], why)))
    api.says("GET /hosts/h2", staying(("shop", ["web.1"], why)))

    typed = user.types("paas hosts:drain h2")

    assert typed.err.splitlines()[-1].startswith(
        f"paas: h2 is draining and not empty, for want of room elsewhere: shop: {why} "
    )
    assert typed.code == 1


def test_a_drain_by_force_says_so_to_the_platform(api: Api, user: User) -> None:
    api.says("PATCH /hosts/h2", staying(("shop", ["web.1"], None)))

    typed = user.types("paas hosts:drain h2 --force --no-wait")

    assert api.asked[0].body == {"schedulable": "draining", "force": True}
    assert (typed.err, typed.code) == ("h2 is draining. See: paas hosts\n", 0)


def test_a_host_that_does_not_answer_is_drained_when_its_dynos_are_elsewhere(
    api: Api, user: User
) -> None:
    silent = {**H2, "health": "down", "staying": [], "containers": 2}
    api.returns("PATCH /hosts/h2", silent)

    typed = user.types("paas hosts:drain h2 --force")

    assert typed.err == (
        "Everything that ran there is elsewhere. To take it away: paas hosts:remove h2 --lost; "
        "back: paas hosts:undrain h2\n"
    )


def test_a_host_is_opened_again(api: Api, user: User) -> None:
    api.returns("PATCH /hosts/h2", H2)

    typed = user.types("paas hosts:undrain h2")

    assert api.asked[0].body == {"schedulable": "open"}
    assert (typed.err, typed.code) == ("h2 takes containers again.\n", 0)


@pytest.mark.parametrize(("option", "asked"), [("", ""), (" --lost", "?lost=true")])
def test_a_host_is_removed(api: Api, user: User, option: str, asked: str) -> None:
    api.returns(f"DELETE /hosts/h2{asked}", H2, 202)
    api.says("GET /hosts/h2/progress", progress("clear"), progress("done"))

    typed = user.types(f"paas hosts:remove h2{option}")

    assert typed.err.splitlines() == ["  clear: does clear", "Removed the host h2."]
    assert typed.code == 0


def test_the_platforms_key_is_printed(api: Api, user: User) -> None:
    api.returns("GET /hosts/key", {"public_key": "ssh-ed25519 AAAA paas-x"})

    assert user.types("paas hosts:key").out == "ssh-ed25519 AAAA paas-x\n"
