import os
import subprocess
from pathlib import Path

import pytest

from paas.cli.credentials import Credentials
from paas.daemon.home import Home
from paas.daemon.init import init
from paas.daemon.person import let_in, person_name, settle
from paas.model.person import InvalidKey, PersonName, parse_key
from paas.store.people import KeyTaken
from paas.wiring import Platform, connect

ADA, BOB = PersonName("ada"), PersonName("bob")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBu3T6BzzU5NcyGkMTkVmHnm9h1HfZ0VJ0Yq5Pcxr0Vd ada@there"


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return connect(init(tmp_path / "p", ssh_port=2022, api_port=5050))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    return Home("ada", os.geteuid(), os.getegid(), tmp_path / "home")


def make_key(path: Path, passphrase: str) -> None:
    path.parent.mkdir(exist_ok=True)
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)]
    subprocess.run(argv, check=True)


def authorized_keys(platform: Platform) -> str:
    return (platform.settings.door / "authorized_keys").read_text()


def test_a_person_with_a_key_gets_through_the_door(platform: Platform) -> None:
    person = let_in(ADA, KEY, platform, 1.0, is_admin=True)

    assert person.is_admin
    assert KEY.rsplit(" ", 1)[0] in authorized_keys(platform)


def test_to_let_somebody_in_twice_changes_nothing(platform: Platform) -> None:
    let_in(ADA, KEY, platform, 1.0, is_admin=True)
    before = authorized_keys(platform)

    let_in(ADA, KEY, platform, 2.0, is_admin=True)

    assert authorized_keys(platform) == before
    assert len(platform.people.keys(ADA)) == 1


def test_a_key_opens_for_one_person_only(platform: Platform) -> None:
    let_in(ADA, KEY, platform, 1.0, is_admin=True)

    with pytest.raises(KeyTaken, match="for ada"):
        let_in(BOB, KEY, platform, 1.0, is_admin=False)


def test_what_is_no_key_is_refused(platform: Platform) -> None:
    with pytest.raises(InvalidKey):
        let_in(ADA, 'command="sh" ' + KEY, platform, 1.0, is_admin=True)

    assert authorized_keys(platform) == ""


def test_an_account_without_a_key_gets_everything_that_pushing_needs(
    platform: Platform, home: Home
) -> None:
    settle(home, ADA, platform, 1.0, is_admin=True)

    credentials = Credentials.load(str(home.path / ".config" / "paas"))
    assert credentials is not None
    assert credentials.url == "http://127.0.0.1:5050"
    assert platform.people.bearer(credentials.token) == platform.people.get(ADA)
    assert (home.path / ".config" / "paas").stat().st_mode & 0o777 == 0o600
    public = (home.path / ".ssh" / "id_ed25519.pub").read_text()
    assert parse_key(public)[1] in authorized_keys(platform)
    host = (platform.settings.door / "ssh_host_ed25519_key.pub").read_text().split()[1]
    assert (home.path / ".ssh" / "known_hosts").read_text() == (
        f"[localhost]:2022 ssh-ed25519 {host}\n[127.0.0.1]:2022 ssh-ed25519 {host}\n"
    )


def test_ssh_finds_port_address_and_key_of_the_door_and_of_no_other_host(
    platform: Platform, home: Home
) -> None:
    (home.path / ".ssh").mkdir()
    (home.path / ".ssh" / "config").write_text("Host elsewhere\n    Port 7\n")

    settle(home, ADA, platform, 1.0, is_admin=True)

    def asked(*target: str) -> str:
        argv = ["ssh", "-G", "-F", str(home.path / ".ssh" / "config"), *target]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    user = Home.of("root").user if os.geteuid() == 0 else os.environ["USER"]
    assert "\nport 2022\n" in asked(f"{user}@localhost")
    assert f"\nidentityfile {home.path}/.ssh/id_ed25519\n" in asked(f"{user}@localhost")
    assert "\nhostname 127.0.0.1\n" in asked(f"{user}@localhost")
    assert "\nport 22\n" in asked("somebody@localhost")
    assert "\nport 7\n" in asked("elsewhere")


def test_a_key_that_needs_no_passphrase_is_used_as_it_is(platform: Platform, home: Home) -> None:
    make_key(home.path / ".ssh" / "id_ecdsa", "")
    before = (home.path / ".ssh" / "id_ecdsa").read_bytes()

    settle(home, ADA, platform, 1.0, is_admin=True)

    assert (home.path / ".ssh" / "id_ecdsa").read_bytes() == before
    assert not (home.path / ".ssh" / "id_ed25519").exists()


def test_a_key_with_a_passphrase_is_left_alone_and_one_of_our_own_is_made(
    platform: Platform, home: Home
) -> None:
    make_key(home.path / ".ssh" / "id_ed25519", "secret")

    settle(home, ADA, platform, 1.0, is_admin=True)

    own = (home.path / ".ssh" / "paas_ed25519.pub").read_text()
    assert parse_key(own)[1] in authorized_keys(platform)


def test_an_account_that_is_settled_stays_as_it_is(platform: Platform, home: Home) -> None:
    settle(home, ADA, platform, 1.0, is_admin=True)
    files = [path for path in home.path.rglob("*") if path.is_file()]
    before = {path: (path.read_text(), path.stat().st_mtime_ns) for path in files}

    settle(home, ADA, platform, 2.0, is_admin=True)

    assert {path: (path.read_text(), path.stat().st_mtime_ns) for path in files} == before


def test_an_account_that_is_somebody_here_stays_that_person(platform: Platform, home: Home) -> None:
    settle(home, ADA, platform, 1.0, is_admin=True)

    name = settle(home, BOB, platform, 2.0, is_admin=True)

    assert name == ADA
    assert [person.name for person in platform.people.all()] == [ADA]


def test_a_door_made_anew_takes_the_place_of_the_old_in_known_hosts(
    platform: Platform, home: Home
) -> None:
    (home.path / ".ssh").mkdir()
    known = home.path / ".ssh" / "known_hosts"
    known.write_text("[localhost]:2022 ssh-ed25519 OLD\n[localhost]:22222 ssh-ed25519 OTHER\n")

    settle(home, ADA, platform, 1.0, is_admin=True)

    assert "OLD" not in known.read_text()
    assert "[localhost]:22222 ssh-ed25519 OTHER\n" in known.read_text()


@pytest.mark.parametrize(
    ("user", "name"), [("ada", "ada"), ("Ada.L", "ada.l"), ("x y", "x-y"), ("1st", "u1st")]
)
def test_an_account_of_the_machine_gives_its_name(user: str, name: str) -> None:
    assert person_name(user) == name
