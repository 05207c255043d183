import pytest

from paas.model.ssh_url import InvalidSshUrl, SshUrl


def test_what_is_not_said_is_the_usual() -> None:
    url = SshUrl.parse("ssh://deploy@10.0.0.2")

    assert url == SshUrl("deploy", "10.0.0.2", 22, "/var/run/docker.sock")


@pytest.mark.parametrize(
    "text",
    [
        "ssh://deploy@10.0.0.2",
        "ssh://deploy@h2.example.com:2222",
        "ssh://deploy@10.0.0.2?socket=/run/user/1000/docker.sock",
        "ssh://deploy@10.0.0.2:2222?socket=/srv/docker.sock",
    ],
)
def test_it_is_written_as_it_is_read(text: str) -> None:
    assert str(SshUrl.parse(text)) == text


def test_one_place_is_written_in_one_way() -> None:
    text = "ssh://deploy@H2.example.com:22/?socket=/var/run/docker.sock"

    assert str(SshUrl.parse(text)) == "ssh://deploy@h2.example.com"


IMPOSSIBLE = [
    "", "10.0.0.2", "deploy@10.0.0.2", "http://deploy@10.0.0.2", "ssh://10.0.0.2", "ssh://deploy:secret@10.0.0.2",
    "ssh://deploy@", "ssh://deploy@-oProxyCommand=x", "ssh://-l@10.0.0.2", "ssh://deploy@10.0.0.2:0",
    "ssh://deploy@10.0.0.2:65536", "ssh://deploy@10.0.0.2/var/run/docker.sock", "ssh://deploy@10.0.0.2?socket=docker.sock",
    "ssh://deploy@10.0.0.2?socket=/a/../b", "ssh://deploy@10.0.0.2?socket=/a b", "ssh://deploy@10.0.0.2?socket=/a;b",
    "ssh://deploy@10.0.0.2?user=x", "ssh://deploy@10.0.0.2\n", "ssh://deploy@10.0.0.2 -oX=y", "ssh://deploy@h\0",
    "ssh://deploy@a" + "b" * 300, "ssh://$(id)@10.0.0.2", "ssh://deploy@`id`",
]  # fmt: skip


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_what_names_no_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidSshUrl):
        SshUrl.parse(text)
