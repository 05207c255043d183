"""Deploying a folder: which of its files are sent, and what is said of it."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from paas.cli.files import all_files, files_by_git
from tests.unit.cli.api import Api, Reply, refusal
from tests.unit.cli.conftest import User

BUILD = {"id": "bbbb1111-0000", "status": "pending", "outcome": "pending", "serving": True}
OUTPUT = "GET /apps/shop/builds/bbbb1111-0000/output?offset=0"


def wrote(folder: Path, **files: str) -> None:
    """`a__b` stands for a/b."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def builds(api: Api) -> None:
    """A platform that takes a source and builds it well."""
    url = "http://elsewhere/sources/s1"
    blob = {"get_url": url, "put_url": f"{url}?pass=p"}
    api.returns("POST /sources", {"source_blob": blob})
    api.returns("PUT /sources/s1?pass=p", {})
    api.returns("POST /apps/shop/builds", BUILD)
    api.says(
        OUTPUT, Reply(stream=[b"-----> Building\n", b"-----> http://shop.test deployed (v1)\n"])
    )
    became = BUILD | {"status": "succeeded", "outcome": "live"}
    api.returns("GET /apps/shop/builds/bbbb1111-0000", became)


def sent(api: Api) -> dict[str, tarfile.TarInfo]:
    (body,) = (asked.body for asked in api.asked if asked.line.startswith("PUT"))
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:") as tar:
        return {member.name: member for member in tar}


@pytest.mark.usefixtures("builds")
def test_a_folder_without_git_is_sent_built_and_followed_to_its_end(api: Api, user: User) -> None:
    wrote(user.folder, **{"app.py": "print(1)", "lib__a.py": "a", ".gitignore": "*.log\nkept\n"})
    wrote(
        user.folder,
        **{"x.log": "no", "kept__y": "no", "lib__.gitignore": "!x.log", "lib__x.log": "1"},
    )
    (user.folder / "app.py").chmod(0o755)
    (user.folder / "link").symlink_to("lib/a.py")
    os.link(user.folder / "app.py", user.folder / "same.py")

    typed = user.types("paas deploy -a shop")

    members = sent(api)
    assert set(members) == {
        ".gitignore", "app.py", "lib/.gitignore", "lib/a.py", "lib/x.log", "link", "same.py",
    }  # fmt: skip
    assert (members["app.py"].mode, members["lib/a.py"].mode) == (0o755, 0o644)
    assert members["same.py"].isreg() and members["same.py"].size == 8
    assert members["link"].linkname == "lib/a.py"
    asked = next(each.body for each in api.asked if each.line == "POST /apps/shop/builds")
    assert asked == {"source_blob": {"url": "http://elsewhere/sources/s1"}}
    assert typed.out == "-----> Building\n-----> http://shop.test deployed (v1)\n"
    assert (typed.code, typed.err.count("\n")) == (0, 1)


@pytest.mark.usefixtures("builds")
def test_a_work_tree_is_sent_as_it_is_on_the_disk(api: Api, user: User) -> None:
    user.git("init", "--quiet")
    wrote(
        user.folder,
        **{"gone.py": "x", "changed.py": "old", "forced.log": "x", ".gitignore": "*.log"},
    )
    user.git("add", "--force", ".")
    user.git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "x")
    (user.folder / "gone.py").unlink()
    wrote(user.folder, **{"changed.py": "newer", "new.py": "x", "new.log": "x"})

    user.types("paas deploy -a shop")

    members = sent(api)
    assert set(members) == {".gitignore", "changed.py", "forced.log", "new.py"}
    assert members["changed.py"].size == 5


@pytest.mark.usefixtures("builds")
def test_a_folder_is_no_commit_also_where_git_sees_no_difference(api: Api, user: User) -> None:
    user.git("init", "--quiet")
    wrote(user.folder, **{"app.py": "x", "absent.py": "x"})
    user.git("add", ".")
    user.git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "x")
    user.git("update-index", "--skip-worktree", "absent.py")
    (user.folder / "absent.py").unlink()

    user.types("paas deploy -a shop")

    assert user.git("status", "--porcelain") == ""
    assert set(sent(api)) == {"app.py"}
    (build,) = (each.body for each in api.asked if each.line == "POST /apps/shop/builds")
    assert build == {"source_blob": {"url": "http://elsewhere/sources/s1"}}


