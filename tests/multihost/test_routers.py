"""A second router on another machine: it serves what the first one serves, and every change waits for both."""

import http.client
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from paas.model.container import UP, Container
from paas.model.host import LOCAL
from tests.eventually import eventually
from tests.integration.load import Load, under
from tests.integration.user import User
from tests.multihost.fleet import Fleet, running_fleet
from tests.multihost.lab import LabHost

APP, NAME = "shop", "edge"
DYNOS = 2
REACHES = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"


@dataclass
class Site:
    fleet: Fleet
    edge: LabHost
    """The machine of the second router."""
    folder: Path
    """The second router's."""

    @property
    def admin(self) -> User:
        return self.fleet.admin

    def there(self, *words: str, given: str = "") -> str:
        """What `paasd router` printed on the second router's machine."""
        argv = [sys.executable, "-I", "-m", "paas.serve", "router", *words]
        entered = self.fleet.lab.enter(self.edge, *argv)
        done = subprocess.run(
            entered, input=given, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def is_installed(self, line: str) -> str:
        """What install.sh does of the line that routers:add prints, beside packages and the like; how it then is."""
        words = shlex.split(line)
        assert words[:2] == ["sudo", "./install.sh"]
        given = dict(zip(words[2::2], words[3::2], strict=True))
        name, password = given.pop("--router"), given.pop("--password")
        options = [word for option in given.items() for word in option]
        folder = f"{self.folder}"
        self.there("init", folder, "--name", name, *options, given=f"{password}\n")
        self.there("start", folder)
        return self.there("status", folder, "--wait")

    def rows(self) -> list[Container]:
        return self.fleet.rows(APP)

    def told(self) -> dict[str, dict[str, object]]:
        return {router["name"]: router for router in self.fleet.listed("routers")}

    def reaches(self, who: LabHost, row: Container) -> bool:
        assert row.endpoint is not None
        address, port = row.endpoint
        argv = [sys.executable, "-I", "-c", REACHES, address, str(port)]
        entered = self.fleet.lab.enter(who, *argv)
        return subprocess.run(entered, capture_output=True, check=False, timeout=20).returncode == 0

    @contextmanager
    def under_load(self) -> Iterator[tuple[Load, Load]]:
        """On both routers."""
        port = self.admin.http_port
        with (
            Load(port, APP, slow=1) as first,
            Load(port, APP, slow=1, address=str(self.edge.address)) as second,
        ):
            yield first, second


@pytest.fixture(scope="module")
def site(the_stack: None) -> Iterator[Site]:
    """An app on the platform's own machine and on another; and a machine that is nothing yet."""
    with running_fleet("h1", acknowledge_seconds=5.0) as fleet:
        edge = fleet.lab.add("edge")
        folder = Path(tempfile.mkdtemp(prefix="paas-rt-"))
        said = fleet.admin.types(f"paas hosts:undrain {LOCAL}")
        assert said.code == 0, said.text
        fleet.admin.deployed("slow-request", APP)
        said = fleet.admin.types(f"paas scale web={DYNOS} -a {APP}")
        assert said.code == 0, said.text
        yield Site(fleet, edge, folder)
        fleet.admin.leaves()
        fleet.lab.kill(edge)
        shutil.rmtree(folder)


def answer(address: str, port: int) -> tuple[int, str]:
    """Status, and the app that answered."""
    with closing(http.client.HTTPConnection(address, port, timeout=10)) as connection:
        connection.request("GET", "/", headers={"Host": f"{APP}.localhost"})
        response = connection.getresponse()
        text = response.read().decode()
    return response.status, json.loads(text)["app"] if response.status == 200 else text


@contextmanager
def has_the_tables_port(site: Site) -> Iterator[None]:
    """Something else of that machine."""
    taken = f"import socket; s = socket.create_server(('127.0.0.1', {site.fleet.installation.settings.table_port}))"
    argv = [sys.executable, "-I", "-c", f"{taken}; print('listens', flush=True); input()"]
    entered = site.fleet.lab.enter(site.edge, *argv)
    with subprocess.Popen(entered, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        yield
        other.communicate(b"\n")


def test_what_is_wrong_with_a_machine_is_told_in_a_line_and_nothing_is_changed(site: Site) -> None:
    user, address = site.edge.user, site.edge.address

    def error(url: str, options: str = "") -> str:
        return site.admin.types(f"paas routers:add {NAME} {url} {options}").error

    url = f"ssh://{user}@{address}"
    told = {
        "cannot be reached": error(f"{url}:9"),
        "has the host key SHA256:": error(url, f"--host-key SHA256:{'A' * 43}"),
        "does not let the platform in": error(f"ssh://root@{address}"),
    }
    with has_the_tables_port(site):
        told["cannot be had for the route table"] = error(url)

    for why, line in told.items():
        assert why in line, line
        assert line.startswith(f"paas: Router {NAME} was not registered (ssh): ")
        assert "Nothing was changed." in line
    assert list(site.told()) == [LOCAL]
    assert site.fleet.host(LOCAL).address is None


def test_a_second_router_joins_and_every_change_waits_for_it(site: Site) -> None:
    admin, port = site.admin, site.admin.http_port
    before = site.rows()
    own = str(site.fleet.lab.address)
    assert {row.host for row in before} == {LOCAL, "h1"}
    assert not any(site.reaches(site.edge, row) for row in before), "it is no router yet"

    with Load(port, APP, slow=1) as load:
        said = admin.types(f"paas routers:add {NAME} ssh://{site.edge.user}@{site.edge.address}")
        load.goes_on()
    assert said.code == 0, said.text
    assert "pinned" in said.err
    assert not load.failures, load.report
    assert site.told()[NAME]["is_joining"], "it has not said a word yet"
    local = [row for row in site.rows() if row.host == LOCAL]
    assert local
    assert all(row.address == own and row.published for row in local)
    assert {row.id for row in before if row.host == "h1"} <= {row.id for row in site.rows()}

    status = site.is_installed(said.out)

    assert "red" not in status, status
    eventually(lambda: not site.told()[NAME]["is_joining"], within=10)
    edge = site.told()[NAME]
    assert (edge["address"], edge["tunnel"]["state"]) == (str(site.edge.address), "up")  # type: ignore[index]
    assert edge["haproxy"]
    assert answer(str(site.edge.address), port) == (200, APP)
    for row in site.rows():
        assert site.reaches(site.edge, row), row
        assert row.host == "h1" or not site.reaches(site.fleet.hosts["h1"], row), "it has no router"

    with site.under_load() as (first, second):
        grown = under(second, admin.types, f"paas scale web={DYNOS + 2} -a {APP}")
        scaled = under(second, admin.types, f"paas scale web={DYNOS} -a {APP}")
        pushed = time.time()
        push = admin.pushes(None, APP, files={"news.txt": "two\n"})
        assert push.accepted, push.output
        done = time.time()
        first.goes_on()
        second.goes_on()
    assert grown < scaled < pushed
    for load in (first, second):
        assert not load.failures, load.report
        assert load.releases(done) == {"v2"}

    site.fleet.installation.kill(f"router-{NAME}")
    said = admin.types(f"paas scale web={DYNOS + 1} -a {APP}")
    assert said.code == 0, f"its tunnel is there again in time: {said.text}"
    doctor = {each["name"]: each["state"] for each in site.fleet.listed("doctor")}
    assert (doctor[f"router {NAME}"], doctor[f"process router-{NAME}"]) == ("ok", "ok")
    logged = admin.types(f"paas logs -n 1000 -a {APP}").out
    lines = [line for line in logged.splitlines() if "heroku[router]" in line]
    assert any(f'fwd="{site.fleet.lab.address}"' in line for line in lines), "of the second router"
    assert any('fwd="127.0.0.1"' in line for line in lines)


def test_a_deploy_that_a_router_does_not_hear_of_fails_and_names_it(site: Site) -> None:
    admin, port = site.admin, site.admin.http_port
    served = {row.dyno.release for row in site.rows()}
    site.fleet.lab.cut(site.edge)
    with Load(port, APP, slow=0) as load:
        push = admin.pushes(None, APP, files={"news.txt": "three\n"})
        load.goes_on()
    assert push.rejected
    assert f"router {NAME} did not acknowledge" in push.output
    assert not load.failures, load.report
    assert {row.dyno.release for row in site.rows() if row.state is UP} >= served

    said = admin.types(f"paas routers:remove {NAME}")

    assert said.code == 0, said.text
    push = admin.pushes_again(APP)
    assert push.accepted, push.output
    assert not (site.fleet.installation.settings.programs / f"router-{NAME}.conf").exists()
    site.fleet.lab.heal(site.edge)
    eventually(
        lambda: not any(site.reaches(site.edge, row) for row in site.rows() if row.published),
        within=30,
    )


def test_a_host_may_be_a_router_too(site: Site) -> None:
    admin, port = site.admin, site.admin.http_port
    site.edge = site.fleet.hosts["h1"]
    folder = site.folder
    site.folder = folder / "near"
    said = admin.types(f"paas routers:add near ssh://{site.edge.user}@{site.edge.address}")
    assert said.code == 0, said.text

    status = site.is_installed(said.out)

    assert "red" not in status, status
    eventually(lambda: not site.told()["near"]["is_joining"], within=10)
    scaled = admin.types(f"paas scale web={DYNOS + 2} -a {APP}")
    assert scaled.code == 0, scaled.text
    assert {row.host for row in site.rows()} == {LOCAL, "h1"}
    with site.under_load() as (first, second):
        first.goes_on(1)
        second.goes_on(1)
    for load in (first, second):
        assert not load.failures, load.report
        assert len(load.containers()) == DYNOS + 2, "of both hosts"
    assert answer(str(site.edge.address), port) == (200, APP)
    site.there("stop", f"{site.folder}")
    assert admin.types("paas routers:remove near").code == 0
    site.folder = folder
