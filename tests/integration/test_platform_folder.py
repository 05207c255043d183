"""A platform is a folder: it is stopped, killed, taken over, upgraded, copied and restored, and its apps are served."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from paas.daemon.folder import User as Account
from paas.daemon.restore import restore
from paas.daemon.start import wait_until_up
from paas.program import Program, as_user
from paas.running import running
from paas.settings import Settings
from tests.eventually import eventually
from tests.integration.conftest import running_installation
from tests.integration.installation import PROGRAMS, Installation, paasd
from tests.integration.load import Load
from tests.integration.user import User
from tests.share import free_ports

CAP_NET_BIND_SERVICE = 10
DOCKER = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"


@pytest.fixture(scope="module")
def house(the_stack: None) -> Iterator[Installation]:
    """Runs, and is to run again when a test is over."""
    yield from running_installation()


@pytest.fixture(scope="module")
def cleo(house: Installation) -> Iterator[User]:
    """Has two apps that are served: one of a buildpack, one of a Dockerfile."""
    cleo = house.welcomes("cleo", is_admin=True)
    cleo.deployed("python-web", "shop")
    cleo.deployed("dockerfile-web", "cafe")
    yield cleo
    cleo.leaves()


@pytest.fixture
def load(cleo: User) -> Iterator[Load]:
    with Load(cleo.http_port, "shop", slow=0) as load:
        yield load


def containers(settings: Settings) -> dict[str, str]:
    """Of apps: the engine's id of each -> its name."""
    argv = [DOCKER, "ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}"]
    labels = (f"paas.platform={settings.platform}", "paas.kind=dyno")
    argv += [word for label in labels for word in ("--filter", f"label={label}")]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in listed.splitlines())


def at_rest(settings: Settings) -> dict[str, str]:
    """The containers, when nothing drains any more: one of each app."""
    eventually(lambda: len(containers(settings)) == 2, within=30)
    return containers(settings)


def serves(user: User, settings: Settings) -> bool:
    """Both apps answer, each for itself."""
    here = replace(user, http_port=settings.http_port)
    try:
        return all(here.visits(app).json()["app"] == app for app in ("shop", "cafe"))
    except (httpx.HTTPError, ValueError, KeyError):
        return False


def pid_of(settings: Settings) -> dict[str, int]:
    return {program.name: program.pid for program in running(settings)}


def test_stopped_and_run_again_it_serves_with_the_containers_it_had(
    house: Installation, cleo: User
) -> None:
    before = at_rest(house.settings)

    house.stop()
    assert running(house.settings) == []
    assert containers(house.settings) == before
    house.run()

    eventually(lambda: serves(cleo, house.settings), within=10)
    assert containers(house.settings) == before


def test_a_second_run_of_the_same_folder_is_refused(house: Installation, cleo: User) -> None:
    before = pid_of(house.settings)

    again = subprocess.run(
        [PROGRAMS / "paasd", "run", house.directory], capture_output=True, text=True, check=False
    )

    assert again.returncode == 1
    assert "runs already" in again.stderr
    assert pid_of(house.settings) == before


@pytest.mark.parametrize(
    "name",
    ["redis", "sshd", "door", "follower", "web", "watch", "workers", "converge-1", "builds-1"],
)
def test_a_killed_program_is_back_and_nobody_noticed_at_the_apps(
    house: Installation, cleo: User, load: Load, name: str
) -> None:
    before = at_rest(house.settings)
    load.goes_on()

    killed = house.kill(name)

    eventually(lambda: pid_of(house.settings).get(name) not in (None, killed.pid), within=15)
    wait_until_up(house.settings)
    load.goes_on()
    assert not load.failures, load.report
    assert at_rest(house.settings) == before
    assert cleo.types(f"paas config:set KILLED={name} -a cafe").code == 0


def test_a_killed_haproxy_is_back_within_a_second(house: Installation, cleo: User) -> None:
    for _ in range(2):
        house.kill("haproxy")

        eventually(lambda: serves(cleo, house.settings), within=3)


def test_after_the_death_of_the_supervisor_a_new_run_takes_everything_over(
    house: Installation, cleo: User, load: Load
) -> None:
    before, programs = at_rest(house.settings), pid_of(house.settings)
    assert house.supervisor is not None
    load.goes_on()

    house.supervisor.send_signal(signal.SIGKILL)
    house.supervisor.wait()
    load.goes_on()
    assert pid_of(house.settings) == programs
    house.run()
    load.goes_on(2)

    assert not load.failures, load.report
    assert containers(house.settings) == before
    after = pid_of(house.settings)
    assert not set(after.values()) & {pid for name, pid in programs.items() if name != "haproxy"}
    assert serves(cleo, house.settings)


def test_haproxy_serves_alone_while_everything_else_is_stopped(
    house: Installation, cleo: User, load: Load
) -> None:
    load.goes_on()

    assert house.supervisor is not None
    paasd("stop", str(house.directory), "--keep-router")
    house.supervisor.wait()
    load.goes_on()
    assert {name.split(".")[0] for name in pid_of(house.settings)} == {"haproxy"}
    house.run()
    load.goes_on()

    assert not load.failures, load.report