def test_what_took_the_place_of_a_tracked_file_is_sent_once(user: User) -> None:
    user.git("init", "--quiet")
    wrote(
        user.folder,
        app="x",
        emptied="x",
        lib__a="x",
        linked__a="x",
        other__a="x",
    )
    user.git("add", ".")
    for name in ("app", "emptied"):
        (user.folder / name).unlink()
    for name in ("lib", "linked"):
        (user.folder / name / "a").unlink()
        (user.folder / name).rmdir()
    wrote(user.folder, app__a="x", lib="x")
    (user.folder / "emptied").mkdir()
    (user.folder / "linked").symlink_to("other")

    assert list(files_by_git(user.folder)) == ["app/a", "lib", "linked", "other/a"]


def test_a_submodule_that_is_no_repository_any_more_is_sent_as_a_folder(user: User) -> None:
    user.git("init", "--quiet")
    user.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    wrote(user.folder, **{"sub__a": "x", "sub__b.log": "x", "sub__.gitignore": "*.log"})

    assert list(files_by_git(user.folder)) == ["sub/.gitignore", "sub/a"]
    assert list(files_by_git(user.folder / "sub")) == [".gitignore", "a"]


def test_a_repository_within_is_sent_with_its_own_rules_and_one_that_is_not_there_refused(
    user: User,
) -> None:
    wrote(
        user.folder,
        **{"app.py": "x", "sub__b.py": "x", "sub__c.log": "x", "sub__.gitignore": "*.log"},
    )
    user.git("init", "--quiet")
    user.git("init", "--quiet", "sub")
    user.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},absent")
    (user.folder / "absent").mkdir()

    typed = user.types("paas deploy -a shop")
    (user.folder / "absent").rmdir()

    assert set(files_by_git(user.folder)) == {"app.py", "sub/.gitignore", "sub/b.py"}
    assert typed.code == 2
    assert "absent is a submodule whose files are not here" in typed.err


def test_without_git_all_is_sent_but_repositories(tmp_path: Path) -> None:
    wrote(tmp_path, **{"app.py": "x", ".git__HEAD": "x", "sub__.git": "gitdir: x", "sub__a": "x"})
    (tmp_path / "link").symlink_to("sub")

    assert set(all_files(tmp_path)) == {"app.py", "sub/a", "link"}


