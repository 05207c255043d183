import io
import tarfile
from pathlib import Path

import pytest

from paas.builds.order import BuildFailed
from paas.builds.sources import unpack
from paas.builds.subfolder import narrow
from tests.integration.builds.building_site import tar_of

Kinds = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "folder": tarfile.DIRTYPE}


def written(folder: Path, content: bytes) -> Path:
    path = folder / "source.tar"
    path.write_bytes(content)
    return path


def with_members(*members: tuple[str, str, str]) -> bytes:
    """Name, kind and target; a file's target is its content."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type = Kinds.get(kind, tarfile.REGTYPE)
            member.linkname = target if kind in Kinds else ""
            member.size = 0 if kind in Kinds else len(target)
            member.mode = 0o755
            tar.addfile(member, io.BytesIO(target.encode()))
    return content.getvalue()


def test_a_folder_becomes_the_whole_tree(tmp_path: Path) -> None:
    long = f"{'long/' * 40}name"
    source = written(
        tmp_path,
        with_members(
            ("Procfile", "file", "web: root"),
            ("a/b", "folder", ""),
            ("./a/b/Procfile", "file", "web: b"),
            ("a/b/empty", "file", ""),
            (f"a/b/{long}", "file", "x" * 5000),
            ("a/b/same", "hard", "a/b/Procfile"),
            ("a/b/to", "link", "Procfile"),
            ("a/bc", "file", "not of it"),
        ),
    )

    narrowed, tree = narrow(source, "a/b", tmp_path, 1)

    (tmp_path / "out").mkdir()
    unpack(narrowed, tmp_path / "out")
    files = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*")}
    assert {"Procfile", "empty", long, "same", "to"} <= files
    assert not any("bc" in name for name in files)
    assert (tmp_path / "out/same").read_text() == (tmp_path / "out/to").read_text() == "web: b"
    assert (tmp_path / "out" / long).read_text() == "x" * 5000
    assert (tmp_path / "out/Procfile").stat().st_mode & 0o777 == 0o755
    assert tree.procfile == b"web: b"
    assert tree.root == {"Procfile", "empty", "same"}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("services/nothing", "services has the folders services/api, services/page"),
        ("services/api/deep/down", "services/api has the folders services/api/deploy"),
        ("nowhere", "the repository has the folders docs, services"),
        ("docs/index.txt", "docs has no folders"),
        ("service", "the repository has the folders docs, services"),
    ],
)
def test_a_folder_that_is_not_there_is_named_with_those_that_are(
    tmp_path: Path, path: str, said: str
) -> None:
    source = written(tmp_path, tar_of("monorepo"))

    with pytest.raises(BuildFailed) as failure:
        narrow(source, path, tmp_path, 1)

    assert f"there is no folder {path} in the repository (build setting path)" in str(failure.value)
    assert said in str(failure.value)
    assert list(tmp_path.iterdir()) == [source]


def test_many_folders_are_not_all_named(tmp_path: Path) -> None:
    source = written(tmp_path, tar_of({f"f{number:02}/x": "" for number in range(50)}))

    with pytest.raises(BuildFailed, match=r"f10, f11, …$"):
        narrow(source, "g", tmp_path, 1)


def test_a_repository_without_folders_says_so(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="the repository has no folders"):
        narrow(written(tmp_path, tar_of({"x": ""})), "g", tmp_path, 1)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    source = written(tmp_path, with_members(("a/x", "file", "x"), ("b/up", "link", "../a/x")))

    with pytest.raises(
        BuildFailed, match=r"in the folder b of the repository: the link 'up' leads out"
    ):
        narrow(source, "b", tmp_path, 1)


def test_a_hard_link_out_of_the_folder_never_means_another_file_of_it(tmp_path: Path) -> None:
    source = written(
        tmp_path,
        with_members(
            ("shared/x", "file", "OUTSIDE"),
            ("svc/shared/x", "file", "INSIDE"),
            ("svc/y", "hard", "shared/x"),
        ),
    )

    with pytest.raises(
        BuildFailed, match="svc/y is a hard link to shared/x, outside the folder svc"
    ):
        narrow(source, "svc", tmp_path, 1)

    assert list(tmp_path.iterdir()) == [source]
