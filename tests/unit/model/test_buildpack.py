import pytest
from hypothesis import given
from hypothesis import strategies as st

from paas.model.buildpack import Buildpack, InvalidBuildpack, Origin

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "origin", "place", "ref"),
    [
        ("python", Origin.OURS, "python", ""),
        ("heroku/python", Origin.OURS, "python", ""),
        ("urn:buildpack:heroku/nodejs", Origin.OURS, "nodejs", ""),
        ("heroku-community/apt", Origin.OURS, "apt", ""),
        ("./buildpack", Origin.FOLDER, "./buildpack", ""),
        ("./tools/build_pack-2/", Origin.FOLDER, "./tools/build_pack-2", ""),
        ("https://Git.example.com/a/b", Origin.GIT, "https://git.example.com/a/b", ""),
        ("https://example.com/a/b.git#main", Origin.GIT, "https://example.com/a/b.git", "main"),
        (f"https://example.com/b#{COMMIT}", Origin.GIT, "https://example.com/b", COMMIT),
        ("https://example.com:8443/b#v1.2/x", Origin.GIT, "https://example.com:8443/b", "v1.2/x"),
        ("https://example.com/b.tgz", Origin.TARBALL, "https://example.com/b.tgz", ""),
        (
            "https://example.com/b.tar.gz?x=1&y=2",
            Origin.TARBALL,
            "https://example.com/b.tar.gz?x=1&y=2",
            "",
        ),
    ],
)
def test_a_buildpack_is_a_name_a_folder_a_repository_or_a_tarball(
    text: str, origin: Origin, place: str, ref: str
) -> None:
    assert Buildpack.parse(text) == Buildpack(origin, place, ref)
    assert Buildpack.parse(str(Buildpack.parse(text))) == Buildpack.parse(text)


def test_user_and_password_are_known_and_never_shown() -> None:
    buildpack = Buildpack.parse("https://ana:s%40cret@example.com/b#main")

    assert (buildpack.user, buildpack.password) == ("ana", "s@cret")
    assert str(buildpack) == "https://example.com/b#main"
    assert "cret" not in repr(buildpack)


HOSTILE = [
    "", "Python", "a b", "-python", "http://example.com/b", "git://example.com/b", "file:///etc/passwd",
    "ssh://git@example.com/b", "git@example.com:a/b.git", "ext::sh -c id", "--upload-pack=id", "/etc", "..", "../b",
    "./../b", "./a/../../b", "./.git", "./a//b", "./a b", "./$(id)", "https://", "https:///b", "https://example.com",
    "https://exa mple.com/b", "https://-x.example.com/b", "https://a..b/c", "https://example.com/a/../b",
    "https://example.com:0/b", "https://example.com:99999/b", "https://[::1]/b", "https://example.com/b;id",
    "https://example.com/b?x=1", "https://example.com/b#-x", "https://example.com/b#a..b", "https://example.com/b#a b",
    "https://example.com/b#x.lock", "https://example.com/b#a:b", "https://example.com/b#@{1}", "https://example.com/b\n",
    "https://example.com/b.tgz#main", "https://u:%0a@example.com/b", "python\n", "https://example.com/" + "x" * 2000,
    "https://example.com/b#main\n", "https://u:p@w@example.com/b",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_none_of_them_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidBuildpack) as refusal:
        Buildpack.parse(text)

    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


@given(st.text(max_size=60), st.sampled_from(["", "./", "https://", "https://h/", "https://h/p#"]))
def test_nothing_that_is_taken_can_be_an_option_or_leave_its_place(text: str, before: str) -> None:
    try:
        buildpack = Buildpack.parse(before + text)
    except InvalidBuildpack:
        return
    assert not buildpack.place.startswith(("-", "/"))
    assert not buildpack.ref.startswith("-")
    assert ".." not in buildpack.place.split("/")
    assert (buildpack.place + buildpack.ref).isprintable()
    assert " " not in buildpack.place + buildpack.ref
