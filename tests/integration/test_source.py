"""Every way for source to come in, on a real platform."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apps.workshop import docker
from tests.eventually import eventually
from tests.integration.user import User

DOCKERFILE = """FROM paas/stack:run
COPY . /site
WORKDIR /site
EXPOSE 8000
CMD ["python3", "-m", "http.server", "8000"]
"""


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    name = f"paas-test-{secrets.token_hex(4)}:v1"
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "which").write_text("image")
    docker("build", "--quiet", "--tag", name, str(tmp_path))
    yield name
    docker("image", "rm", "--force", name)


def test_a_folder_a_commit_and_a_build_are_deployed(user: User) -> None:
    user.creates("shop")
    first = user.commits(
        "dockerfile-web", to="shop", files={"Dockerfile": DOCKERFILE, "which": "1"}
    )
    folder = user.folder("shop")
    (folder / "which").write_text("on the disk")
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "no.log").write_text("x")

    disk = user.types("paas deploy", within=folder)
    assert disk.code == 0, disk.text
    assert disk.out.endswith("deployed (v1)\n")
    assert user.visits("shop", "/which").text == "on the disk"
    assert user.visits("shop", "/no.log").status_code == 404

    user.types("git stash --include-untracked", within=folder)
    assert user.pushes_again("shop").accepted
    assert user.pushes(None, to="shop", files={"which": "2"}).accepted
    old = user.types(f"paas deploy --ref {first[:8]} -a shop")
    assert old.out.endswith("deployed (v4)\n"), old.text
    assert user.visits("shop", "/which").text == "1"

    builds = user.types("paas builds -a shop").out.splitlines()
    again = user.types(f"paas builds:retry {builds[-1].split()[0]} -a shop")
    assert again.out.endswith("deployed (v5)\n"), again.text
    assert user.visits("shop", "/which").text == "on the disk"


def test_push_options_say_how_far_a_push_goes(user: User) -> None:
    user.deployed("dockerfile-web", "shop", Dockerfile=DOCKERFILE, which="1")
    folder = user.folder("shop")
    before = user.types("git ls-remote paas main", within=folder).out

    commit = user.commits(None, to="shop", files={"which": "2"})
    dry = user.types("git push -o dry-run paas main", within=folder)
    assert dry.code == 0, dry.text
    assert "It can be built, and would be v2 with web" in dry.text
    assert user.types("git ls-remote paas main", within=folder).out == before

    user.types("paas git:remote -a shop --http", within=folder)
    kept = user.types("git push -o no-release paas main", within=folder)
    assert kept.code == 0, kept.text
    assert f"To release it: paas deploy --ref {commit[:7]} -a shop" in kept.text
    assert user.types("git ls-remote paas main", within=folder).out.startswith(commit)
    assert user.visits("shop", "/which").text == "1"

    released = user.types(f"paas deploy --ref {commit[:7]} -a shop")
    assert (released.code, "built before" in released.err) == (0, True), released.text
    assert user.visits("shop", "/which").text == "2"
    assert user.types("paas builds -a shop").out.count("\n") == 3


def test_an_image_is_deployed_by_an_admin_and_rolled_back_to(
    user: User, admin: User, image: str
) -> None:
    user.deployed("dockerfile-web", "shop", Dockerfile=DOCKERFILE, which="built")

    refused = user.types(f"paas deploy --image {image} -a shop")
    deployed = admin.types(f"paas deploy --image {image} -a shop")
    shown = user.visits("shop", "/which").text
    user.types("paas rollback -a shop")
    back = user.visits("shop", "/which").text
    forward = user.types("paas rollback v2 -a shop")

    assert "Only an admin may do this" in refused.error
    assert deployed.out.endswith("deployed (v2)\n"), deployed.text
    assert (shown, back, forward.code) == ("image", "built", 0)
    assert user.visits("shop", "/which").text == "image"
    assert f"v2  Deploy {image}" in user.types("paas releases -a shop").out


def test_ctrl_c_leaves_a_deploy_running(user: User) -> None:
    user.creates("shop")
    slow = f"FROM paas/stack:run\nRUN sleep 5 # {secrets.token_hex(4)}\n"
    files = {"Dockerfile": DOCKERFILE.replace("FROM paas/stack:run\n", slow), "which": "1"}
    user.commits("dockerfile-web", to="shop", files=files)
    deploying = user.begins("paas deploy", within=user.folder("shop"))
    eventually(lambda: "pending" in user.types("paas builds -a shop").out)

    said = user.interrupts(deploying)

    assert deploying.returncode == 130
    assert "Not waiting any longer; the build goes on" in said
    followed = user.types("paas builds:output -a shop")
    assert followed.out.endswith("deployed (v1)\n"), followed.text
