"""What may come in as a tree, and what may not."""

import gzip
import io
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paas.builds.sources import InvalidSource, SourceStore, unpack
from paas.store.builds import UnknownSource

Member = tuple[str, bytes, str]
"""Name, kind, and content or target."""
FILE, FOLDER, LINK, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.fixture
def store(tmp_path: Path) -> SourceStore:
    (tmp_path / "sources").mkdir()
    return SourceStore(tmp_path / "sources")


def tar(members: Iterable[Member]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind, text in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if kind == FILE:
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
            else:
                member.linkname = text
                archive.addfile(member)
    return content.getvalue()


GOOD = (
    ("app.py", FILE, "print(1)"),
    ("Procfile", FILE, "web: x\n"),
    ("lib", FOLDER, ""),
    ("lib/a.py", FILE, "a"),
    ("lib/up", LINK, "../app.py"),
    ("lib/here", LINK, "a.py"),
    ("all", LINK, "."),
    ("same", HARD, "app.py"),
    (f"{'long/' * 40}name", FILE, "x"),
    ("näme", FILE, "x"),
    (".github/x.git", FILE, "x"),
    (".gitignore", FILE, "x"),
)


def test_a_tree_is_kept_checked_and_unpacked(store: SourceStore, tmp_path: Path) -> None:
    store.write("one", [tar(GOOD)], 1)

    tree = store.check("one", 1)
    unpack(store.path("one"), tmp_path / "out")

    assert tree.root == {"app.py", "Procfile", "same", "näme", ".gitignore"}
    assert tree.procfile == b"web: x\n"
    assert tree.files == 8
    assert (tmp_path / "out/lib/up").read_text() == "print(1)"
    assert (tmp_path / "out/same").read_text() == "print(1)"
    assert (tmp_path / f"out/{'long/' * 40}name").read_text() == "x"


def test_a_gzipped_tree_is_a_plain_one_after_the_check(store: SourceStore, tmp_path: Path) -> None:
    store.write("one", [gzip.compress(tar(GOOD))], 1)

    store.check("one", 1)

    unpack(store.path("one"), tmp_path / "out")
    assert (tmp_path / "out/app.py").read_text() == "print(1)"


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ([("../x", FILE, "")], "'../x' is not inside"),
        ([("a/../../x", FILE, "")], "not inside"),
        ([("/etc/passwd", FILE, "")], "not inside"),
        ([("a", LINK, "/etc")], "leads out of the tree, to '/etc'"),
        ([("a", LINK, "..")], "leads out"),
        ([("d/a", LINK, "../..")], "leads out"),
        ([("d/a", LINK, "../../x")], "leads out"),
        ([("d", LINK, "."), ("e", LINK, "d/d/../..")], "leads out"),
        ([("a", LINK, "b"), ("a/x", FILE, "")], "behind a link"),
        ([("a", FILE, ""), ("a/x", FILE, "")], "behind a link or a file"),
        ([("a", FILE, ""), ("./a", FILE, "")], "twice"),
        ([("a/b", FILE, ""), ("a", LINK, "b")], "twice"),
        ([("a", LINK, "b"), ("a", FOLDER, "")], "twice"),
        ([("a", HARD, "/etc/passwd")], "not inside"),
        ([("a", HARD, "../x")], "not inside"),
        ([("a", HARD, "b")], "no file before it"),
        ([("b", LINK, "c"), ("a", HARD, "b")], "no file before it"),
        ([("dev", tarfile.CHRTYPE, "")], "neither a file"),
        ([("dev", tarfile.BLKTYPE, "")], "neither a file"),
        ([("pipe", tarfile.FIFOTYPE, "")], "neither a file"),
        ([("a" * 300, FILE, "")], "too long"),
        ([("a/" * 2000 + "b", FILE, "")], "too long"),
        (
            [(".git/config", FILE, "")],
            "'.git/config' belongs to a repository of git; leave .git out",
        ),
        ([("lib/.GIT", FOLDER, ""), ("x", FILE, "")], "leave .git out"),
        ([("vendor/.git", FILE, "gitdir: ../x")], "leave .git out"),
        ([("d", FOLDER, "")], "no files"),
        ([("big", FILE, "x" * (1 << 20)), ("b", FILE, "x")], "larger than 1 MB together"),
    ],
)
def test_what_leads_out_or_is_no_file_is_refused_by_name(
    store: SourceStore, members: list[Member], word: str
) -> None:
    store.write("one", [tar(members)], 2)

    with pytest.raises(InvalidSource, match="The source cannot be built") as error:
        store.check("one", 1)

    assert word in str(error.value)


def _header(**fields: object) -> bytes:
    member = tarfile.TarInfo("x")
    for name, value in fields.items():
        setattr(member, name, value)
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x" * 2000,
        b"\0" * 10240,
        tar(GOOD)[:700],
        tar(GOOD)[:5120],
        tar(GOOD) + b"more",
        tar(GOOD) + tar([("../x", FILE, "")]),
        gzip.compress(tar(GOOD), mtime=0)[:-30],
        gzip.compress(tar(GOOD), mtime=0)[:20] + b"\0" * 50,
        b"BZh91AY&SY" + b"x" * 600,
        _header(size=1 << 40) + b"\0" * 1024,
        _header(size=-512) + b"\0" * 1024,
        _header(size=1 << 33, type=tarfile.GNUTYPE_LONGNAME) + b"\0" * 1024,
        _header(size=1 << 33, type=tarfile.XHDTYPE) + b"\0" * 1024,
        _header(size=8, type=tarfile.GNUTYPE_LONGNAME) * 3000,
    ],
)
def test_what_is_no_whole_tar_is_refused(store: SourceStore, content: bytes) -> None:
    store.write("one", [content], 1)

    with pytest.raises(InvalidSource):
        store.check("one", 1)


