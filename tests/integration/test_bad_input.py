"""What people mistype and what attackers type: one line for each, nothing changed, and nothing of it is run.

Every hostile text tries to make a file; that file never appears.
"""

import io
import json
import shlex
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.integration.installation import Installation
from tests.integration.user import User

CANARY = Path("/tmp/paas-canary")
TOUCH = f"touch {CANARY}"
HOSTILE = (
    f"; {TOUCH}", f"$({TOUCH})", f"`{TOUCH}`", f"| {TOUCH}", f"&& {TOUCH}", f"x\n{TOUCH}", f"x\r\n{TOUCH}",
    f"' ; {TOUCH} ; '", f'" ; {TOUCH} ; "', f"--upload-pack={TOUCH}", "-rf", "--help", "-", "../../../etc/passwd",
    "..", ".", "/etc/passwd", "x/../../x", "%2e%2e%2f", "x\0y", "\0", "\u202egnp.exe", "\u2066x", "a" * 300, "\u0301",
    "\x1b[2J", "x y", "*", "{}", "\\", "'", '"', "#", "?x=y", "💥", "x" * 40000,
)  # fmt: skip
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJtlVkHvuTsDHmbGyeILvZHGEp6G0YPhVBfHlc9Rr0Qv"
BAD_KEYS = (
    f'command="{TOUCH}" {KEY}', f"environment=\"X=1\" {KEY}", f"{KEY}\n{KEY} two", f"{KEY}\r{KEY}", "ssh-dss AAAA",
    f"ssh-ed25519 $({TOUCH})", "ssh-ed25519", "", "\0", "-----BEGIN OPENSSH PRIVATE KEY-----", f"# {KEY}",
    f"cert-authority {KEY}", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", KEY.replace("ed25519", "rsa", 1), "A" * 100_000,
)  # fmt: skip
MISTYPED = {
    "ps -a no-such-app": "There is no app 'no-such-app'. Type: paas create no-such-app",
    "config -a 'x;id'": "There is no app 'x;id'. See: paas apps",
    "scale webb=2 -a shop": "shop has no 'webb' process. It has: web.",
    "scale web=x -a shop": "'web=x' is not a quantity",
    "scale web=-1 -a shop": "'web=-1' is not a quantity",
    "scale web=99999 -a shop": "a quantity is 0 to 100",
    "rollback v99 -a shop": "has no such release: v99",
    "rollback newest -a shop": "'newest' is not a release's number",
    "restart web.9 -a shop": "shop has no dyno 'web.9'. See: paas ps -a shop",
    "keys:remove nobody": "You have no key 'nobody'. See: paas keys",
    "keys:add /no/such.pub": "/no/such.pub cannot be added: No such file",
    "routers:remove nobody": "Only an admin may do this",
    "doctor": "Only an admin may do this",
    "domains:add 'no host' -a shop": "'no host' cannot be a domain",
    "domains:remove no.such.example -a shop": "shop has no domain 'no.such.example'",
    "domains:add shoe.localhost -a shop": "shoe.localhost is under localhost",
    "create Not_A_Name": "'Not_A_Name' cannot be an app's name: 3 to 30 of a-z",
    "create shop": "You have an app 'shop' already. To push to it from here: paas git:remote -a shop",
    "destroy shop --confirm shoe": "shop was not destroyed",
    "builds:output nothing -a shop": "shop has no build 'nothing'. See: paas builds -a shop",
    "builds:cancel -a shop": "shop has no build under way",
    "config:get NOTHING -a shop": "shop has no config var NOTHING",
    "config:set 1A=x -a shop": "Config var '1A': a key is letters, digits and _",
    "config:set PORT=1 -a shop": "'PORT': this key belongs to the platform",
    "no-such-command": "There is no command 'no-such-command'",
}
"""What is typed -> what is said."""


@pytest.fixture(autouse=True)
def no_canary() -> Iterator[None]:
    CANARY.unlink(missing_ok=True)
    yield
    assert not CANARY.exists()


@pytest.fixture(scope="module")
def owner(installation: Installation) -> Iterator[User]:
    """Of `shop`, which no test changes."""
    owner = installation.welcomes("owner")
    owner.deployed("python-web", "shop")
    yield owner
    owner.leaves()


@pytest.fixture
def api(owner: User, installation: Installation) -> Iterator[httpx.Client]:
    """As the owner of `shop`."""
    with httpx.Client(
        base_url=f"http://127.0.0.1:{installation.settings.api_port}",
        headers={"Authorization": f"Bearer {token(owner)}"},
        trust_env=False,
        timeout=30,
    ) as client:
        yield client


