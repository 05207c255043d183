from tests.integration.user import User


def test_config_is_live_when_the_command_returns(user: User) -> None:
    user.deployed("python-web", "shop")

    said = user.types("paas config:set TEXT='Guten Tag' OTHER=x -a shop")

    assert said.code == 0, said.text
    answer = user.visits("shop").json()
    assert (answer["text"], answer["release"]) == ("Guten Tag", "v2")
    assert user.types("paas config:get TEXT -a shop").out == "Guten Tag\n"
    user.types("paas config:unset TEXT -a shop")
    assert user.visits("shop").json()["text"] == "Hello from your own platform"


def test_what_cannot_be_a_config_var_changes_nothing(user: User) -> None:
    user.deployed("python-web", "shop")
    long = user.home / "long"
    long.write_text("x" * (33 * 1024))

    too_long = user.types(f"paas config:set GOOD=x LONG=@{long} -a shop").error
    reserved = user.types("paas config:set PORT=1 GOOD=x -a shop").error
    digit = user.types("paas config:set 1A=x GOOD=x -a shop").error
    nothing = user.types("paas config:set GOOD=x nothing -a shop").error

    assert "'LONG'" in too_long and "32768" in too_long
    assert "'PORT': this key belongs to the platform. Nothing was changed." in reserved
    assert "'1A': a key is letters, digits and _" in digit
    assert "'nothing' is not KEY=VALUE" in nothing
    assert user.types("paas config -a shop --json").out.strip() == "{}"
    assert user.types("paas releases -a shop").out.count("\n") == 1


def test_config_that_keeps_the_app_from_starting_is_taken_back(user: User) -> None:
    procfile = 'web: test -z "$BAD" || exit 9; exec gunicorn --bind 0.0.0.0:$PORT app:app\n'
    user.deployed("python-web", "shop", Procfile=procfile)

    said = user.types("paas config:set BAD=1 -a shop")

    assert "exited with status 9 while starting" in said.error
    assert user.visits("shop").json()["release"] == "v1"
