"""git over HTTP: the same repositories, hook, lock and rights as over SSH."""

import os
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from paas.git.listen import MOST_OF_ONE
from paas.running import running
from tests.eventually import eventually
from tests.integration.installation import Installation
from tests.integration.user import Said, User

BAD, GOOD = "exit 1", "python3 -m http.server $PORT"
MB = 1 << 20


def slow(command: str) -> dict[str, str]:
    """An app whose build takes a while: nobody has built it before."""
    return {"Dockerfile": f"FROM paas/stack:run\nRUN sleep 6 # {uuid4()}\nCMD {command}\n"}


def goes_by_http(user: User, app: str) -> None:
    said = user.types(f"paas git:remote -a {app} --http", within=user.folder(app))
    assert said.code == 0, said.text


def token_of(user: User) -> str:
    kept = (user.home / ".config" / "paas").read_text()
    return kept.split('token = "')[1].split('"')[0]


@contextmanager
def asking(installation: Installation, user: User | None) -> Iterator[httpx.Client]:
    auth = None if user is None else ("x", token_of(user))
    url = f"http://127.0.0.1:{installation.settings.api_port}"
    with httpx.Client(base_url=url, auth=auth, timeout=30, trust_env=False) as client:
        yield client


def ls_remote(installation: Installation, user: User, app: str, token: str) -> Said:
    at = f"http://x:{token}@127.0.0.1:{installation.settings.api_port}/{app}.git"
    return user.types(f"git ls-remote {at}")


def test_a_push_is_deployed_and_can_be_had_back(user: User, tmp_path: Path) -> None:
    user.creates("shop")
    goes_by_http(user, "shop")

    push = user.pushes("static-web", to="shop")

    assert push.accepted, push.output
    assert f"-----> Received {push.commit[:7]}" in push.output
    assert "deployed (v1)" in push.output
    assert user.visits("shop").status_code == 200
    assert user.types("paas releases -a shop").out.startswith(
        f"v1  Deploy {push.commit[:7]}  {user.name}"
    )
    url = user.types("git remote get-url paas", within=user.folder("shop")).out.strip()
    helper = "credential.helper=!paas git:credentials"
    cloned = user.types(f"git -c '{helper}' clone --quiet {url} {tmp_path / 'back'}")
    assert cloned.code == 0, cloned.text
    assert (tmp_path / "back" / "style.css").read_bytes() == (
        user.folder("shop") / "style.css"
    ).read_bytes()
    user.pushes(None, to="shop", files={"new.txt": "new"}, refspec="main:topic")
    fetched = user.types(f"git -c '{helper}' fetch origin topic", within=tmp_path / "back")
    assert fetched.code == 0 and "topic" in fetched.err, fetched.text


def test_lines_come_while_the_push_goes_on(user: User) -> None:
    user.creates("shop")
    goes_by_http(user, "shop")
    user.commits(None, to="shop", files=slow(BAD))

    push = user.begins("git push paas main", within=user.folder("shop"))

    reads_until(push, "Received")
    assert push.poll() is None
    assert "remote rejected" in push.communicate(timeout=60)[0]


def test_a_failed_build_rejects_the_push(user: User) -> None:
    user.creates("shop")
    goes_by_http(user, "shop")

    push = user.pushes("broken-buildpack", to="shop")

    assert push.rejected
    assert " ! [remote rejected] main -> main (pre-receive hook declined)" in push.output
    assert user.types("git ls-remote paas", within=user.folder("shop")).out == ""


def test_a_token_that_is_not_known_and_an_app_that_is_not_there(
    installation: Installation, user: User, admin: User
) -> None:
    user.creates("shop")
    admin.creates("secret")

    wrong = ls_remote(installation, user, "shop", "0" * 64)
    foreign = ls_remote(installation, user, "secret", token_of(user))
    absent = ls_remote(installation, user, "nothing", token_of(user))
    admin.leaves()

    assert "remote: Give a token that is known here. Type: paas login" in wrong.err
    assert "remote: There is no app 'secret'. Type: paas create secret" in foreign.err
    assert foreign.err.replace("secret", "X") == absent.err.replace("nothing", "X")
    with asking(installation, None) as client:
        answer = client.get("/shop.git/info/refs?service=git-receive-pack")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="paas"')


