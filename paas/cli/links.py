"""URLs that the API gives."""

from urllib.parse import urlsplit

from paas.cli.address import Address


def local(address: Address, url: str) -> str:
    """What to ask of the API for `url`. Only its path counts: a token goes nowhere but to the API itself."""
    parts = urlsplit(url)
    target = parts.path.removeprefix(address.prefix) or "/"
    return f"{target}?{parts.query}" if parts.query else target