def test_names_of_any_bytes_are_sent(api: Api, user: User, builds: None) -> None:
    names = [b"caf\xc3\xa9", b"latin-\xe9", b"new\nline", b"-dash", b"a b", b"x" * 200]
    for name in names:
        Path(os.fsdecode(bytes(user.folder) + b"/" + name)).write_text("x")

    assert user.types("paas deploy -a shop").code == 0

    assert {os.fsencode(name) for name in sent(api)} == set(names)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "There is no file to send in"),
        ({".gitignore": "*"}, "There is no file to send in"),
        ({"big.bin": f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"},
         "big.bin is only a pointer of Git LFS. Type: git lfs pull"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("builds")
def test_what_cannot_be_built_is_not_sent(
    api: Api, user: User, files: dict[str, str], said: str
) -> None:
    wrote(user.folder, **files)

    typed = user.types("paas deploy -a shop")

    assert (typed.code, typed.out) == (2, "")
    assert said in typed.err
    assert "POST /apps/shop/builds" not in api.lines


def test_a_folder_that_is_not_there_is_said_so(api: Api, user: User) -> None:
    typed = user.types("paas deploy ./nowhere -a shop")

    assert (typed.code, api.lines) == (2, [])
    assert typed.err.endswith("nowhere is no folder. Type: paas deploy --help\n")


@pytest.mark.usefixtures("builds")
def test_a_release_that_does_not_go_live_is_told_by_the_exit_code(api: Api, user: User) -> None:
    wrote(user.folder, **{"app.py": "x"})
    build = "GET /apps/shop/builds/bbbb1111-0000"

    api.returns(build, BUILD | {"status": "failed", "outcome": "failed"})
    failed = user.types("paas deploy -a shop")
    api.returns(build, BUILD | {"status": "failed", "outcome": "cancelled", "serving": False})
    cancelled = user.types("paas deploy -a shop")

    assert (failed.code, cancelled.code) == (1, 1)
    assert failed.err.endswith(
        "paas: Not deployed: see above. What shop ran before, it runs still.\n"
    )
    assert cancelled.err.endswith(
        "paas: Not deployed: the build was cancelled. Nothing of shop runs.\n"
    )


@pytest.mark.usefixtures("builds")
def test_what_the_platform_says_to_the_upload_is_what_is_said(api: Api, user: User) -> None:
    wrote(user.folder, **{"app.py": "x"})
    api.says("PUT /sources/s1?pass=p", refusal(422, "invalid_params", "It is larger than 1 MB."))

    typed = user.types("paas deploy -a shop")

    assert (typed.code, typed.err.splitlines()[-1]) == (1, "paas: It is larger than 1 MB.")


@pytest.mark.usefixtures("builds")
def test_a_commit_that_was_pushed_is_deployed(api: Api, user: User) -> None:
    api.returns("GET /apps/shop/builds", [])

    typed = user.types("paas deploy --ref 3f2a91c -a shop")

    assert typed.out.endswith("deployed (v1)\n")
    asked = next(each.body for each in api.asked if each.line == "POST /apps/shop/builds")
    assert asked == {"commit": "3f2a91c"}


@pytest.mark.usefixtures("builds")
def test_a_commit_that_was_built_to_be_released_later_is_not_built_again(
    api: Api, user: User
) -> None:
    source = {"url": "/sources/s1", "version": "3f2a91c" + "0" * 33}
    kept = BUILD | {"outcome": "built", "slug": {"id": "s"}, "source_blob": source}
    kept |= {"created_at": "2026-09-01T12:00:00Z"}
    api.returns("GET /apps/shop/builds", [kept, kept | {"slug": None}])
    api.returns("POST /apps/shop/releases", {"version": 7}, status=201, version=4)
    api.becomes_live("shop", 4)

    typed = user.types("paas deploy --ref 3f2a91c -a shop")

    assert typed.err.splitlines() == ["Releasing shop v7, built before", "Live: shop v7"]
    assert "POST /apps/shop/builds" not in api.lines
    asked = next(each.body for each in api.asked if each.line == "POST /apps/shop/releases")
    assert asked == {"slug": "s"}


@pytest.mark.usefixtures("builds")
def test_what_the_platform_is_to_fetch_is_named(api: Api, user: User) -> None:
    user.types("paas deploy --url https://example.com/a.tgz -a shop")
    user.types("paas deploy --image nginx:1.27 -a shop")

    asked = [each.body for each in api.asked if each.line.startswith("POST")]
    assert asked == [
        {"source_blob": {"url": "https://example.com/a.tgz"}}, {"image": "nginx:1.27"}
    ]  # fmt: skip


@pytest.mark.usefixtures("builds")
def test_only_one_thing_is_deployed(api: Api, user: User) -> None:
    typed = user.types("paas deploy . --ref 3f2a91c -a shop")

    assert (typed.code, api.lines) == (2, [])


@pytest.mark.usefixtures("builds")
def test_a_build_is_repeated_from_its_source(api: Api, user: User) -> None:
    source = {"url": "/sources/s1", "version": "3f2a91c"}
    old = BUILD | {"created_at": "2026-09-01T12:00:00Z", "source_blob": source}
    newer = old | {"id": "bbbb2222-0000", "created_at": "2026-09-01T12:05:00Z"}
    api.returns("GET /apps/shop/builds", [old, newer | {"source_blob": {"url": "/sources/s2"}}])

    user.types("paas builds:retry -a shop")
    user.types("paas builds:retry bbbb1 -a shop")

    asked = [each.body["source_blob"] for each in api.asked if each.line.startswith("POST")]
    assert asked == [{"url": "/sources/s2", "version": None}, source]