def test_an_upgrade_restarts_our_programs_and_leaves_router_redis_and_apps_alone(
    house: Installation, cleo: User, load: Load
) -> None:
    before, programs = at_rest(house.settings), pid_of(house.settings)
    load.goes_on()

    said = paasd("upgrade", str(house.directory))
    load.goes_on()

    assert not load.failures, load.report
    after = pid_of(house.settings)
    same = {name for name in after if after[name] == programs.get(name)}
    assert {name.split(".")[0] for name in same} == {"redis", "haproxy"}
    assert containers(house.settings) == before
    assert "Restarting web" in said
    assert cleo.types("paas config:set UPGRADED=yes -a shop").code == 0


def test_an_upgrade_that_gives_redis_other_users_restarts_it_and_no_request_is_lost(
    house: Installation, cleo: User, load: Load
) -> None:
    users, programs = house.directory / "redis" / "users.acl", pid_of(house.settings)
    users.write_text(users.read_text().replace(" +xadd", ""))  # as an older program wrote it
    load.goes_on()

    said = paasd("upgrade", str(house.directory))
    load.goes_on()

    assert not load.failures, load.report
    assert "Restarting redis" in said
    after = pid_of(house.settings)
    assert after["redis"] != programs["redis"]
    assert after["haproxy"] == programs["haproxy"]
    assert cleo.types("paas config:set UPGRADED=twice -a shop").code == 0


def test_a_sigterm_stops_it(house: Installation, cleo: User) -> None:
    before = at_rest(house.settings)
    assert house.supervisor is not None

    house.supervisor.terminate()
    assert house.supervisor.wait(timeout=30) == 0

    assert running(house.settings) == []
    assert containers(house.settings) == before
    house.run()
    eventually(lambda: serves(cleo, house.settings), within=10)


def test_a_restored_backup_serves_every_app_with_the_containers_that_are_there(
    house: Installation, cleo: User, tmp_path: Path
) -> None:
    before = at_rest(house.settings)
    paasd("backup", str(house.directory), str(tmp_path / "b.tar"))
    house.stop()

    with restored(tmp_path / "b.tar") as copy:
        assert serves(cleo, copy.settings)
        assert containers(copy.settings) == before

    house.run()
    eventually(lambda: serves(cleo, house.settings), within=10)


@contextmanager
def restored(file: Path) -> Iterator[Installation]:
    """The platform of a backup, running in another folder and on other ports."""
    http, api, ssh = free_ports(3)
    folder = Path(tempfile.mkdtemp(prefix="paas-it-"))
    copy = Installation(restore(file, folder, http_port=http, api_port=api, ssh_port=ssh))
    try:
        copy.run()
        yield copy
    finally:
        copy.stop()
        shutil.rmtree(folder)


def test_restored_where_nothing_is_left_every_app_is_built_again_and_serves(
    house: Installation, cleo: User, tmp_path: Path
) -> None:
    paasd("backup", str(house.directory), str(tmp_path / "b.tar"))
    said = paasd("destroy", str(house.directory), "--confirm", house.settings.platform)
    assert house.supervisor is not None
    house.supervisor.wait()
    assert "Removed 2 containers" in said
    assert not left_on_the_engine(house.settings)

    with restored(tmp_path / "b.tar") as copy:
        eventually(lambda: serves(cleo, copy.settings), within=90)

    house.run()  # its record knows nothing of what the copy built
    eventually(lambda: serves(cleo, house.settings), within=90)


def left_on_the_engine(settings: Settings) -> str:
    """Whatever bears the platform's id."""
    label = f"label=paas.platform={settings.platform}"
    asked = (
        ["ps", "--all", "--quiet"],
        ["images", "--all", "--quiet"],
        ["network", "ls", "--quiet"],
        ["volume", "ls", "--quiet"],
    )
    return "".join(
        subprocess.run(
            [DOCKER, *words, "--filter", label], capture_output=True, text=True, check=True
        ).stdout
        for words in asked
    )


def test_destroy_asks_for_the_platforms_id(house: Installation, cleo: User) -> None:
    refused = subprocess.run(
        [PROGRAMS / "paasd", "destroy", house.directory, "--confirm", "another"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )

    assert refused.returncode == 1
    assert f"--confirm {house.settings.platform}" in refused.stderr
    assert serves(cleo, house.settings)


def test_a_program_of_another_user_has_no_power_but_the_named() -> None:
    nobody = pwd.getpwnam("nobody")
    user = Account("nobody", nobody.pw_uid, nobody.pw_gid)
    entry = Program("haproxy", (), user, 1, capabilities=("net_bind_service",))
    shown = ["grep", "-E", "Uid|Gid|CapEff|NoNewPrivs", "/proc/self/status"]

    said = subprocess.run(
        [*as_user(entry, os.geteuid()), *shown], capture_output=True, text=True, check=True
    )

    facts = dict(line.split(":\t") for line in said.stdout.splitlines())
    assert set(facts["Uid"].split()) == {str(nobody.pw_uid)}
    assert set(facts["Gid"].split()) == {str(nobody.pw_gid)}
    assert int(facts["CapEff"], 16) == 1 << CAP_NET_BIND_SERVICE
    assert facts["NoNewPrivs"] == "1"