def token(user: User) -> str:
    lines = (user.home / ".config" / "paas").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("token"))


def shape(user: User) -> tuple[str, ...]:
    """What must not change."""
    commands = ("apps", "releases -a shop", "domains -a shop", "keys", "config -a shop")
    return tuple(user.types(f"paas {command} --json").out for command in commands)


def test_what_is_mistyped_gets_one_line_and_changes_nothing(owner: User) -> None:
    before = shape(owner)

    said = {line: owner.types(f"paas {line}") for line in MISTYPED}
    long = owner.home / "long"
    long.write_text("x" * (33 * 1024))
    said["long"] = owner.types(f"paas config:set GOOD=x LONG=@{long} -a shop")

    for line, told in (*MISTYPED.items(), ("long", "long has more than 32768 bytes. Nothing was")):
        assert told in said[line].error, line
    assert shape(owner) == before
    assert owner.visits("shop").json()["release"] == "v1"


def test_hostile_names_are_refused_in_one_line_wherever_a_name_is_asked_for(
    owner: User, api: httpx.Client
) -> None:
    # given everything that takes a name
    takes: Mapping[str, Callable[[str], httpx.Response]] = {
        "app": lambda text: api.post("/apps", json={"name": text}),
        "an app's path": lambda text: api.get(f"/apps/{quote(text, safe='')}x/releases"),
        "config var": lambda text: api.patch("/apps/shop/config-vars", json={text: "x"}),
        "process type": lambda text: api.patch(
            "/apps/shop/formation", json={"updates": [{"type": text, "quantity": 1}]}
        ),
        "quantity": lambda text: api.patch("/apps/shop/formation/web", json={"quantity": text}),
        "release": lambda text: api.post("/apps/shop/releases", json={"release": text}),
        "host": lambda text: api.post("/apps/shop/domains", json={"hostname": text}),
        "source": lambda text: api.post(
            "/apps/shop/builds", json={"source_blob": {"url": text, "version": text}}
        ),
        "dyno": lambda text: api.delete(f"/apps/shop/dynos/{quote(text, safe='')}x"),
    }
    before = shape(owner)

    # then each is refused, by an answer of one line that no terminal stumbles over
    for place, take in takes.items():
        for text in HOSTILE:
            answer = take(text)
            assert 400 <= answer.status_code < 500, (place, text[:80], answer.text)
            message = answer.json()["message"]
            assert message.count("\n") == 0 and len(message) < 500, (place, text[:80])
    assert shape(owner) == before


def test_hostile_keys_never_get_into_the_list_of_keys(
    owner: User, api: httpx.Client, installation: Installation
) -> None:
    listed = installation.settings.door / "authorized_keys"
    before = listed.read_text()

    answers = [api.post("/account/keys", json={"public_key": key}) for key in BAD_KEYS]

    for key, answer in zip(BAD_KEYS, answers, strict=True):
        assert answer.status_code == 422, (key[:80], answer.text)
        assert answer.json()["message"].count("\n") == 0
    assert listed.read_text() == before


