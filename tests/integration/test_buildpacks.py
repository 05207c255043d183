"""The buildpacks, built and started as the platform does it. Long: every promise of three buildpacks."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from paas.builds.stack import LABEL, StackFailed, StackImages, ensure_stack, stack_digest, stack_tag
from tests.apps.workshop import APPS, BUILDPACKS, CERTIFICATES, Workshop, docker, the_stack

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def stack() -> StackImages:
    return the_stack()


@pytest.fixture
def workshop(tmp_path: Path, stack: StackImages) -> Iterator[Workshop]:
    with Workshop(tmp_path, stack) as workshop:
        yield workshop


# The stack


def test_a_stack_that_is_there_is_found_and_not_built_again(stack: StackImages) -> None:
    reported: list[str] = []

    again = ensure_stack(BUILDPACKS / "stack", "trixie", CERTIFICATES, reported.append)

    assert (again, reported) == (stack, [])
    digest = stack_digest(BUILDPACKS / "stack", "trixie", CERTIFICATES)
    for image in (stack.run, "paas/stack:run"):
        label = docker("inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', image)
        assert label.stdout.strip() == digest


def test_a_stack_that_takes_too_long_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    definition = tmp_path / "stack"
    shutil.copytree(BUILDPACKS / "stack", definition)
    (definition / "changed").touch()

    with pytest.raises(StackFailed, match=r"\(base\): it took too long\n       I: "):
        ensure_stack(definition, "trixie", CERTIFICATES, [].append, deadline_seconds=4)

    tag = stack_tag(definition, "trixie", CERTIFICATES)
    assert not docker("images", "--quiet", f"paas/stack:{tag}-run").stdout
    assert not list(Path("/var/tmp").glob("paas-stack-*"))
    assert not [
        line for line in Path("/proc/mounts").read_text().splitlines() if "paas-stack" in line
    ]


def test_the_run_image_is_slim_and_not_root(stack: StackImages) -> None:
    script = "id -u; pwd; ls -A /app; command -v gcc cc make git uv node || echo none; nginx -v; iptables --version"

    said = docker("run", "--rm", stack.run, "bash", "-c", script)

    assert said.stdout.splitlines()[:3] == ["20000", "/app", "none"]
    assert "nf_tables" in said.stdout


# Detection


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        ("python-web", "Python"),
        ("worker-only", "Python"),
        ("node-web", "Node.js"),
        ("static-web", "Static site"),
        ("no-buildpack-matches", None),
    ],
)
def test_each_sample_is_known_by_its_buildpack(
    workshop: Workshop, sample: str, name: str | None
) -> None:
    workshop.source(sample)

    assert workshop.detected() == name


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"pyproject.toml": "[project]\nname = 'a'\n"}, "Python"),
        ({"pyproject.toml": "[tool.ruff]\n"}, None),
        ({"requirements.txt": "", "package.json": "{}", "index.html": ""}, "Python"),
        ({"package.json": '{"scripts": {"start": "x", "build": "y"}}'}, "Node.js"),
        ({"package.json": '{"scripts": {"build": "y"}}'}, "Static site"),
        ({"package.json": "{}", "Procfile": "web: node x.js"}, "Node.js"),
        ({"package.json": "{}", "index.html": ""}, "Static site"),
        ({"package.json": '{"scripts": {"start": "x"}}', "static.json": "{}"}, "Static site"),
        ({"public/index.html": ""}, "Static site"),
        ({"package.json": "{", "index.html": ""}, "Node.js"),
        ({"pyproject.toml": "[project"}, "Python"),
        ({"go.mod": "module a", "index.html": ""}, "Go"),
        ({"go.mod": "module a", "package.json": '{"scripts": {"start": "x"}}'}, "Node.js"),
        ({"Procfile": "web: ./run"}, "Procfile"),
        ({"Procfile": "\ufeffweb: ./run\r\n"}, "Procfile"),
        ({"Procfile": "# nothing\nweb:\r\n"}, None),
        ({"package.json": "{}", "index.html": "", "Procfile": "\ufeffweb: node x.js"}, "Node.js"),
    ],
)
def test_the_files_decide(workshop: Workshop, files: Mapping[str, str], name: str | None) -> None:
    workshop.source(files=files)

    assert workshop.detected() == name


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("./gone", "there is no ./gone in the tree"),
        ("./run", "./run is not executable. Type: git update-index --chmod=+x ./run"),
        ("bash run", None),
        ("./$NAME/run", None),
        ("cd /tmp && ./gone", None),
    ],
)
def test_a_procfile_that_names_what_cannot_run_is_told_so(
    workshop: Workshop, command: str, said: str | None
) -> None:
    workshop.source(files={"Procfile": f"\ufeffweb: {command}\r\n", "run": "#!/bin/sh\n"})

    built = workshop.build("procfile")

    assert built.accepted == (said is None), built.output
    if said:
        assert f" !     Procfile: {said}" in built.output


# Python


def test_a_python_app_is_built_and_answers(workshop: Workshop) -> None:
    workshop.source("python-web")

    built = workshop.build("python")
    answer = workshop.start(
        "gunicorn --worker-class gthread --threads 8 app:app", DYNO="web.1"
    ).get()

    assert built.accepted
    assert built.output.splitlines()[0] == "-----> Python app detected (requirements.txt)"
    assert "       Installed" in built.output or "        + gunicorn==" in built.output
    assert answer.json()["dyno"] == "web.1"


def test_unchanged_packages_are_not_installed_again(workshop: Workshop) -> None:
    workshop.source("python-web")
    workshop.build("python")
    workshop.source(
        "python-web", {"app.py": (APPS / "python-web/app.py").read_text() + "\n# changed\n"}
    )

    built = workshop.build("python")

    assert built.output.splitlines()[-1] == "-----> Packages of requirements.txt are unchanged"
    assert workshop.start("gunicorn app:app").get().status_code == 200


def test_changed_packages_are_installed(workshop: Workshop) -> None:
    workshop.source(files={"requirements.txt": "-r more.txt\n", "more.txt": "packaging==24.0\n"})
    workshop.build("python")
    workshop.source(files={"requirements.txt": "-r more.txt\n", "more.txt": "packaging==24.1\n"})

    built = workshop.build("python")

    assert " + packaging==24.1" in built.output
    assert workshop.start("python -c 'import packaging'").end() == 0


def test_the_same_requirements_build_the_apps_own_code_anew(workshop: Workshop) -> None:
    project = '[project]\nname = "own"\nversion = "1"\n[build-system]\nrequires = ["setuptools"]\n'
    files = {"requirements.txt": "./own\n", "own/pyproject.toml": project}
    workshop.source(files={**files, "own/own.py": "print('first')\n"})
    workshop.build("python")
    workshop.source(files={**files, "own/own.py": "print('second')\n"})

    workshop.build("python")
    started = workshop.start("python -P -c 'import own'")

    started.end()
    assert started.log() == "second\n"


def test_a_broken_requirement_fails_with_the_reason(workshop: Workshop) -> None:
    workshop.source("broken-buildpack")

    built = workshop.build("python")

    assert not built.accepted
    assert "Unexpected end of version specifier" in built.output
    assert built.output.splitlines()[-1].startswith(" !     ")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            ".python-version",
            "3.9\n",
            " !     .python-version asks for Python 3.9. To be had here: 3.13",
        ),
        (
            "runtime.txt",
            "python-2.7.18\n",
            " !     runtime.txt asks for Python 2.7.18. To be had here: 3.13",
        ),
        (
            ".python-version",
            "pypy\n",
            " !     .python-version asks for 'pypy', which is no Python version.",
        ),
        (
            ".python-version",
            "3.13.0\n",
            "       .python-version asks for 3.13.0; this stack has 3.13",
        ),
        (".python-version", "# ours\n3.13\n", "(.python-version)"),
    ],
)
def test_a_python_that_is_not_to_be_had_is_named(
    workshop: Workshop, file: str, text: str, said: str
) -> None:
    workshop.source(files={"requirements.txt": "", file: text})

    built = workshop.build("python")

    assert said in built.output
    assert built.accepted == ("!" not in said)


@pytest.mark.parametrize(
    ("requirements", "files", "web"),
    [
        (
            "gunicorn flask",
            {"main.py": "from flask import Flask\napp = Flask(__name__)\n"},
            "gunicorn main:app",
        ),
        (
            "gunicorn",
            {"shop/__init__.py": "", "shop/wsgi.py": "application = make()"},
            "gunicorn shop.wsgi:application",
        ),
        (
            "waitress",
            {"app.py": "def app(environ, start_response): ..."},
            "waitress-serve --port=$PORT app:app",
        ),
        (
            "uvicorn",
            {"app.py": "async def app(scope, receive, send): ..."},
            "uvicorn app:app --host 0.0.0.0 --port $PORT --timeout-keep-alive 75",
        ),
        ("", {"app.py": "app = 1"}, ""),
    ],
)
def test_the_web_process_is_guessed_without_a_procfile(
    workshop: Workshop, requirements: str, files: Mapping[str, str], web: str
) -> None:
    workshop.source(files={**files, "requirements.txt": "\n".join(requirements.split())})

    built = workshop.build("python")

    assert built.web == web
    assert ("guessed from" in built.output) == bool(web)


def test_a_pyproject_that_cannot_be_read_is_named(workshop: Workshop) -> None:
    workshop.source(files={"pyproject.toml": "[project"})

    built = workshop.build("python")

    assert not built.accepted
    assert built.output.splitlines()[-1].startswith(" !     pyproject.toml cannot be read: ")


def test_a_procfile_leaves_nothing_to_guess(workshop: Workshop) -> None:
    flask = "from flask import Flask\napp = Flask(__name__)\n"
    files = {"requirements.txt": "flask\ngunicorn", "app.py": flask, "Procfile": "worker: x"}
    workshop.source(files=files)

    built = workshop.build("python")

    assert built.accepted
    assert built.web == ""


def test_a_uv_project_gets_its_packages_but_not_those_of_development(workshop: Workshop) -> None:
    project = '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["packaging"]\n'
    workshop.source(
        files={"pyproject.toml": project + '[dependency-groups]\ndev = ["iniconfig"]\n'}
    )
    workshop.run_in_build_image(["sh", "-c", "cd /app && HOME=/tmp uv lock"])

    built = workshop.build("python")

    assert built.output.startswith("-----> Python app detected (uv.lock)\n")
    assert " + packaging==" in built.output
    assert "iniconfig" not in built.output


@pytest.mark.parametrize(
    ("files", "first", "said"),
    [
        (
            {"uv.lock": "", "poetry.lock": "", "pyproject.toml": "[project]"},
            "uv.lock",
            "poetry.lock is not read: uv.lock decides",
        ),
        (
            {"Pipfile": "", "Pipfile.lock": "{", "requirements.txt": ""},
            "Pipfile.lock",
            "requirements.txt is not read: Pipfile.lock decides",
        ),
        (
            {"poetry.lock": "", "requirements.txt": ""},
            "requirements.txt",
            "poetry.lock is not read: requirements.txt decides",
        ),
        ({"Pipfile": ""}, "Pipfile", "There is no Pipfile.lock beside it"),
        (
            {"Pipfile.lock": '{"_meta": {"requires": {"python_version": "3.9"}}}'},
            "Pipfile.lock",
            "Pipfile.lock asks for Python 3.9. To be had here: 3.13",
        ),
    ],
)
def test_one_of_several_files_decides_and_the_others_are_named(
    workshop: Workshop, files: Mapping[str, str], first: str, said: str
) -> None:
    workshop.source(files=files)

    built = workshop.build("python")

    assert built.output.startswith(f"-----> Python app detected ({first})\n")
    assert said in built.output


def test_a_lock_for_another_python_installs_nothing_and_is_refused(workshop: Workshop) -> None:
    lock = (APPS / "pipfile-web/Pipfile.lock").read_text()
    workshop.source(
        "pipfile-web",
        {"Pipfile.lock": re.sub(r"python_version >= '[^']*'", "python_version < '3.9'", lock)},
    )

    built = workshop.build("python")

    assert not built.accepted
    assert "Pipfile.lock was made for another Python" in built.output


def test_djangos_static_files_are_collected_with_the_config(workshop: Workshop) -> None:
    settings = (
        "import os\nfrom pathlib import Path\nSECRET_KEY = os.environ['SECRET_KEY']\nSTATIC_URL = '/s/'\n"
        "INSTALLED_APPS = ['django.contrib.staticfiles', 'shop']\nSTATIC_ROOT = Path('/app/collected')\n"
    )
    manage = (
        "import os, sys\nfrom django.core.management import execute_from_command_line\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'\nexecute_from_command_line(sys.argv)\n"
    )
    files = {"requirements.txt": "django", "manage.py": manage, "shop/settings.py": settings}
    files |= {"shop/__init__.py": "", "shop/static/logo.svg": "<svg/>"}
    workshop.source(files=files)

    without = workshop.build("python")
    given = workshop.build("python", SECRET_KEY="x y'$z")

    assert not without.accepted
    assert "paas config:set DISABLE_COLLECTSTATIC=1" in without.output
    assert given.accepted
    assert (workshop.app / "collected/logo.svg").read_text() == "<svg/>"


def test_config_reaches_the_build_but_does_not_lead_its_tools_astray(workshop: Workshop) -> None:
    workshop.source(
        files={"requirements.txt": "", "bin/post_compile": 'echo "$GREETING" "$PATH" "$LD_PRELOAD"'}
    )

    built = workshop.build("python", GREETING="good day", PATH="/nowhere", LD_PRELOAD="/evil.so")

    assert "       good day /app/.heroku/python/bin:" in built.output
    assert "evil" not in built.output


def test_memory_decides_how_many_processes_a_server_starts(workshop: Workshop) -> None:
    workshop.source("echo-env")
    workshop.build("python")

    env = workshop.start("python3 server.py", ODD="a'\"$b\n#ü").get().json()

    assert (env["WEB_CONCURRENCY"], env["MEMORY_AVAILABLE"]) == ("2", "512")
    assert env["GUNICORN_CMD_ARGS"] == "--keep-alive 75"
    assert env["ODD"] == "a'\"$b\n#ü"


# Node.js


def test_a_node_app_is_built_pruned_and_stops_when_told(workshop: Workshop) -> None:
    workshop.source("node-web")

    built = workshop.build("nodejs")
    started = workshop.start(built.web)
    answer = started.get().json()

    assert built.output.startswith("-----> Node.js app detected (package.json)\n")
    assert (answer["built"], answer["environment"]) == (True, "production")
    assert sorted(path.name for path in (workshop.app / "node_modules").glob("[a-z]*")) == ["ms"]
    assert started.stop() == 0
    assert "told to stop\nstopped\n" in started.log()


def test_unchanged_node_packages_are_not_installed_again(workshop: Workshop) -> None:
    workshop.source("node-web")
    workshop.build("nodejs")
    workshop.source("node-web", {"more.js": "// changed"})

    built = workshop.build("nodejs")

    assert "-----> Packages of package-lock.json are unchanged\n" in built.output
    assert workshop.start("npm start").get().json()["built"] is True


def test_another_node_comes_from_the_registry(workshop: Workshop) -> None:
    package = {"engines": {"node": "22.x"}, "scripts": {"start": "node --version"}}
    workshop.source(files={"package.json": json.dumps(package)})

    built = workshop.build("nodejs")
    started = workshop.start("npm start")

    assert built.accepted
    started.end()
    assert "v22." in started.log()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"package.json": '{"engines": {"node": "99.x"}}'},
            "asks for Node 99.x, which is not to be had. There are: ",
        ),
        ({"package.json": '{"engines": {"node": "new"}}'}, "'new' is no range of versions"),
        ({"package.json": "{"}, "package.json cannot be read"),
        ({"package.json": '{"packageManager": "bun@1.0.0"}'}, "Ours: npm, yarn, pnpm"),
        (
            {"package.json": "{}", "yarn.lock": "", "package-lock.json": ""},
            "There are two lock files",
        ),
        (
            {"package.json": '{"scripts": {"build": "exit 3", "start": "x"}}'},
            "the build script failed",
        ),
    ],
)
def test_a_node_app_that_cannot_be_built_is_told_why(
    workshop: Workshop, files: Mapping[str, str], said: str
) -> None:
    workshop.source(files=files)

    built = workshop.build("nodejs")

    assert not built.accepted
    assert said in built.output.splitlines()[-1]
    assert built.output.splitlines()[-1].startswith(" !     ")


@pytest.mark.parametrize("manager", ["yarn@1.22.22", "yarn@4.5.0", "pnpm@9.12.0", "npm@10.9.0"])
def test_the_package_manager_that_is_named_installs_and_prunes(
    workshop: Workshop, manager: str
) -> None:
    package = {
        "packageManager": manager,
        "dependencies": {"ms": "2.1.3"},
        "devDependencies": {"isarray": "2.0.5"},
    }
    workshop.source(
        files={"package.json": json.dumps(package), "server.js": "console.log(require('ms')('1s'))"}
    )

    built = workshop.build("nodejs")
    started = workshop.start(built.web)

    assert built.accepted
    started.end()
    assert started.log().endswith("1000\n")
    assert not (workshop.app / "node_modules/isarray").exists()


# Static sites


def test_a_static_site_answers_and_hides_what_nobody_publishes(workshop: Workshop) -> None:
    workshop.source("static-web", {"Procfile": "worker: x", ".env": "SECRET=1"})

    built = workshop.build("static")
    site = workshop.start(built.web)

    assert built.output.startswith("-----> Static site detected (index.html)\n")
    assert "Served as it is." in site.get("/").text
    assert site.get("/about").text == site.get("/about.html").text
    assert site.get("/style.css").headers["Cache-Control"] == "no-cache"
    hidden = ["/Procfile", "/.env", "/.heroku/static/serve", "/nothing", "/%2e%2e/etc/passwd"]
    assert [site.get(path).status_code for path in hidden] == [404, 404, 404, 404, 400]
    assert site.stop() == 0


def test_static_json_says_how_a_site_is_served(workshop: Workshop) -> None:
    settings = {
        "root": "www/",
        "clean_urls": False,
        "routes": {"/app/**": "index.html"},
        "redirects": {"/old": {"url": "/about.html", "status": 302}},
        "headers": {"/**": {"X-Frame-Options": "DENY"}},
        "error_page": "sorry.html",
    }
    pages = {
        "www/index.html": "home",
        "www/about.html": "about",
        "www/sorry.html": "sorry",
        "www/docs/index.html": "docs",
    }
    workshop.source(
        files={**pages, "static.json": json.dumps(settings), "www/main.0a1b2c3d.js": "x" * 2000}
    )

    site = workshop.start(workshop.build("static").web)

    answers = {
        path: site.get(path)
        for path in ("/", "/app/deep/link", "/about", "/old", "/docs", "/main.0a1b2c3d.js")
    }
    assert {path: answer.status_code for path, answer in answers.items()} == {
        "/": 200,
        "/app/deep/link": 200,
        "/about": 404,
        "/old": 302,
        "/docs": 301,
        "/main.0a1b2c3d.js": 200,
    }
    assert (answers["/app/deep/link"].text, answers["/about"].text) == ("home", "sorry")
    assert (answers["/old"].headers["Location"], answers["/docs"].headers["Location"]) == (
        "/about.html",
        "/docs/",
    )
    assert answers["/"].headers["X-Frame-Options"] == "DENY"
    script = answers["/main.0a1b2c3d.js"].headers
    assert ("immutable" in script["Cache-Control"], script["Content-Encoding"]) == (True, "gzip")


def test_a_site_is_built_and_only_the_result_is_served(workshop: Workshop) -> None:
    script = "mkdir dist && node -p \"require('ms')('2s')\" >dist/index.html"
    package = {"scripts": {"build": script}, "devDependencies": {"ms": "2.1.3"}}
    workshop.source(files={"package.json": json.dumps(package), "index.html": "the source"})

    built = workshop.build("static")
    site = workshop.start(built.web)

    assert site.get("/").text == "2000\n"
    assert not (workshop.app / "node_modules").exists()


def test_the_only_page_that_a_build_left_answers_for_every_path_without_a_file(
    workshop: Workshop,
) -> None:
    workshop.source("static-spa")

    site = workshop.start(workshop.build("static").web)

    deep = site.get("/orders/17")
    assert (deep.status_code, deep.text) == (200, site.get("/").text)
    assert site.get("/assets/no-such.js").status_code == 404
    script = site.get("/assets/index-0a1b2c3d.js").headers
    assert ("immutable" in script["Cache-Control"], script["Content-Encoding"]) == (True, "gzip")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("[]", "must hold an object"),
        ("{", "cannot be read"),
        ('{"proxies": {}}', "there is no proxies"),
        ('{"root": "../.."}', "is no folder of the app"),
        ('{"routes": {"/**": "a;\\nroot /etc"}}', "is no path"),
        ('{"redirects": {"/a": "http://x/\\" ; }"}}', "is no redirect"),
        ('{"headers": {"/": {"X": "a\\nB: c"}}}', "cannot have the value"),
        ('{"clean_urls": "yes"}', "must be true or false"),
    ],
)
def test_a_wrong_static_json_is_named_and_writes_no_configuration(
    workshop: Workshop, settings: str, said: str
) -> None:
    workshop.source(files={"index.html": "", "static.json": settings})

    built = workshop.build("static")

    assert not built.accepted
    assert said in built.output
    assert not (workshop.app / ".heroku").exists()
