"""What bin/release prints: anything that somebody wrote."""

import time
from pathlib import Path

import pytest

from paas.builds.buildpack import _default_types
from paas.builds.order import BuildFailed


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("default_process_types:\n  web: ./server\n  worker: |\n    a\n    b\n", {"web": "./server", "worker": "a b "}),
        ("--- {}\n", {}),
        ("default_process_types: [web]", {}),
        ("default_process_types: {web: [a], clock: {b: c}}", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_process_types_are_read(tmp_path: Path, text: str, types: dict[str, str]) -> None:
    (tmp_path / "release.yml").write_text(text)

    assert _default_types(tmp_path, "Own") == types


@pytest.mark.parametrize(
    "text",
    [
        "[: no",
        "a: &a [x, x]\ndefault_process_types: {web: *a}",
        "<<: &a {b: c}\nd: *a",
        "[" * 200_000,
    ],
)
def test_what_is_no_yaml_or_means_more_than_it_says_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "release.yml").write_text(text)

    begun = time.monotonic()
    with pytest.raises(BuildFailed, match="printed no YAML"):
        _default_types(tmp_path, "Own")

    assert time.monotonic() - begun < 5


def test_a_folder_in_its_place_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "release.yml").mkdir()

    assert _default_types(tmp_path, "Own") == {}
