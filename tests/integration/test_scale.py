import time

from tests.eventually import eventually
from tests.integration.user import User


def answering(user: User, app: str) -> set[str]:
    return {user.visits(app).json()["container"] for _ in range(20)}


def test_scale_takes_effect_within_seconds(user: User) -> None:
    user.deployed("python-web", "shop")

    said = user.types("paas scale web=5 -a shop")

    assert said.code == 0, said.text
    eventually(lambda: len(answering(user, "shop")) == 5, within=5)
    said = user.types("paas scale web-3 -a shop")
    assert said.code == 0, said.text
    eventually(lambda: len(answering(user, "shop")) == 2, within=5)
    assert user.types("paas scale -a shop").out.split() == ["web=2"]


def test_an_app_scaled_to_nothing_answers_503_until_it_is_scaled_up(user: User) -> None:
    user.deployed("python-web", "shop")

    user.types("paas scale web=0 -a shop")

    eventually(lambda: user.visits("shop").status_code == 503, within=5)
    user.types("paas scale web=1 -a shop")
    assert user.visits("shop").status_code == 200


def test_what_cannot_be_scaled_changes_nothing(user: User) -> None:
    user.deployed("python-web", "shop")

    unknown = user.types("paas scale worker=1 -a shop")
    much = user.types("paas scale web=101 -a shop")
    half = user.types("paas scale web=2 worker=1 -a shop")

    assert "shop has no 'worker' process. It has: web" in unknown.error
    assert "a quantity is 0 to 100" in much.error
    assert half.error == unknown.error
    assert user.types("paas scale -a shop").out.split() == ["web=1"]


def test_stop_keeps_the_formation_and_start_brings_it_back(user: User) -> None:
    user.deployed("python-web", "shop")
    user.types("paas scale web=2 -a shop")

    stopped = user.types("paas stop -a shop")

    assert stopped.code == 0, stopped.text
    answer = user.visits("shop")
    assert answer.status_code == 503
    started = user.types("paas start -a shop")
    assert started.code == 0, started.text
    eventually(lambda: len(answering(user, "shop")) == 2, within=5)


def test_a_restart_of_one_dyno_leaves_the_others(user: User) -> None:
    user.deployed("python-web", "shop")
    user.types("paas scale web=2 -a shop")
    eventually(lambda: len(answering(user, "shop")) == 2, within=5)
    before = answering(user, "shop")

    said = user.types("paas restart web.1 -a shop")

    assert said.code == 0, said.text
    eventually(lambda: len(answering(user, "shop") - before) == 1, within=10)
    assert len(answering(user, "shop") & before) == 1


def test_a_dyno_that_crashes_is_started_again(user: User) -> None:
    crashing = "import os, threading\nthreading.Timer(6, lambda: os._exit(3)).start()\n"
    app = crashing + "from app import app\n"
    user.deployed("python-web", "shop", **{
        "crashing.py": app, "Procfile": "web: gunicorn --bind 0.0.0.0:$PORT crashing:app\n",
    })  # fmt: skip
    begin = time.monotonic()

    eventually(
        lambda: (
            "Process exited with status" in user.types("paas logs -a shop --source heroku").out
            or "Booting worker" in user.types("paas logs -n 3 -a shop").out
        ),
        within=15,
    )

    eventually(lambda: user.visits("shop").status_code == 200, within=10)
    assert time.monotonic() - begin < 30


def test_an_app_is_unknown_to_the_router_when_destroy_returns(user: User) -> None:
    user.deployed("python-web", "shop")
    assert user.visits("shop").status_code == 200

    said = user.types("paas destroy shop --confirm shop")
    visited = user.visits("shop")

    assert said.code == 0, said.text
    assert visited.status_code == 404
