"""A Dockerfile app on a real platform: what its image says is kept, and what its people say is done."""

import json
import re

from tests.eventually import eventually
from tests.integration.user import APPS, User


def test_an_app_in_a_folder_is_started_as_its_image_says_and_serves_once_it_is_healthy(
    user: User,
) -> None:
    # given a repository with the app in a folder of it, which is named
    user.creates("depot")
    files = {
        f"services/{path.name}": path.read_text()
        for path in (APPS / "dockerfile-healthcheck").iterdir()
    }
    user.commits(None, to="depot", files=files)
    said = user.types("paas builds:config path=services -a depot")
    assert (said.code, said.err) == (0, "The next build of depot uses: path=services\n")

    # when it is pushed, and its worker started
    push = user.pushes_again("depot")
    assert push.accepted, push.output
    user.types("paas scale worker=1 -a depot")

    # then the Procfile's commands run by its ENTRYPOINT, as its USER, and web on the port of its EXPOSE
    assert "-----> Building the folder services" in push.output
    assert json.loads(user.visits("depot").text) == {
        "argv": ["--by", "procfile"], "entered": "yes", "uid": 4321, "port": "8080",
    }  # fmt: skip
    eventually(lambda: "yes serving worker.1 no port" in user.types("paas logs -a depot").out)
    # and it was not up before its HEALTHCHECK had passed, two seconds after it listened
    shown = user.types("paas ps -a depot --json").out
    passed = re.search(r"HEALTHCHECK passed after ([\d.]+) s", shown)
    assert passed is not None, shown
    assert 1.9 < float(passed[1]) < 8
