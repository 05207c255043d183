"""`sudo ./install.sh` on a bare machine with systemd, as a new user types it, and what becomes of that machine."""

import re
from collections.abc import Iterator

import pytest

from tests.eventually import eventually
from tests.install.machine import ROOT, Machine, machine

pytestmark = pytest.mark.timeout(1500)  # the first time, two systems are installed

SERVED = "curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors"
DROP_IN = "/etc/systemd/system/docker.service.d"
LOOKS_BEFORE_THE_ENGINE = (
    '[Service]\\nExecStartPre=/bin/sh -c "iptables -S >/run/rules-before-the-engine"\\n'
)
COMMIT = "git config --global user.name Ada && git config --global user.email ada@example.com"


@pytest.fixture(scope="module", params=["bookworm", pytest.param("trixie", marks=pytest.mark.soak)])
def bare(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with machine(request.param) as made:
        made.bring(ROOT, "/home/ada/paas")
        yield made


@pytest.fixture(scope="module")
def installed(bare: Machine) -> str:
    """What the installer said."""
    return bare.says("cd paas && sudo ./install.sh 2>&1")


def first_commands() -> list[str]:
    """Of the README, under "Your first app", one by one."""
    _, _, after = (ROOT / "README.md").read_text().partition("## Your first app")
    block = re.search(r"```\n(.*?)```", after, re.DOTALL)
    assert block
    return [line.partition("#")[0].strip() for line in block[1].splitlines()]


def containers(bare: Machine) -> list[str]:
    """The apps'."""
    asked = "docker ps --all --quiet --no-trunc --filter label=paas.app"
    return sorted(bare.root_says(asked).split())


def test_the_sample_is_pushed_and_served(bare: Machine, installed: str) -> None:
    assert "remote: -----> http://sample.localhost/ deployed (v1)" in installed
    assert "http://sample.localhost/ is served." in installed
    assert "Hello" in bare.says("curl --silent --fail http://sample.localhost/")


def test_whoever_typed_sudo_is_the_first_person(bare: Machine, installed: str) -> None:
    assert bare.says("paas whoami").strip() == "ada"
    assert bare.root_says("paas whoami").strip() == "ada"
    for home in ("/home/ada", "/root"):
        assert bare.root_says(f"stat --format=%a {home}/.config/paas").strip() == "600"
    assert "[localhost]:2222 ssh-ed25519" in bare.says("cat .ssh/known_hosts")
    assert bare.says("paas doctor")


def test_what_the_readme_says_can_be_typed(bare: Machine, installed: str) -> None:
    bare.bring(ROOT / "tests" / "apps" / "node-web", "/home/ada/my-app")
    bare.says(
        f"{COMMIT} && cd my-app && git init --quiet -b main && git add . && git commit -qm one"
    )
    goes_in, *commands = first_commands()
    assert goes_in == "cd my-app"

    for command in commands:
        # A log that is followed has no end.
        limited = f"timeout 5 {command}; [ $? = 124 ]" if "--tail" in command else command
        said = bare.says(f"cd my-app && {limited} 2>&1")
        assert said, command

    assert len(bare.says("paas ps -a my-app").splitlines()) >= 6
    assert bare.says("paas config:get KEY -a my-app || true").strip() == ""  # rolled back
    bare.says("paas destroy my-app --confirm my-app")
    eventually(lambda: len(containers(bare)) == 1, within=60)


def test_installed_again_it_does_nothing(bare: Machine, installed: str) -> None:
    before = containers(bare)
    pids = bare.root_says("systemctl show --property MainPID paas docker")

    said = bare.says("cd paas && sudo ./install.sh 2>&1")

    assert "Everything up-to-date" in said
    assert "http://sample.localhost/ is served." in said
    assert containers(bare) == before
    assert bare.root_says("systemctl show --property MainPID paas docker") == pids


def test_a_newer_one_is_the_upgrade_and_no_request_is_dropped(
    bare: Machine, installed: str
) -> None:
    bare.says("echo '# newer' >>paas/paas/__init__.py")
    before, router = containers(bare), bare.root_says("pgrep haproxy")
    bare.says(
        "nohup python3 paas/tests/install/load.py sample.localhost >load.out 2>&1 & echo $! >load.pid"
    )

    said = bare.says("cd paas && sudo ./install.sh --no-sample 2>&1")

    assert "Restarting workers" in said
    assert containers(bare) == before
    assert bare.root_says("pgrep haproxy") == router
    report = bare.says(
        "kill $(cat load.pid); while pgrep -F load.pid >/dev/null; do sleep 0.2; done; cat load.out"
    )
    assert re.fullmatch(r"\d{3,} asked, 0 failed\n", report)


@pytest.mark.parametrize(
    "command", ["systemctl stop paas", "paasd stop /var/lib/paas --keep-router"]
)
def test_a_stopped_platform_leaves_the_apps_served_and_is_not_started_again(
    bare: Machine, installed: str, command: str
) -> None:
    bare.root_says(command)

    bare.root_says("sleep 4")  # systemd would have after 2
    assert bare.runs("systemctl is-active paas").stdout.strip() == "inactive"
    assert "Hello" in bare.says("curl --silent --fail http://sample.localhost/")
    assert set(bare.root_says("ps -C haproxy,redis-server -o comm=").split()) == {"haproxy"}
    bare.root_says("systemctl start paas && paasd status /var/lib/paas --wait")
    assert "Hello" in bare.says("curl --silent --fail http://sample.localhost/")


def test_a_supervisor_that_an_upgrade_replaces_stays_in_its_unit(
    bare: Machine, installed: str
) -> None:
    for port in (8080, 80):
        before = bare.says("systemctl show --property MainPID --value paas")
        bare.root_says(
            f"sed -i 's/^http_port = .*/http_port = {port}/' /var/lib/paas/settings.toml"
        )

        said = bare.root_says("paasd upgrade /var/lib/paas")

        assert "Replacing the supervisor" in said
        assert "Hello" in bare.says(f"curl --silent --fail http://sample.localhost:{port}/")
        assert bare.says("systemctl is-active paas").strip() == "active"
        main = bare.says("systemctl show --property MainPID --value paas")
        assert main not in (before, "0\n")
        assert bare.root_says("cat /var/lib/paas/run/supervisord.pid") == main


def test_a_supervisor_that_was_killed_is_started_again(bare: Machine, installed: str) -> None:
    bare.root_says("kill -9 $(systemctl show --property MainPID --value paas)")

    bare.root_says("sleep 3; paasd status /var/lib/paas --wait")
    assert "Hello" in bare.says("curl --silent --fail http://sample.localhost/")


def test_after_a_reboot_everything_is_served_by_the_containers_that_were_there(
    bare: Machine, installed: str
) -> None:
    before = containers(bare)
    bare.root_says(f"mkdir -p {DROP_IN} && printf '{LOOKS_BEFORE_THE_ENGINE}' >{DROP_IN}/look.conf")

    bare.reboot()

    # Neither the filter's container nor anything that speaks to the engine can have put them there by then.
    assert "-j PAAS-" in bare.root_says("cat /run/rules-before-the-engine")
    assert "-j PAAS-" in bare.root_says("iptables -S")
    assert "Hello" in bare.says(f"{SERVED} http://sample.localhost/")
    bare.root_says("paasd status /var/lib/paas --wait")
    assert containers(bare) == before


def test_another_platform_of_the_machine_has_its_units_renewed_and_is_told_of_once(
    bare: Machine, installed: str
) -> None:
    ports = "--http-port 8080 --api-port 5010 --ssh-port 2223"
    bare.says(f"cd paas && sudo ./install.sh --no-sample --dir /srv/two {ports} 2>&1")
    bare.root_says("paasd stop /srv/two; cd /etc/systemd/system; rm paas_filter-srv-two.service")
    bare.root_says("echo old >/srv/two/run/program")

    first, second = (bare.says("cd paas && sudo ./install.sh --no-sample 2>&1") for _ in range(2))

    assert "and /srv/two, which runs this program too" in first
    assert "/srv/two" not in second
    assert "paasd filter /srv/two\n" in bare.root_says("systemctl cat paas_filter-srv-two")
    assert bare.runs("systemctl is-active paas-srv-two").stdout.strip() == "inactive"
    bare.root_says("systemctl disable --now paas-srv-two paas_filter-srv-two")
    identity = re.search(r'platform = "(.*)"', bare.says("cat /srv/two/settings.toml"))
    assert identity
    bare.root_says(f"paasd destroy /srv/two --confirm {identity[1]} && rm -r /srv/two")
    bare.root_says("rm /etc/systemd/system/paas*-srv-two.service && systemctl daemon-reload")


def test_what_came_with_the_packages_does_not_run_by_itself(bare: Machine, installed: str) -> None:
    states = bare.says(
        "systemctl is-enabled redis-server haproxy ssh docker-registry || true"
    ).split()

    assert "enabled" not in states
    assert bare.runs("test -e /usr/sbin/policy-rc.d").returncode == 1


def test_it_goes_as_the_manual_says(bare: Machine, installed: str) -> None:
    """Last: nothing is left."""
    _, _, after = (ROOT / "docs" / "operations.md").read_text().partition("## To be rid of it")
    block = re.search(r"```\n(.*?)```", after, re.DOTALL)
    assert block
    settings = bare.says("cat /var/lib/paas/settings.toml")
    identity = re.search(r'^platform = "(.*)"', settings, re.MULTILINE)
    assert identity

    bare.says("set -e\n" + block[1].replace("ID", identity[1], 1))

    assert bare.root_says("docker ps --all --quiet") == ""
    assert "PAAS-" not in bare.root_says("iptables -S")
    assert bare.runs("ls -d /var/lib/paas /opt/paas /etc/systemd/system/paas*").stdout == ""
    assert bare.runs("pgrep -u paas,paas-git,paas-router").returncode != 0
    assert bare.root_says("systemctl is-system-running || true").strip() == "running"
