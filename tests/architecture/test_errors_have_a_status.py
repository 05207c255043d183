"""Every error of the platform has a status in the one table."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import paas
from paas.errors import PaasError
from paas.web import status_of

CLIENTS = ("paas.cli.", "paas.git.door", "paas.git.receive")
"""They run elsewhere: their errors never reach the API."""


def every_error() -> Iterator[type[PaasError]]:
    for module in pkgutil.walk_packages(paas.__path__, "paas."):
        if not module.name.startswith((*CLIENTS, "paas.store.migrations")):
            importlib.import_module(module.name)
    found = [PaasError]
    while found:
        kinds = found.pop().__subclasses__()
        yield from kinds
        found += kinds


def test_every_error_has_a_status() -> None:
    errors = {error for error in every_error() if not error.__module__.startswith(CLIENTS)}

    assert len(errors) > 50
    for error in errors:
        status, word = status_of(error)
        assert 400 <= status < 600, error
        assert word, error


def test_an_error_of_no_kind_is_found() -> None:
    with pytest.raises(LookupError):
        status_of(PaasError)
