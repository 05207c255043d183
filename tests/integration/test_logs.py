import re

from tests.eventually import eventually
from tests.integration.user import User

LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 (app|heroku)\[[a-z]+(\.\d+)?\]: .*"


def test_build_dynos_router_and_platform_are_in_one_stream(user: User) -> None:
    user.deployed("python-web", "shop")
    user.visits("shop", "/nowhere")

    eventually(lambda: 'path="/nowhere"' in user.types("paas logs -a shop").out)

    text = user.types("paas logs -n 1500 -a shop").out
    assert all(re.fullmatch(LINE, line) for line in text.splitlines())
    for said in (
        "app[build]: -----> Using the python buildpack",
        "app[web.1]: ",
        "heroku[web.1]: State changed from starting to up",
        "heroku[api]: Release v1 created by ana",
        'heroku[router]: at=info method=GET path="/nowhere" host=shop.localhost',
    ):
        assert said in text
    assert user.types("paas logs -n 2 -a shop").out.count("\n") == 2
    only = user.types("paas logs --ps web -a shop").out
    assert only and all("[web.1]" in line for line in only.splitlines())


def test_a_log_outlives_the_container_that_wrote_it(user: User) -> None:
    user.deployed("worker-only", "shop")
    user.types("paas scale worker=1 -a shop")
    eventually(lambda: "tick 2" in user.types("paas logs -a shop").out, within=10)

    user.types("paas scale worker=0 -a shop")

    # what it prints when it is told to stop is the last there is
    eventually(lambda: "app[worker.1]: stopped" in user.types("paas logs -a shop").out, within=10)
    eventually(lambda: "worker.1" not in user.types("paas ps -a shop").out, within=15)
    assert "app[worker.1]: stopped" in user.types("paas logs -a shop").out


def test_new_lines_are_printed_as_they_come(user: User) -> None:
    user.deployed("worker-only", "shop")
    following = user.begins("paas logs --tail --ps worker -a shop")
    assert following.stdout

    user.types("paas scale worker=1 -a shop")

    lines = [following.stdout.readline() for _ in range(4)]
    assert any("app[worker.1]: tick 1" in line for line in lines), lines
    user.interrupts(following)


def test_the_log_of_an_app_that_is_not_mine_is_not_there(user: User) -> None:
    said = user.types("paas logs -a nobodys")

    assert "There is no app 'nobodys'" in said.error
