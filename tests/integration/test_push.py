import re
import time

from tests.eventually import eventually
from tests.integration.user import User


def test_a_push_as_a_transcript(user: User) -> None:
    user.creates("shop")

    push = user.pushes("python-web", to="shop")

    assert push.accepted, push.output
    lines = [
        rf"-----> Received {push.commit[:7]}: 3 files, 0.0 MB",
        r"       Ctrl-C leaves it running; to stop it: paas builds:cancel -a shop",
        r"-----> Using the python buildpack",
        r"-----> Python app detected \(requirements.txt\)",
        r"-----> Build succeeded in [0-9.]+ s, image [0-9]+ MB",
        r"-----> Releasing v1",
        r"       web\.1 accepted a connection on 10\.[0-9.]+:5000 and answered HEAD / with 200 after [0-9.]+ s",
        rf"-----> http://shop\.localhost:{user.http_port}/ deployed \(v1\)",
        r" \* \[new branch\]      main -> main",
    ]
    assert re.search("\n(.*\n)*".join(lines), push.output), push.output
    assert user.visits("shop").json()["release"] == "v1"
    assert user.types("paas releases -a shop").out.startswith(f"v1  Deploy {push.commit[:7]}  ana")


def test_a_dockerfile_is_built_as_it_says(user: User) -> None:
    user.creates("shop")

    push = user.pushes("dockerfile-web", to="shop")

    assert push.accepted, push.output
    assert user.visits("shop").json()["port"] == "8080"


def test_an_app_of_another_language(user: User) -> None:
    user.creates("shop")

    push = user.pushes("node-web", to="shop")

    assert push.accepted, push.output
    assert user.visits("shop").json()["environment"] == "production"


def test_plain_files_are_served(user: User) -> None:
    user.creates("shop")

    push = user.pushes("static-web", to="shop")

    assert push.accepted, push.output
    assert user.visits("shop", "/style.css").headers["content-type"].startswith("text/css")


def test_an_app_without_a_web_process_is_deployed_and_answers_503(user: User) -> None:
    user.creates("shop")
    push = user.pushes("worker-only", to="shop")
    assert push.accepted, push.output

    answer = user.visits("shop")

    assert (answer.status_code, "H14" in answer.text) == (503, True)
    user.types("paas scale worker=1 -a shop")
    eventually(lambda: "tick 1" in user.types("paas logs -a shop").out)


def test_a_failed_build_rejects_the_push_and_leaves_the_old_release_up(user: User) -> None:
    user.deployed("python-web", "shop")

    push = user.pushes("broken-buildpack", to="shop")

    assert push.rejected
    assert "-----> Build failed" in push.output
    assert " ! [remote rejected] main -> main (pre-receive hook declined)" in push.output
    assert user.types("paas releases -a shop").out.count("\n") == 1
    assert user.visits("shop").json()["release"] == "v1"
    assert push.commit not in user.types("git ls-remote paas", within=user.folder("shop")).out


def test_a_failed_start_rejects_the_push_and_leaves_the_old_release_up(user: User) -> None:
    user.deployed("python-web", "shop")

    push = user.pushes("crash-on-boot", to="shop")

    assert push.rejected
    assert "exited with status 1" in push.output
    assert "there is no DATABASE_URL, and no start without one" in push.output
    assert user.visits("shop").json()["release"] == "v1"
    assert push.commit not in user.types("git ls-remote paas", within=user.folder("shop")).out
    eventually(lambda: user.types("paas ps -a shop").out.count("web.1") == 1)


def test_a_tree_that_nothing_builds_is_told_so(user: User) -> None:
    user.creates("shop")

    nothing = user.pushes("no-buildpack-matches", to="shop")
    bad = user.pushes("bad-procfile", to="shop")

    assert nothing.rejected and "there is no Dockerfile" in nothing.output
    assert bad.rejected and "Procfile" in bad.output and "line 1" in bad.output


