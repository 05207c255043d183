from pathlib import Path

import pytest
from programs import Program, web_of
from toolchain import wanted_go


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("module a\n", ""),
        ("module a\n\ngo 1.21\n", "1.21"),
        ("module a\ngo 1.21\ntoolchain go1.25.1\n", "1.25.1"),
        ("module a\ngo 1.25\ntoolchain go1.24.9\n", "1.25"),
        ("module a\ngo 1.9\ntoolchain go1.10\n", "1.10"),
        ("module a\r\ngo 1.26rc1\r\ntoolchain default\r\n", "1.26rc1"),
        ("module a\n// go 1.99\nrequire b v1.2.3\n", ""),
    ],
)
def test_the_newer_of_the_two_lines_is_wanted(tmp_path: Path, text: str, wanted: str) -> None:
    (tmp_path / "go.mod").write_text(text)

    assert wanted_go(tmp_path) == ("go.mod", wanted)


@pytest.mark.parametrize(
    ("module", "names", "web"),
    [
        ("example.com/shop", ["anything"], "anything"),
        ("example.com/shop", ["api", "shop"], "shop"),
        ("example.com/shop/v2", ["api", "shop"], "shop"),
        ("shop", ["shop", "server"], "server"),
        ("shop", ["shop", "server", "web"], "web"),
    ],
)
def test_one_of_several_programs_serves(
    tmp_path: Path, module: str, names: list[str], web: str
) -> None:
    (tmp_path / "go.mod").write_text(f"module {module}\n")

    found = web_of([Program(name, f"{module}/cmd/{name}") for name in names], tmp_path)

    assert found is not None
    assert found.name == web


def test_a_procfile_says_it_all(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: b\n")

    assert web_of([Program("a", "m/a"), Program("b", "m/b")], tmp_path) is None
