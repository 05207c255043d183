import pytest

from paas.cli.address import Address, InvalidUrl, Unreachable


@pytest.mark.parametrize(
    ("text", "authority", "prefix"),
    [
        ("http://127.0.0.1:5000", "127.0.0.1:5000", ""),
        ("http://localhost:5000/", "localhost:5000", ""),
        ("http://[::1]:5000", "[::1]:5000", ""),
        ("http://api.localhost", "api.localhost:80", ""),
        ("https://API.example.com", "api.example.com:443", ""),
        ("https://example.com/platform/", "example.com:443", "/platform"),
        ("unix:///run/api.sock", "localhost", ""),
        ("/run/api.sock", "localhost", ""),
    ],
)
def test_an_address_is_tcp_tls_or_a_socket(text: str, authority: str, prefix: str) -> None:
    address = Address.parse(text)

    assert (address.authority, address.prefix) == (authority, prefix)


@pytest.mark.parametrize(
    "text",
    ["", "example.com", "ftp://example.com", "https://", "https://user@example.com", "https://a b",
     "https://example.com?x=1", "https://example.com#x", "https://example.com:99999", "unix://host/x",
     "https://example.com/\r\nX: y", "javascript://x"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidUrl, match="cannot be the API's address"):
        Address.parse(text)


@pytest.mark.parametrize(
    "host",
    ["example.com", "10.0.0.7", "127.evil.example", "notlocalhost", "0.0.0.0", "[2001:db8::1]"],
)
def test_a_token_never_goes_in_clear_text_to_another_machine(host: str) -> None:
    with pytest.raises(InvalidUrl, match="clear text"):
        Address.parse(f"http://{host}:5000")


def test_who_does_not_answer_is_named() -> None:
    address = Address.parse("/nowhere/api.sock")

    with pytest.raises(Unreachable, match=r"unix:///nowhere/api\.sock: No such file"):
        address.connect()
