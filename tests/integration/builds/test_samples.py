"""Each sample app passes or fails as its name says, and the output says why."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.model.build import BuildState
from tests.integration.builds.building_site import Builds

PASS = {
    "procfile-only": "-----> Procfile app detected (Procfile)",
    "procfile-binary": "-----> Procfile app detected (Procfile)",
    "aptfile-web": "-----> Unpacked into /app/.apt: libgeos3",
    "go-web": "-----> There is no Procfile. The web process is: bin/go-web",
    "go-vendored": "-----> Building bin/go-vendored with what is in vendor/",
    "go-many-mains": "-----> Building bin/api, bin/worker",
    "go-newer-toolchain": "-----> Using Go 1.25.1 (go.mod: 1.25.1)",
    "poetry-web": "-----> Python app detected (poetry.lock)",
    "pipfile-web": "-----> Python app detected (Pipfile.lock)",
    "node-pnpm": "-----> Installing the packages of pnpm-lock.yaml with pnpm",
    "node-yarn": "-----> Installing the packages of yarn.lock with yarn",
    "static-spa": "-----> Static site detected (package.json, build script)",
}
FAIL = {
    "procfile-not-executable": "Procfile: ./serve is not executable. Type: git update-index --chmod=+x",
    "aptfile-unknown-package": "Aptfile, line 2: Debian has no package 'no-such-package-here'",
    "aptfile-other-archive": "Aptfile, line 1: other archives are not added (:repo:)",
    "go-nothing-says-which": "There are several programs (api, worker), none is called web,",
    "go-impossible-version": "go.mod asks for Go 1.99.1, which is not to be had. There are: 1.",
    "broken-poetry-lock": "poetry.lock cannot be used. Type poetry lock",
    "stale-pipfile-lock": "Pipfile.lock cannot be used. Type pipenv lock",
    "node-impossible-version": "asks for Node 99.x, which is not to be had. There are: ",
    "python-impossible-version": ".python-version asks for Python 3.4. To be had here: 3.",
    "no-buildpack-matches": "       go: go.mod\n       static: static.json, index.html (also in dist, ",
}


SAY = {
    "aptfile-web": ("tree -L 1 --noreport .apt", ".apt\n└── usr"),
    "go-web": ("ls -A bin; command -v python3 node nginx", "go-web"),
    "go-vendored": ("go-vendored", "from vendor"),
    "go-many-mains": ("api --port $PORT", "api [--port 5000]"),
    "go-newer-toolchain": ("newer 2>&1", "go1.25.1"),
    "poetry-web": (
        "cd .heroku/python/lib/*/site-packages; ls -d *.dist-info | cut -d- -f1",
        "gunicorn\npackaging",
    ),
    "pipfile-web": (
        "cd .heroku/python/lib/*/site-packages; ls -d *.dist-info | cut -d- -f1",
        "gunicorn\npackaging",
    ),
    "node-pnpm": ("ls node_modules", "ms"),
    "node-yarn": ("ls node_modules", "ms"),
}
"""A command in the image, and what it prints."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def site(builds: Builds, cache: Path) -> Iterator[Builds]:
    """All samples are one app's: what a language fetches once is there for the next."""
    folder = builds.platform.settings.build_cache(builds.app.id)
    folder.parent.mkdir(parents=True)
    folder.symlink_to(cache)
    yield builds


@pytest.mark.parametrize(("sample", "line"), PASS.items())
def test_a_sample_is_built(site: Builds, sample: str, line: str) -> None:
    pushed = site.pushed(sample)

    assert pushed.build.state is BuildState.SUCCEEDED, pushed.output
    assert line in pushed.output
    assert site.containers() == []
    command, said = SAY.get(sample, ("true", ""))
    assert pushed.image is not None
    assert site.says(pushed.image, ("paas-start", command)).strip() == said


@pytest.mark.parametrize(("sample", "line"), FAIL.items())
def test_a_sample_fails_and_says_why(site: Builds, sample: str, line: str) -> None:
    pushed = site.pushed(sample)

    assert pushed.build.state is BuildState.FAILED
    assert line in pushed.output
    assert site.containers() == []
