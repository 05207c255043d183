"""Each sample app does what its name says."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from paas.builds.procfile import InvalidProcfile, parse_procfile
from paas.builds.stack import StackImages
from tests.apps.workshop import APPS, Started, Workshop, docker, the_stack
from tests.eventually import eventually

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def stack() -> StackImages:
    return the_stack()


@pytest.fixture
def workshop(tmp_path: Path, stack: StackImages) -> Iterator[Workshop]:
    with Workshop(tmp_path, stack) as workshop:
        yield workshop


def started(workshop: Workshop, name: str, **env: str) -> Started:
    """The sample's only process. The samples of the standard library need no build."""
    workshop.source(name)
    (command,) = parse_procfile((APPS / name / "Procfile").read_text()).values()
    return workshop.start(command, **env)


def test_crash_on_boot_ends_with_a_reason(workshop: Workshop) -> None:
    app = started(workshop, "crash-on-boot")

    assert app.end() == 1
    assert "there is no DATABASE_URL" in app.log()


def test_slow_boot_answers_when_its_seconds_are_over(workshop: Workshop) -> None:
    begin = time.monotonic()

    answer = started(workshop, "slow-boot", BOOT_SECONDS="2").get()

    assert answer.text.endswith("at last\n")
    assert time.monotonic() - begin > 2


def test_ignores_sigterm_ends_by_sigkill_alone(workshop: Workshop) -> None:
    app = started(workshop, "ignores-sigterm")
    app.get()

    assert app.stop(grace_seconds=1) == 137
    assert "SIGTERM, and I stay" in app.log()


@pytest.mark.parametrize("name", ["listens-on-loopback", "wrong-port", "never-listens"])
def test_an_app_that_does_not_listen_refuses_on_its_address(workshop: Workshop, name: str) -> None:
    app = started(workshop, name)
    time.sleep(1)

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{app.address()}:5000/")

    assert app.is_running()


def test_worker_only_ticks_until_it_is_told_to_stop(workshop: Workshop) -> None:
    app = started(workshop, "worker-only", DYNO="worker.1")
    eventually(lambda: "tick 1" in app.log())

    assert app.stop() == 0
    assert app.log().splitlines()[0] == "worker.1 started"
    assert app.log().splitlines()[-1] == "stopped"


def test_echo_env_answers_with_the_environment_and_what_was_sent(workshop: Workshop) -> None:
    value = "quotes ' \" dollars $HOME \\ lines\nü" + "x" * 32768
    app = started(workshop, "echo-env", ODD=value)

    assert app.get().json()["ODD"] == value
    sent = httpx.post(f"http://{app.address()}:5000/", content=iter([b"a" * 70000, b"b" * 70000]))
    assert sent.json()["bytes"] == 140000


def test_websocket_echo_sends_back_text_and_bytes(workshop: Workshop) -> None:
    app = started(workshop, "websocket-echo")
    app.get()

    with connect(f"ws://{app.address()}:5000/") as socket:
        echoes = []
        for message in ("hello", b"\x00" * 70000, "x" * 300):
            socket.send(message)
            echoes.append(socket.recv())

    assert echoes == ["hello", b"\x00" * 70000, "x" * 300]


def test_slow_request_finishes_what_is_in_flight_when_told_to_stop(workshop: Workshop) -> None:
    app = started(workshop, "slow-request", HEROKU_RELEASE_VERSION="v3")
    app.get()
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(app.get("/?seconds=2")))
    asking.start()
    time.sleep(0.5)

    code = app.stop()

    asking.join()
    assert (code, answers[0].json()["release"]) == (0, "v3")
    assert "told to stop with 1 in flight\nstopped\n" in app.log()


def test_dockerfile_web_builds_on_the_run_image_and_answers(
    tmp_path: Path, stack: StackImages
) -> None:
    image = docker("build", "--quiet", f"{APPS / 'dockerfile-web'}").stdout.strip()

    with Workshop(tmp_path, stack) as workshop:
        answer = workshop.start_image(image).get()

    docker("image", "rm", image)
    assert answer.json()["port"] == "5000"


def test_bad_procfile_and_no_procfile_name_no_process() -> None:
    with pytest.raises(InvalidProcfile):
        parse_procfile((APPS / "bad-procfile/Procfile").read_text())

    assert not (APPS / "no-procfile/Procfile").exists()
