"""The two scripts that fetch buildpacks, run as in their container, against a forge on this machine."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.builds import fetch, way_out
from tests.forge import PASSWORD, Authority, Forge, serving

HERE = "127.0.0.1"
PACK = {"bin/compile": "#!/bin/sh\n"}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def forge(tmp_path: Path, authority: Authority) -> Iterator[Forge]:
    (tmp_path / "forge").mkdir()
    with serving(tmp_path / "forge", authority, HERE) as forge:
        yield forge


class Fetching:
    def __init__(self, folder: Path, authority: Authority) -> None:
        self.out = folder / "out"
        self.out.mkdir()
        self.networks, self.megabytes, self.seconds = f"{HERE}/32", 1, 20.0
        self.upstream = ""
        self._folder, self._ca = folder, folder / "ca.pem"
        authority.write(self._ca)

    def fetch(self, place: str, ref: str = "", **given: str) -> tuple[dict[str, str], str]:
        """The answer, and what the proxy said."""
        (answer,), said = self.fetch_all({"place": place, "ref": ref, **given})
        return answer, said

    def fetch_all(self, *asked: dict[str, str]) -> tuple[list[dict[str, str]], str]:
        empty = {"ref": "", "user": "", "password": "", "version": "", "etag": ""}
        origins = ["tarball" if ".tgz" in each["place"] else "git" for each in asked]
        wanted = self._folder / "wanted.json"
        wanted.write_text(
            json.dumps(
                [
                    {**empty, "origin": origin, **each}
                    for each, origin in zip(asked, origins, strict=True)
                ]
            )
        )
        command = [
            sys.executable,
            "-EsB",
            way_out.__file__,
            f"{self.megabytes * 2}",
            "buildpack_mb",
        ]
        command += [f"{self.seconds}", self.networks, sys.executable, "-EsB", fetch.__file__]
        done = subprocess.run(
            [*command, str(wanted), str(self.out), f"{self.megabytes}", "buildpack_mb"],
            env={
                "PATH": os.environ["PATH"],
                "SSL_CERT_FILE": str(self._ca),
                "GIT_SSL_CAINFO": str(self._ca),
                **({"https_proxy": self.upstream} if self.upstream else {}),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stderr == ""
        path = self.out / "answers.json"
        answers = json.loads(path.read_text()) if path.exists() else [{} for _ in asked]
        path.unlink(missing_ok=True)
        return answers, done.stdout


@pytest.fixture
def fetching(tmp_path: Path, authority: Authority) -> Fetching:
    return Fetching(tmp_path, authority)


def test_a_branch_a_tag_and_a_commit_lead_to_a_commit(forge: Forge, fetching: Fetching) -> None:
    first = forge.commits("apt", PACK, tag="v1")
    second = forge.commits("apt", {**PACK, "more": "x"})
    url = forge.url("apt.git")

    named = {"": second, "main": second, "v1": first, first: first}
    answers, refused = fetching.fetch_all(*({"place": url, "ref": ref} for ref in named))

    assert (answers, refused) == ([{"version": commit} for commit in named.values()], "")
    assert sorted(path.name for path in fetching.out.iterdir()) == [
        "0.tar", "1.tar", "2.tar", "3.tar"
    ]  # fmt: skip
    (fetching.out / "0.tar").unlink()
    assert fetching.fetch(url, version=second) == ({"version": second}, "")
    assert not (fetching.out / "0.tar").exists()


def test_a_tarball_that_is_there_already_does_not_come_again(
    forge: Forge, fetching: Fetching
) -> None:
    forge.tarballs["/a.tgz"] = b"x"
    answer, _ = fetching.fetch(forge.url("a.tgz"))
    (fetching.out / "0.tar").unlink()

    assert fetching.fetch(forge.url("a.tgz"), **answer) == (answer, "")
    assert not (fetching.out / "0.tar").exists()


def test_a_password_opens_what_is_private(forge: Forge, fetching: Fetching) -> None:
    commit = forge.commits("private", PACK)
    forge.tarballs["/private.tgz"] = b"x"
    ana = {"user": "ana", "password": PASSWORD}

    assert fetching.fetch(forge.url("private.git"), **ana) == ({"version": commit}, "")
    assert "version" in fetching.fetch(forge.url("private.tgz"), **ana)[0]
    assert "401" in fetching.fetch(forge.url("private.tgz"))[0]["error"]
    assert "error" in fetching.fetch(forge.url("private.git"), user="ana", password="wrong")[0]


def test_a_password_does_not_follow_a_redirect(forge: Forge, fetching: Fetching) -> None:
    forge.tarballs["/private.tgz"] = b"x"
    forge.redirects["/a.tgz"] = forge.url("private.tgz")

    answer, _ = fetching.fetch(forge.url("a.tgz"), user="ana", password=PASSWORD)

    assert answer == {"error": "the server answered 401"}


def test_only_public_addresses_are_reached_whatever_names_and_redirects_say(
    forge: Forge, fetching: Fetching
) -> None:
    fetching.networks = f"{HERE}/32"
    forge.redirects = {
        "/a.tgz": "https://169.254.169.254/latest/meta-data.tgz",
        "/clear.tgz": f"http://{HERE}:{forge.port}/x.tgz",
        "/moved.git/info/refs": f"https://127.0.0.2:{forge.port}/apt.git/info/refs",
    }
    told = {
        forge.url("a.tgz"): "169.254.169.254",
        forge.url("moved.git"): "127.0.0.2",
        "https://10.1.2.3/apt.git": "10.1.2.3",
        "https://192.168.1.1/a.tgz": "192.168.1.1",
        "https://100.64.0.1/a.tgz": "100.64.0.1",
        "https://224.0.0.1/a.tgz": "224.0.0.1",
        "https://0.0.0.0/a.tgz": "0.0.0.0",
        "https://2130706435/a.tgz": "127.0.0.3",
        "https://0x7f.4/apt.git": "127.0.0.4",
    }
    clear = {"place": forge.url("clear.tgz")}
    answers, refused = fetching.fetch_all(*({"place": url} for url in told), clear)

    assert all("error" in answer for answer in answers)
    for address in told.values():
        assert f"is at {address}, which is no public address (setting fetch_networks)" in refused
    assert answers[-1]["error"] == "it leads to a URL without https"


def test_a_name_that_leads_here_is_reached_only_when_that_is_allowed(
    forge: Forge, fetching: Fetching
) -> None:
    forge.commits("apt", PACK)
    fetching.networks = ""

    _, refused = fetching.fetch(f"https://localhost:{forge.port}/apt.git")

    assert "localhost is at 127.0.0.1, which is no public address" in refused
    assert forge.asked == []


def test_what_is_larger_or_slower_than_allowed_is_ended(forge: Forge, fetching: Fetching) -> None:
    forge.commits("large", {**PACK, "zeros": "0" * 3_000_000})
    forge.commits("noise", {**PACK, "noise": os.urandom(4_000_000).hex()})
    for path in ("endless.tgz", "large.git", "noise.git"):
        answer, refused = fetching.fetch(forge.url(path))

        said = answer.get("error", "") + refused
        assert "larger than 1 MB (setting buildpack_mb)" in said or "more than 2 MB" in said
        assert not (fetching.out / "0.tar").exists() or not answer
    fetching.seconds = 1.0
    assert fetching.fetch(forge.url("silent.tgz")) == ({}, "refused: it took longer than 1 s\n")


def test_what_is_not_there_is_told_in_one_line(forge: Forge, fetching: Fetching) -> None:
    forge.commits("apt", PACK)
    said = {
        ("gone.tgz", ""): "the server answered 404",
        ("gone.git", ""): "not found",
        ("apt.git", "v7"): "it has no branch or tag 'v7'",
        ("apt.git", "0123abc"): "a commit is named by all of its 40 digits",
        ("apt.git", "0" * 40): "not our ref",
    }

    answers, _ = fetching.fetch_all(*({"place": forge.url(path), "ref": ref} for path, ref in said))

    for answer, why in zip(answers, said.values(), strict=True):
        assert why in answer["error"]
        assert "\n" not in answer["error"]


def test_the_operators_own_proxy_is_the_way_to_what_is_far_and_not_to_what_is_near(
    forge: Forge, fetching: Fetching
) -> None:
    forge.tarballs["/a.tgz"] = b"x"
    asked: list[bytes] = []
    with socket.create_server((HERE, 0)) as server:
        fetching.upstream = f"http://ana:secret@{HERE}:{server.getsockname()[1]}"

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 407 No\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        near, _ = fetching.fetch(forge.url("a.tgz"))
        far, _ = fetching.fetch("https://93.184.215.14/a.tgz")
        thread.join(10)

    assert "version" in near
    assert "error" in far
    (head,) = asked
    assert head.startswith(b"CONNECT 93.184.215.14:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic YW5hOnNlY3JldA==" in head
