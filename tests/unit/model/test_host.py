import pytest

from paas.model.host import HostName, InvalidHostName


@pytest.mark.parametrize("text", ["h2", "edge-1", "a" * 19])
def test_a_name_fits_the_name_of_a_socket(text: str) -> None:
    assert HostName(text) == text


IMPOSSIBLE = [
    "", "h", "H2", "2h", "-h2", "h2-", "h_2", "h 2", "h2\n", "h2/..", "../h2", "h\0", "a" * 20, "local", "key", "é2",
]  # fmt: skip


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_what_cannot_be_a_name_is_none(text: str) -> None:
    with pytest.raises(InvalidHostName):
        HostName(text)