def test_a_bomb_is_put_out_before_it_fills_the_disk(store: SourceStore, tmp_path: Path) -> None:
    store.write("one", [gzip.compress(b"\0" * (400 << 20), 1)], 1)

    with pytest.raises(InvalidSource, match="larger than 1 MB"):
        store.check("one", 1)

    assert [path.name for path in (tmp_path / "sources").iterdir()] == ["one.tar"]


def test_an_upload_that_is_too_large_or_breaks_off_leaves_nothing(
    store: SourceStore, tmp_path: Path
) -> None:
    def breaking() -> Iterable[bytes]:
        yield b"x"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.write("one", breaking(), 1)
    with pytest.raises(InvalidSource, match="larger than 1 MB"):
        store.write("two", (b"x" * (1 << 20) for _ in range(400)), 1)

    assert list((tmp_path / "sources").iterdir()) == []


@pytest.mark.parametrize("source_id", ["../x", "", "a/b", ".", "x\0", "unknown"])
def test_a_source_that_is_not_there_is_unknown(store: SourceStore, source_id: str) -> None:
    with pytest.raises(UnknownSource):
        store.path(source_id)


def test_nothing_is_ever_written_beside_the_folder(store: SourceStore, tmp_path: Path) -> None:
    """Also where the check would have let it pass."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").symlink_to(tmp_path)
    store.write("one", [tar([("a", FILE, "x")])], 1)

    with pytest.raises(FileExistsError):
        unpack(store.path("one"), tmp_path / "out")


_NAMES = st.sampled_from(["a", "b", "a/b", "a/b/c", "../a", "/a", "a/..", ".", "a/./b", "b/a"])
_KINDS = st.sampled_from([FILE, FOLDER, LINK, HARD, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"9"])
_TARGETS = st.sampled_from(["a", "b", "..", "../..", "/", "a/b", "../a", "a/../..", ".", "../b/a"])


@settings(max_examples=300)
@given(st.lists(st.tuples(_NAMES, _KINDS, _TARGETS), max_size=6))
def test_nothing_that_passes_the_check_leads_out(
    tmp_path_factory: pytest.TempPathFactory, members: list[Member]
) -> None:
    folder = Path(mkdtemp(dir=tmp_path_factory.getbasetemp()))
    store = SourceStore(folder)
    store.write("one", [tar(members)], 1)
    try:
        store.check("one", 1)
    except InvalidSource:
        return
    unpack(store.path("one"), folder / "out")
    for path in (folder / "out").rglob("*"):
        real = os.path.realpath(path)
        assert real == str(folder / "out") or real.startswith(f"{folder}/out/"), members


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_archive_is_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(tar(GOOD))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    folder = Path(mkdtemp(dir=tmp_path_factory.getbasetemp()))
    store = SourceStore(folder)
    store.write("one", [bytes(content)], 1)
    try:
        store.check("one", 1)
    except InvalidSource:
        return
    unpack(store.path("one"), folder / "out")


def _zeros(**said: str) -> bytes:
    """A file that says to be 10 GB of zeros, of which the archive holds nothing."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("zeros")
        member.pax_headers = {f"GNU.sparse.{name}": value for name, value in said.items()}
        member.size = 512
        archive.addfile(member, io.BytesIO(b"0\n".ljust(512, b"\0")))
    return content.getvalue()


def _zeros_of_old() -> bytes:
    header = bytearray(_header(type=tarfile.GNUTYPE_SPARSE))
    header[483:495] = b"\x80" + (10 << 30).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + b"\0" * 10240


@pytest.mark.parametrize(
    "content",
    [
        _zeros_of_old(),
        _zeros(major="1", minor="0", name="zeros", realsize=f"{10 << 30}"),
        _zeros(map="0,0", size=f"{10 << 30}"),
    ],
)
def test_ten_gigabytes_of_zeros_are_refused_though_they_fit_in_a_block(
    store: SourceStore, content: bytes
) -> None:
    store.write("one", [content], 64)

    with pytest.raises(InvalidSource, match="files are larger than 64 MB together"):
        store.check("one", 64)


def test_a_million_entries_are_not_counted_to_their_end(store: SourceStore) -> None:
    member = tarfile.TarInfo("d")
    member.type = tarfile.DIRTYPE
    thousand = member.tobuf(tarfile.USTAR_FORMAT) * 1000
    packed = io.BytesIO()
    with gzip.open(packed, "wb", 1) as file:
        for _ in range(500):
            file.write(thousand)
    store.write("one", [packed.getvalue()], 1)

    with pytest.raises(InvalidSource, match="more than 200000 files"):
        store.check("one", 1)


def test_names_of_any_bytes_are_kept(store: SourceStore, tmp_path: Path) -> None:
    names = [
        "new\nline",
        "tab\t",
        "-rf",
        " ",
        "latin-\udce9",
        "\u202eexe.py",
        "a'b\"c$(d)",
        "é" * 127,
    ]
    store.write("one", [tar((name, FILE, "x") for name in names)], 1)

    store.check("one", 1)

    unpack(store.path("one"), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)


@pytest.mark.parametrize("name", ["a\0b", "\0", "../\0", "new\n/../../x", "\udce9/../../x"])
def test_a_name_that_hides_where_it_leads_is_refused_and_told_in_one_line(
    store: SourceStore, name: str
) -> None:
    member = tarfile.TarInfo("x")
    member.pax_headers = {"path": name}
    store.write(
        "one", [member.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape") + b"\0" * 1024], 1
    )

    with pytest.raises(InvalidSource) as error:
        store.check("one", 1)

    assert "not inside the tree" in str(error.value)
    assert "\n" not in str(error.value)
