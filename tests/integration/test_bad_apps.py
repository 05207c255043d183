"""Apps that cannot be built or do not come up: one line says why, and what was there before serves on."""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from paas.model.deploy import DeployState
from tests.eventually import eventually
from tests.integration.installation import Installation
from tests.integration.load import Load
from tests.integration.user import User

UNREACHABLE = {
    "listens-on-loopback": "listens on 127.0.0.1:5000, expected 0.0.0.0:5000 ($PORT)",
    "wrong-port": "listens on 0.0.0.0:5001, expected 0.0.0.0:5000 ($PORT)",
    "never-listens": "nothing listens on 0.0.0.0:5000 after 10 s",
    "dockerfile-fails-healthcheck": "its HEALTHCHECK ended with 3: the queue is not there, 10 s after its start",
}
"""Sample -> what its pusher is told."""
BROKEN: Mapping[str, tuple[Mapping[str, str], str]] = {
    "no-such-user": (
        {"Dockerfile": 'FROM paas/stack:run\nUSER nobody-here\nCMD ["true"]\n'},
        "web.1 could not be started: unable to find user nobody-here",
    ),
    "no-such-program": (
        {"Dockerfile": 'FROM paas/stack:run\nENTRYPOINT ["/no-such-program"]\n'},
        "exec /no-such-program failed: No such file or directory",
    ),
    "no-shell": (
        {"Dockerfile": "FROM scratch\nCOPY Procfile /\n", "Procfile": "web: /server\n"},
        "exec /bin/sh failed: No such file or directory",
    ),
    "nothing-to-run": (
        {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"},
        "the image has neither CMD nor ENTRYPOINT, and the tree no Procfile",
    ),
    "no-dockerfile": ({"Dockerfile": "FRUM x\n"}, "Dockerfile, line 1: unknown instruction: FRUM"),
    "no-base": (
        {"Dockerfile": "FROM no-such-base.invalid/x:1\n"},
        "the base image no-such-base.invalid/x:1 could not be had",
    ),
    "too-large": (
        {"Dockerfile": 'FROM paas/stack:run\nCMD ["python3", "-c", "bytearray(4 << 30)"]\n'},
        "web.1 exited with status 137 while starting",
    ),
    "no-colon": (
        {"Dockerfile": "FROM paas/stack:run\n", "Procfile": "# the web\nweb python3 server.py\n"},
        "Procfile, line 2: expected 'name: command'",
    ),
    "no-text": ({"index.html": "", "Procfile": "web: \0\n"}, "Procfile, line 1: the command"),
    "twice": ({"index.html": "", "Procfile": "web: a\nweb: b\n"}, "line 2: 'web' is there already"),
    "no-name": ({"index.html": "", "Procfile": "-rf /: a\n"}, "'-rf /' cannot be a process type"),
}  # fmt: skip
"""App -> its files, and what its pusher is told."""


def push_all(user: User, apps: Sequence[str]) -> Mapping[str, tuple[int, str]]:
    """Side by side; how each ended, and what it printed."""
    begun = {app: user.begins("git push paas main", within=user.folder(app)) for app in apps}
    printed = {app: push.communicate(timeout=120)[0] for app, push in begun.items()}
    return {app: (begun[app].returncode, printed[app]) for app in apps}


def test_a_release_that_nobody_reaches_is_given_up_in_time_and_the_old_one_serves_every_request(
    user: User, installation: Installation
) -> None:
    # given apps that serve, with requests coming in
    for sample in UNREACHABLE:
        user.deployed("slow-request", sample)
    served = {
        sample: user.types("git ls-remote paas", within=user.folder(sample)).out
        for sample in UNREACHABLE
    }
    with ExitStack() as loads:
        load = {
            sample: loads.enter_context(
                Load(user.http_port, sample, new=1, kept=1, slow=0, is_idempotent=True)
            )
            for sample in UNREACHABLE
        }

        # when what is pushed comes up and cannot be reached
        for sample in UNREACHABLE:
            user.commits(sample, to=sample)
        pushes = push_all(user, list(UNREACHABLE))

        # then it is told what it listens on, in time, and what it was started from is gone
        for sample, told in UNREACHABLE.items():
            code, output = pushes[sample]
            assert code != 0 and told in output, output
            assert_only_the_first_release_is_left(sample, installation)
            now = user.types("git ls-remote paas", within=user.folder(sample)).out
            assert now == served[sample]
    for sample in UNREACHABLE:
        assert not load[sample].failures, load[sample].report
        assert load[sample].releases() == {"v1"}
    assert "thinking" in pushes["never-listens"][1], pushes["never-listens"][1]


def assert_only_the_first_release_is_left(name: str, installation: Installation) -> None:
    platform = installation.platform
    app = platform.apps.named(name)
    assert (app.wanted_release, app.current_release) == (1, 1)
    failed = platform.deploys.of(app.id, 2)
    assert failed is not None and failed.ended_at is not None
    assert failed.state is DeployState.FAILED
    assert failed.ended_at - failed.created_at < platform.settings.start_seconds + 10
    eventually(lambda: len(platform.containers.of(app.id)) == 1, within=15)
    (row,) = platform.containers.of(app.id)
    mine = [seen for seen in platform.engine.list("local") if seen.labels.get("paas.app") == app.id]
    assert row.dyno.release == 1
    assert [seen.labels["paas.container"] for seen in mine] == [row.id]


def test_what_cannot_be_built_or_started_is_told_in_one_line(user: User) -> None:
    for app, (files, _) in BROKEN.items():
        user.creates(app)
        user.commits(None, to=app, files=files)

    pushes = push_all(user, list(BROKEN))

    for app, (_, told) in BROKEN.items():
        code, output = pushes[app]
        lines = [line for line in output.splitlines() if told in line]
        assert code == 1 and lines, f"{app}: {output}"
        assert "Traceback" not in output
        assert ("memory" in output) == (app == "too-large")
        assert f"Push refused: see above. Nothing of {app} runs." in output
    shown = user.types("paas apps").out
    assert all(app in shown for app in BROKEN)


def test_a_server_that_listens_before_it_has_loaded_the_app_serves_nothing_if_that_fails(
    user: User,
) -> None:
    user.deployed("python-web", "shop")
    broken = "import time\ntime.sleep(0.7)\nraise RuntimeError('no database')\n"

    with Load(user.http_port, "shop", new=2, kept=2, slow=0, is_idempotent=True) as load:
        push = user.pushes("python-web", to="shop", files={"app.py": broken})

    assert push.rejected
    # gunicorn ends with 3, or with 1 when its worker's end comes in the wrong moment.
    assert re.search("web.1 exited with status [13] while starting", push.output), push.output
    assert "RuntimeError: no database" in push.output, push.output
    assert not load.failures, load.report
    assert load.releases() == {"v1"}


def test_who_crashes_at_start_is_shown_its_last_fifty_lines(user: User) -> None:
    user.creates("shop")
    server = "for number in range(1, 121):\n    print(f'line {number}.', flush=True)\nexit(3)\n"

    push = user.pushes("crash-on-boot", to="shop", files={"server.py": server})

    assert push.rejected
    assert "web.1 exited with status 3 while starting" in push.output
    shown = [line.strip() for line in push.output.splitlines() if "line " in line and "." in line]
    assert shown[-50:] == [f"line {number}." for number in range(71, 121)]
    assert "line 70." not in shown