PACK = "git-receive-pack"
HOSTILE: list[tuple[str, str, bytes, dict[str, str]]] = [
    ("GET", "/shop.git/info/refs", b"", {}),
    ("GET", "/shop.git/info/refs?service=git-upload-archive", b"", {}),
    ("GET", "/shop.git/info/refs?service=git-receive-pack;id", b"", {}),
    ("GET", "/shop.git/HEAD", b"", {}),
    ("GET", "/shop.git/objects/info/packs", b"", {}),
    ("GET", "/shop.git/..%2f..%2fkeys/info/refs?service=git-upload-pack", b"", {}),
    ("GET", "/..%2fshop.git/info/refs?service=git-upload-pack", b"", {}),
    ("POST", "/shop.git/git-upload-archive", b"0000", {}),
    ("POST", f"/shop.git/{PACK}", b"0000", {"Content-Type": "text/plain"}),
    ("POST", f"/shop.git/{PACK}", b"garbage", {}),
    ("POST", f"/shop.git/{PACK}", b"0004", {}),
    ("POST", f"/shop.git/{PACK}", b"fff0" + b"x" * 10, {}),
    ("POST", f"/shop.git/{PACK}", b"\x00" * 2000, {}),
    ("POST", f"/shop.git/{PACK}", b"", {}),
    ("POST", f"/shop.git/{PACK}", b"garbage", {"Content-Encoding": "gzip"}),
    ("POST", f"/shop.git/{PACK}", b"0000", {"Content-Encoding": "br"}),
    ("POST", "/shop.git/git-upload-pack", b"garbage", {}),
]


def test_what_is_not_gits_is_refused_in_one_line(installation: Installation, user: User) -> None:
    user.creates("shop")
    with asking(installation, user) as client:
        for method, target, body, headers in HOSTILE:
            kind = {"Content-Type": f"application/x-{target.rpartition('/')[2]}-request"}

            answer = client.request(method, target, content=body, headers={**kind, **headers})

            assert answer.status_code in (404, 422), (target, body[:10], answer.text)
            assert answer.text.count("\n") <= 1 and len(answer.text) < 300, answer.text


def test_who_has_too_many_requests_under_way_is_told_so_and_nobody_else(
    installation: Installation, user: User, admin: User
) -> None:
    user.creates("shop")
    credentials = b64encode(f"x:{token_of(user)}".encode()).decode()
    head = (
        "POST /shop.git/git-upload-pack HTTP/1.1", "Host: localhost", "Content-Length: 100",
        f"Authorization: Basic {credentials}", "Content-Type: application/x-git-upload-pack-request",
    )  # fmt: skip
    look = "/shop.git/info/refs?service=git-upload-pack"
    with ExitStack() as opened, asking(installation, user) as client:
        silent: list[socket.socket] = []

        def is_full() -> bool:
            """With one more that is silent each time: who asks here may have taken the place of one."""
            where = ("127.0.0.1", installation.settings.api_port)
            silent.append(opened.enter_context(socket.create_connection(where)))
            silent[-1].sendall("\r\n".join([*head, "", ""]).encode())
            return client.get(look).status_code == 503

        eventually(is_full)
        assert len(silent) >= MOST_OF_ONE
        told = client.get(look).text
        with asking(installation, admin) as other:
            answer = other.get(look)

        assert f"{MOST_OF_ONE} pushes and fetches of {user.name}'s are under way" in told
        assert answer.status_code == 200
        opened.close()
        eventually(lambda: client.get(look).status_code == 200)
    admin.leaves()


def test_large_packs_pass_and_the_api_holds_nothing_of_them(
    installation: Installation, user: User
) -> None:
    user.creates("shop")
    goes_by_http(user, "shop")
    user.commits("static-web", to="shop")
    (user.folder("shop") / "large").write_bytes(os.urandom(50 * MB))
    before = peak_memory_mb(installation)

    push = user.pushes(None, to="shop", refspec="main:topic")

    assert push.accepted, push.output
    assert peak_memory_mb(installation) - before < 30