def test_the_door_runs_nothing_but_gits_two_verbs(owner: User, installation: Installation) -> None:
    ssh = shlex.split(owner.environment["GIT_SSH_COMMAND"])
    url = owner.types("git remote get-url paas", within=owner.folder("shop")).out.strip()
    where, _, _ = url.removeprefix("ssh://").partition("/")
    words = [
        TOUCH, f"git-receive-pack 'shop'; {TOUCH}", f"git-receive-pack $({TOUCH})", "git-receive-pack ../../etc",
        f"git-receive-pack --upload-pack='{TOUCH}' shop", "git-upload-archive shop", "sh", "scp -f /etc/passwd",
        "git-receive-pack", "git-receive-pack '", "git-receive-pack -x", "git-receive-pack shop extra", "sftp",
        "git-receive-pack \u202eshop", f"git-receive-pack {'a' * 300}", f"git-shell -c '{TOUCH}'",
    ]  # fmt: skip
    host, _, port = where.rpartition(":")
    for word in words:
        done = subprocess.run(
            [*ssh, "-o", "BatchMode=yes", "-p", port, host, word],
            env=owner.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode != 0, word
        assert done.stdout == "", word
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("paas: "), done.stderr
        assert "\u202e" not in done.stderr


def test_hostile_refs_are_stored_and_nothing_of_them_is_run(owner: User) -> None:
    names = [
        "$(touch${IFS}/tmp/paas-canary)", "`touch${IFS}/tmp/paas-canary`", ";touch${IFS}/tmp/paas-canary;", "|id",
        "&id&", "'quoted'", '"quoted"', "-rf", "--force", "%s%n", "x\u202egnp", "💥", "a" * 200, "main;x", "$HOME",
    ]  # fmt: skip
    refs = [f"main:refs/heads/{name}" for name in names]

    push = owner.pushes_again("shop", refspec=shlex.join(refs))
    odd = [
        owner.pushes_again("shop", refspec=f"main:refs/{name}")
        for name in ("hooks/pre-receive", "notes/x", "tags/v1;id")
    ]

    assert push.accepted, push.output
    assert push.output.count("is stored, not deployed") == len(refs)
    assert "\u202e" not in push.output.partition("To ssh://")[0]
    assert all("Traceback" not in each.output for each in odd)
    assert owner.types("paas releases -a shop").out.count("\n") == 1
    assert owner.visits("shop").json()["release"] == "v1"


def test_files_of_any_name_are_built(user: User) -> None:
    names = [
        f"$({TOUCH.replace('/', '%')})", "-rf", "--help", "new\nline", "tab\t", "\u202egnp.txt", "a" * 250, "'", '"',
        "`id`", "*", " ", "~", "#", "back\\slash", "%s", "Grüße", "paas-start;id",
    ]  # fmt: skip
    dockerfile = 'FROM paas/stack:run\nCOPY . .\nCMD ["python3", "-m", "http.server", "5000"]\n'
    user.creates("odd")
    user.creates("odd-pack")
    files = {f"{name}": "inside" for name in names}

    pushes = [
        user.pushes(None, to="odd", files={**files, "Dockerfile": dockerfile}),
        user.pushes("static-web", to="odd-pack", files=files),
    ]

    assert [push.output for push in pushes if push.rejected] == []
    for name in names:
        assert user.visits("odd", f"/{quote(name)}").text == "inside", name


def test_hostile_archives_are_refused_by_the_name_of_the_member(
    api: httpx.Client, owner: User
) -> None:
    before = shape(owner)

    # One after the other: a newer build takes the place of one that is queued.
    ended = {
        name: reason_of(api, begin_build(api, content)) for name, content in archives().items()
    }

    for name, (status, output) in ended.items():
        assert status == "failed", name
        assert output.count("\n !     ") == 1, output
        assert "The source cannot be built: " in output, output
        assert "\u202e" not in output and "\x1b" not in output
    assert shape(owner) == before


def archives() -> Mapping[str, bytes]:
    def member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
        made = tarfile.TarInfo(name)
        made.type, made.linkname = kind, to
        return made

    lists = {
        "absolute": [member(f"{CANARY}")],
        "above": [member("../../../../../../tmp/paas-canary")],
        "inside out": [member("x/../../../../../../../tmp/paas-canary")],
        "link out": [member("x", tarfile.SYMTYPE, "/tmp")],
        "behind a link": [member("x", tarfile.SYMTYPE, "y"), member("x/paas-canary")],
        "link above": [member("x", tarfile.SYMTYPE, "../../../../../../etc/passwd")],
        "hard link out": [member("x", tarfile.LNKTYPE, "/etc/passwd")],
        "hard link above": [member("x", tarfile.LNKTYPE, "../../etc/passwd")],
        "device": [member("x", tarfile.CHRTYPE)],
        "block device": [member("x", tarfile.BLKTYPE)],
        "pipe": [member("x", tarfile.FIFOTYPE)],
        "twice": [member("x"), member("x")],
        "turned around": [member("/\u202egnp\x1b[2J")],
        "long": [member("x" * 300)],
        "nothing": [],
    }
    made = {}
    for name, members in lists.items():
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as tar:
            for each in members:
                tar.addfile(each)
        made[name] = file.getvalue()
    return {
        **made,
        "no tar": b"#!/bin/sh\n" + TOUCH.encode() + b"\n" * 1024,
        "cut off": made["twice"][:700],
        "gzip cut off": b"\x1f\x8b\x08\0\0\0\0\0\0\3abc",
        "zeros": b"\0" * 10240,
        "empty": b"",
    }


def begin_build(api: httpx.Client, content: bytes) -> str:
    blob = api.post("/sources").json()["source_blob"]
    put = httpx.put(blob["put_url"], content=content, trust_env=False, timeout=30)
    assert put.status_code == 200, put.text
    answer = api.post("/apps/shop/builds", json={"source_blob": {"url": blob["get_url"]}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def reason_of(api: httpx.Client, build: str) -> tuple[str, str]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found: Mapping[str, Any] = json.loads(api.get(f"/apps/shop/builds/{build}").text)
        if found["status"] != "pending":
            return found["status"], api.get(f"/apps/shop/builds/{build}/output").text
        time.sleep(0.2)
    raise AssertionError(f"build {build} does not end")
