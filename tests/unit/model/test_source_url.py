import pytest

from paas.model.source_url import InvalidSourceUrl, SourceUrl


def test_user_and_password_are_apart_and_what_opens_a_door_is_not_shown() -> None:
    url = SourceUrl.parse("https://ana:p%40ss%3A@Example.com:8443/a/b.tgz?X-Signature=s3cret&y=1")

    assert url == SourceUrl(
        "https://example.com:8443/a/b.tgz?X-Signature=s3cret&y=1", "ana", "p@ss:"
    )
    assert str(url) == repr(url) == "https://example.com:8443/a/b.tgz"


@pytest.mark.parametrize("text", ["https://example.com", "https://example.com/a?b"])
def test_a_path_may_be_short(text: str) -> None:
    assert SourceUrl.parse(text).place.startswith("https://example.com/")


@pytest.mark.parametrize(
    "text",
    ["", "http://example.com/a.tgz", "ftp://example.com/a", "file:///etc/passwd", "ssh://git@example.com/a.git",
     "git@example.com:a.git", "https://", "https:///a", "https://[::1]/a", "https://a b/c", "https://a/b c",
     "https://a/b\n", "https://a:0/b", "https://a:99999/b", "https://a:x/b", "https://-a/b", "https://a..b/c",
     "https://example.com/a#frag", "https://u%0a@example.com/a", "https://ex\u00e4mple.com/a", "/etc/passwd", "http://["],
)  # fmt: skip
def test_what_is_no_public_tar_is_refused(text: str) -> None:
    with pytest.raises(InvalidSourceUrl):
        SourceUrl.parse(text)


def test_a_refusal_does_not_tell_the_password() -> None:
    with pytest.raises(InvalidSourceUrl) as error:
        SourceUrl.parse("http://ana:s3cret@example.com/a?key=s3cret")

    assert "s3cret" not in str(error.value)
