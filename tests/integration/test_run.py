from tests.eventually import eventually
from tests.integration.user import User


def test_a_one_off_prints_and_its_exit_code_is_passed_on(user: User) -> None:
    user.deployed("python-web", "shop")
    user.types("paas config:set WORD='a b' -a shop")

    said = user.types(
        "paas run -a shop -- python -c 'import os; print(os.environ[\"WORD\"]); exit(7)'"
    )

    assert (said.code, said.out.replace("\r", "")) == (7, "a b\n"), said.text


def test_a_one_off_reads_what_it_is_given(user: User) -> None:
    user.deployed("python-web", "shop")

    said = user.types("paas run --no-tty -a shop -- wc -c", stdin="x" * 100_000)

    assert said.out.split() == ["100000"], said.text


def test_a_detached_one_off_is_in_the_log(user: User) -> None:
    user.deployed("python-web", "shop")

    said = user.types("paas run --detach -a shop -- echo 'once and done'")

    assert said.code == 0, said.text
    name = said.out.split()[0]
    assert name.startswith("run.")
    ended = f"heroku[{name}]: Process exited with status 0"
    eventually(lambda: ended in user.types("paas logs -a shop").out, within=10)
    eventually(lambda: f"app[{name}]: once and done" in user.types("paas logs -a shop").out)


def test_a_command_that_is_not_there_fails(user: User) -> None:
    user.deployed("python-web", "shop")

    said = user.types("paas run -a shop -- no-such-command")

    assert said.code == 127, said.text


def test_nothing_can_be_run_before_the_first_push(user: User) -> None:
    user.creates("shop")

    said = user.types("paas run -a shop -- echo hello")

    assert "shop has no release to run a command in" in said.error