def test_a_push_to_an_app_that_does_not_exist_says_how_to_create_it(user: User) -> None:
    user.creates("shop")
    user.commits("python-web", to="shop")
    url = user.types("git remote get-url paas", within=user.folder("shop")).out.strip()
    user.types(f"git remote set-url paas {url.replace('shop', 'shoe')}", within=user.folder("shop"))

    push = user.pushes_again("shop")

    assert push.rejected
    assert "paas create shoe" in push.output


def test_another_branch_is_stored_and_not_deployed(user: User) -> None:
    user.deployed("python-web", "shop")

    push = user.pushes(None, to="shop", files={"new.txt": "new"}, refspec="main:topic")

    assert push.accepted
    assert "topic is stored, not deployed. To deploy it: git push paas topic:main" in push.output
    assert user.types("paas releases -a shop").out.count("\n") == 1


def test_master_deploys_too_but_not_with_main(user: User) -> None:
    user.deployed("python-web", "shop")
    user.commits(None, to="shop", files={"new.txt": "new"})

    both = user.pushes_again("shop", refspec="main main:master")
    master = user.pushes_again("shop", refspec="main:master")

    assert both.rejected and "main and master in one push" in both.output
    assert master.accepted and "deployed (v2)" in master.output


def test_the_branch_an_app_is_deployed_from_cannot_be_deleted(user: User) -> None:
    user.deployed("python-web", "shop")

    push = user.pushes_again("shop", refspec=":main")

    assert push.rejected and "cannot be deleted" in push.output


def test_the_same_commit_is_not_built_twice(user: User) -> None:
    user.deployed("python-web", "shop")

    same = user.pushes_again("shop")
    renamed = user.pushes_again("shop", refspec="main:master")

    assert same.accepted and "Everything up-to-date" in same.output
    assert renamed.accepted and "is live already: nothing to build" in renamed.output
    assert user.types("paas releases -a shop").out.count("\n") == 1


def test_two_pushes_at_once_go_one_after_the_other(user: User) -> None:
    user.deployed("python-web", "shop")
    folder = user.folder("shop")
    slow = "import time\ntime.sleep(3)\nfrom app import app\n"
    files = {"slow.py": slow, "Procfile": "web: gunicorn slow:app\n"}
    first_commit = user.commits(None, to="shop", files=files)
    first = user.begins("git push paas main", within=folder)
    assert first.stdout
    eventually(lambda: "-----> Received" in (first.stdout.readline() if first.stdout else ""))

    second = user.pushes(None, to="shop", files={"new.txt": "new"})

    with first:
        output = first.stdout.read()
    assert first.returncode == 0, output
    assert second.accepted, second.output
    assert "ana" in second.output and first_commit[:7] in second.output
    assert user.visits("shop").json()["release"] == "v3"
    heads = user.types("git ls-remote paas refs/heads/main", within=folder).out
    assert heads.startswith(second.commit)


def test_ctrl_c_leaves_the_push_running_and_the_same_push_attaches(user: User) -> None:
    user.creates("shop")
    commit = user.commits("slow-boot", to="shop")
    pushing = user.begins("git push paas main", within=user.folder("shop"))
    assert pushing.stdout
    while "Releasing v1" not in pushing.stdout.readline():
        assert pushing.poll() is None

    user.interrupts(pushing)
    again = user.pushes_again("shop", commit=commit)

    assert again.accepted, again.output
    assert "-----> Received" not in again.output
    assert "deployed (v1)" in again.output
    assert user.types("paas releases -a shop").out.count("\n") == 1
    assert user.visits("shop").status_code == 200


def test_a_build_can_be_cancelled(user: User) -> None:
    user.creates("shop")
    files = {"Dockerfile": "FROM paas/stack:run\nRUN sleep 60\n"}
    user.commits("dockerfile-web", to="shop", files=files)
    pushing = user.begins("git push paas main", within=user.folder("shop"))
    eventually(lambda: "pending" in user.types("paas builds -a shop").out, within=10)
    time.sleep(1)

    said = user.types("paas builds:cancel -a shop")

    begin = time.monotonic()
    output, _ = pushing.communicate(timeout=20)
    assert said.code == 0, said.text
    assert pushing.returncode != 0
    assert "cancelled" in output
    assert time.monotonic() - begin < 15