def peak_memory_mb(installation: Installation) -> int:
    web = next(each for each in running(installation.settings) if each.name == "web")
    lines = Path(f"/proc/{web.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def test_many_tags_pass_and_too_many_are_refused_in_one_line(user: User) -> None:
    user.creates("shop")
    goes_by_http(user, "shop")
    user.commits("static-web", to="shop")
    for name, count in (("a", 500), ("b", 3000)):
        lines = "".join(f"create refs/tags/{name}{number} HEAD\n" for number in range(count))
        user.types("git update-ref --stdin", within=user.folder("shop"), stdin=lines)
        said = user.types("git push paas --tags", within=user.folder("shop"))
        if name == "a":
            assert said.code == 0, said.text
    assert said.code != 0
    assert "too many branches and tags for one push. Push them in parts." in said.err


def test_the_second_of_two_pushes_waits_whichever_way_each_takes(user: User) -> None:
    user.creates("shop")
    user.commits(None, to="shop", files=slow(BAD))
    first = user.begins("git push paas main", within=user.folder("shop"))
    eventually(lambda: user.types("paas builds -a shop").out != "", within=20)
    goes_by_http(user, "shop")

    second = user.begins("git push paas main", within=user.folder("shop"))

    one, two = first.communicate(timeout=90)[0], second.communicate(timeout=90)[0]
    assert "remote rejected" in one
    assert f"{user.name} is pushing" in two and "Waiting for it; Ctrl-C leaves." in two, two
    assert "remote rejected" in two
    assert user.types("paas builds -a shop").out.count("\n") == 1  # what failed is not built again


def test_who_waited_for_the_same_commit_has_nothing_to_do(user: User) -> None:
    user.creates("shop")
    goes_by_http(user, "shop")
    user.commits("static-web", to="shop")
    first = user.begins("git push paas main", within=user.folder("shop"))
    eventually(lambda: user.types("paas builds -a shop").out != "", within=20)

    second = user.begins("git push paas main", within=user.folder("shop"))

    one, two = first.communicate(timeout=90)[0], second.communicate(timeout=90)[0]
    assert (first.returncode, second.returncode) == (0, 0), one + two
    assert "[new branch]" in two
    assert user.types("paas releases -a shop").out.count("\n") == 1


def test_who_pushes_something_else_meanwhile_is_told_to_look(user: User, tmp_path: Path) -> None:
    user.creates("shop")
    goes_by_http(user, "shop")
    user.commits("static-web", to="shop")
    first = user.begins("git push paas main", within=user.folder("shop"))
    eventually(lambda: user.types("paas builds -a shop").out != "", within=20)
    user.commits(None, to="shop", files={"more.txt": "more"})

    second = user.begins("git push paas main", within=user.folder("shop"))

    assert first.communicate(timeout=90) and first.returncode == 0
    two = second.communicate(timeout=90)[0]
    assert second.returncode != 0
    assert "somebody else has pushed meanwhile: type git fetch, then push again" in two
    assert user.types("paas releases -a shop").out.count("\n") == 1


def test_ctrl_c_leaves_the_push_running(user: User) -> None:
    user.creates("shop")
    goes_by_http(user, "shop")
    commit = user.commits(None, to="shop", files=slow(GOOD))
    push = user.begins("git push paas main", within=user.folder("shop"))
    eventually(lambda: user.types("paas builds -a shop").out != "", within=20)
    time.sleep(1)

    user.interrupts(push)

    eventually(lambda: commit[:7] in user.types("paas releases -a shop").out, within=60)
    eventually(
        lambda: commit in user.types("git ls-remote paas", within=user.folder("shop")).out,
        within=60,
    )


def test_who_waits_gives_way_to_who_comes_later_and_may_leave(user: User) -> None:
    user.creates("shop")
    user.commits(None, to="shop", files=slow(BAD))
    first = user.begins("git push paas main", within=user.folder("shop"))
    eventually(lambda: user.types("paas builds -a shop").out != "", within=20)
    goes_by_http(user, "shop")
    user.commits(None, to="shop", files={"more.txt": "more"})
    second = user.begins("git push paas main", within=user.folder("shop"))
    reads_until(second, "Ctrl-C leaves")
    third = user.begins("git push paas main", within=user.folder("shop"))
    reads_until(third, "Ctrl-C leaves")

    user.interrupts(third)

    assert f"{user.name} is now the next in line" in second.communicate(timeout=30)[0]
    assert second.returncode != 0
    assert "remote rejected" in first.communicate(timeout=90)[0]
    time.sleep(2)
    assert user.types("paas builds -a shop").out.count("\n") == 1


@pytest.mark.parametrize("program", ["door", "web"])
def test_a_push_goes_on_though_a_program_is_killed(fresh: Installation, program: str) -> None:
    """Without the API its client sees an error: the connection was to that."""
    user = fresh.welcomes("ana")
    user.creates("shop")
    goes_by_http(user, "shop")
    commit = user.commits(None, to="shop", files=slow(GOOD))
    push = user.begins("git push paas main", within=user.folder("shop"))
    reads_until(push, "sleep 6")

    fresh.kill(program)

    said = push.communicate(timeout=60)[0]
    assert (push.returncode == 0, "deployed (v1)" in said) == (program == "door",) * 2, said
    eventually(
        lambda: (
            f"{commit}\trefs/heads/main"
            in user.types("git ls-remote paas", within=user.folder("shop")).out
        ),
        within=60,
    )
    assert user.visits("shop").status_code == 200


def reads_until(push: "subprocess.Popen[str]", words: str) -> None:
    assert push.stdout is not None
    seen = []
    for line in push.stdout:
        seen.append(line)
        if words in line:
            return
    raise AssertionError("".join(seen))
