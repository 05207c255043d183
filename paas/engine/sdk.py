"""The docker SDK, without its own way over ssh: that would carry paramiko, 8 MB, into every process.

Our tunnels are OpenSSH's. What the SDK cannot import it does without.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without(name: str) -> Iterator[None]:
    is_there = name in sys.modules
    if not is_there:
        sys.modules[name] = None  # type: ignore[assignment] # Python's own word for "cannot be imported"
    try:
        yield
    finally:
        if not is_there:
            del sys.modules[name]


with _without("paramiko"):
    from docker.api.client import APIClient as APIClient
    from docker.errors import APIError as APIError
    from docker.errors import DockerException as DockerException
