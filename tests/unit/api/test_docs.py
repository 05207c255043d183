import os
import re
import subprocess
from pathlib import Path

import pytest

from paas.web import HTTP_STATUS
from tests.unit.api.served import Served
from tests.unit.api.test_gate import every_route

MANUAL = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


def test_the_page_names_every_route_and_fetches_nothing(served: Served) -> None:
    with served.by_nobody() as client:
        answer = client.get("/docs", auth=("", served.tokens["eve"]))

    documented = [
        path
        for _, path in every_route()
        if path not in ("/docs", "/openapi.json") and "attach" not in path and ".git/" not in path
    ]
    missing = [path for path in documented if path.replace(":path", "") not in answer.text]
    assert missing == []
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert (
        "<script" not in answer.text
        and "http://" not in answer.text
        and "https://" not in answer.text
    )


def test_a_browser_is_asked_for_the_token(served: Served) -> None:
    with served.by_nobody() as client:
        assert client.get("/docs").headers["WWW-Authenticate"] == 'Basic realm="paas"'


def test_the_whole_of_it_is_told_to_programs(served: Served) -> None:
    with served.by("eve") as client:
        api = client.get("/openapi.json").json()

    assert api["paths"]["/apps/{app}/formation"]["patch"]["requestBody"]


def test_the_manual_names_every_route_and_no_other() -> None:
    named = {
        (verb, path)
        for verb, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^` ]*)`", MANUAL)
    }
    there = {(method, path.replace(":path", "")) for method, path in every_route()}

    assert named | {("GET", "/docs"), ("GET", "/openapi.json")} == there


def test_the_manual_names_every_error() -> None:
    for status, word in HTTP_STATUS.values():
        assert re.search(rf"^\| {int(status)} \| .*`{word}`", MANUAL, re.MULTILINE), word


@pytest.mark.parametrize("example", re.findall(r"```sh\n(.*?)```", MANUAL, re.DOTALL))
def test_the_manuals_examples_run(served: Served, example: str, tmp_path: Path) -> None:
    served.stage.deployed(web="serve")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Procfile").write_text("web: serve\n")
    env = {"URL": served.url, "TOKEN": served.tokens["ana"], "PATH": os.defpath}

    done = subprocess.run(
        ["bash", "-euc", example], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=30
    )

    assert done.returncode == 0, done.stderr
