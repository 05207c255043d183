"""An archive with one folder: what is in that is the tree."""

import tarfile
from pathlib import Path

import pytest

from paas.builds.lift import lift
from paas.builds.sources import InvalidSource, SourceStore
from tests.unit.builds.test_sources import FILE, FOLDER, HARD, LINK, Member, tar


@pytest.fixture
def store(tmp_path: Path) -> SourceStore:
    return SourceStore(tmp_path)


def lifted(store: SourceStore, *members: Member) -> dict[str, tuple[bytes, str]]:
    """Kind and target, by name."""
    store.write("one", [tar(members)], 1)
    store.check("one", 1)
    lift(store.path("one"))
    with tarfile.open(store.path("one")) as found:
        return {member.name: (member.type, member.linkname) for member in found}


def test_the_only_folder_is_the_tree(store: SourceStore, tmp_path: Path) -> None:
    name = f"top/{'long/' * 40}n\xe4me"

    found = lifted(
        store, ("top", FOLDER, ""), ("top/a", FILE, "text"), ("./top/lib", FOLDER, ""), ("top/lib/up", LINK, "../a"),
        ("top/same", HARD, "top/a"), (name, FILE, "x"),
    )  # fmt: skip

    assert found == {
        "a": (FILE, ""), "lib": (FOLDER, ""), "lib/up": (LINK, "../a"), "same": (HARD, "a"),
        name.removeprefix("top/"): (FILE, ""),
    }  # fmt: skip
    assert store.check("one", 1).root == {"a", "same"}
    with tarfile.open(store.path("one")) as whole:
        content = whole.extractfile("a")
        assert content is not None and content.read() == b"text"


@pytest.mark.parametrize(
    "members",
    [
        [("top/a", FILE, "x"), ("b", FILE, "x")],
        [("top/a", FILE, "x"), ("other", FOLDER, "")],
        [("a", FILE, "x")],
        [("top/a", FILE, "x"), ("link", LINK, "top")],
    ],
)
def test_anything_beside_it_leaves_it_as_it_was(store: SourceStore, members: list[Member]) -> None:
    assert [*lifted(store, *members)] == [name for name, _, _ in members]


def test_a_link_that_stayed_in_the_archive_may_not_leave_the_tree(store: SourceStore) -> None:
    assert lifted(store, ("top/a", FILE, "x"), ("top/up", LINK, "../top/a"))["up"] == (
        LINK,
        "../top/a",
    )

    with pytest.raises(InvalidSource, match="leads out"):
        store.check("one", 1)
