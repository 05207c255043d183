from pathlib import Path

import pytest

from paas.builds.choice import choose, secret_values
from paas.builds.order import BuildFailed
from paas.builds.sources import Tree
from paas.model.buildpack import Buildpack
from paas.settings import Settings

SETTINGS = Settings(directory=Path("/nowhere"), platform="abcdefgh")
APP_FILE = '{"buildpacks": [{"url": "./app"}, "heroku/python"], "env": {}}'


def tree(**files: str) -> Tree:
    texts = {name.replace("__", "."): text.encode() for name, text in files.items()}
    return Tree(1, 1, frozenset(texts), texts)


@pytest.mark.parametrize(
    ("set_by_command", "url", "files", "by", "chosen"),
    [
        ("./set", "./url", {"__buildpacks": "./file"}, "paas buildpacks:set", ["./set"]),
        ("", " ./url\n", {"__buildpacks": "./file"}, "BUILDPACK_URL", ["./url"]),
        ("", "", {"__buildpacks": "\ufeff# x\r\n\r\n ./file \r\npython", "app__json": APP_FILE},
         ".buildpacks", ["./file", "python"]),
        ("", "", {"__buildpacks": "./file", "Dockerfile": ""}, ".buildpacks", ["./file"]),
        ("", "", {"__buildpacks": "# none\n", "app__json": APP_FILE}, "app.json", ["./app", "python"]),
    ],
)  # fmt: skip
def test_a_command_beats_the_config_and_that_the_files_of_the_app(
    set_by_command: str, url: str, files: dict[str, str], by: str, chosen: list[str]
) -> None:
    given = [Buildpack.parse(set_by_command)] if set_by_command else []

    choice = choose(given, {"BUILDPACK_URL": url}, tree(**files), SETTINGS)

    assert choice is not None
    assert (choice.by, [str(each) for each in choice.buildpacks]) == (by, chosen)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"__buildpacks": "", "app__json": " "},
        {"app__json": '{"name": "shop"}'},
        {"app__json": '{"buildpacks": []}'},
        {"app__json": APP_FILE, "Dockerfile": ""},
        {"app__json": "{", "Dockerfile": ""},
    ],
)
def test_nobodys_choice_is_a_dockerfile_or_what_is_detected(files: dict[str, str]) -> None:
    assert choose([], {}, tree(**files), SETTINGS) is None


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"__buildpacks": "./a\n../b"}, ".buildpacks: '../b' is no buildpack"),
        ({"__buildpacks": "cobol"}, ".buildpacks: There is no buildpack 'cobol' here. Ours: python, nodejs"),
        ({"__buildpacks": "\xff\x00"}, "is no buildpack"),
        ({"__buildpacks": "./a\n" * 21}, ".buildpacks names 21 buildpacks; 20 is the most"),
        ({"app__json": "{"}, "app.json is no JSON"),
        ({"app__json": "[" * 60_000}, "app.json is no JSON"),
        ({"app__json": "[1]"}, 'app.json: it must be {"name": …}'),
        ({"app__json": '{"buildpacks": 1}'}, "app.json: its buildpacks must be a list"),
        ({"app__json": '{"buildpacks": [{}]}'}, "app.json: each of its buildpacks must be"),
        ({"app__json": '{"buildpacks": [["./a"]]}'}, "app.json: each of its buildpacks must be"),
    ],
)  # fmt: skip
def test_a_choice_that_cannot_be_is_told_with_the_file(files: dict[str, str], said: str) -> None:
    with pytest.raises(BuildFailed) as failure:
        choose([], {}, tree(**files), SETTINGS)

    assert said in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_buildpacks_url_is_a_secret_only_with_a_password_in_it() -> None:
    plain = {"A": "value", "BUILDPACK_URL": "https://example.com/apt"}
    private = {"BUILDPACK_URL": "https://token@example.com/apt"}

    assert secret_values(plain) == ["value"]
    assert secret_values(private) == ["https://token@example.com/apt"]
