from pathlib import Path

import pytest
from aptfile import Aptfile


def read(folder: Path, text: str) -> Aptfile:
    (folder / "Aptfile").write_text(text)
    return Aptfile.read(folder)


def test_names_remarks_and_urls_are_read(tmp_path: Path) -> None:
    text = "# tools\n\njq  tree # both\r\nlibpq5=17.2-1\nhttps://example.com/a/b_1.0%2b1_amd64.deb\njq\ng++\n"

    aptfile = read(tmp_path, text)

    assert aptfile.names == {"jq": 3, "tree": 3, "libpq5=17.2-1": 4, "g++": 7}
    assert aptfile.urls == ("https://example.com/a/b_1.0%2b1_amd64.deb",)


@pytest.mark.parametrize(
    "text",
    [
        "-o=Dir::Cache=/",
        "jq-",
        "../x",
        "./x.deb",
        "$(id)",
        "http://example.com/a.deb",
        "https://example.com/a.tar.gz",
        "https://exa'mple.com/a.deb",
        "Jq",
        "jq;id",
    ],
)
def test_what_is_neither_is_refused_by_line(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read(tmp_path, f"jq\n{text}\n")

    assert f" !     Aptfile, line 2: '{text}' is neither" in capsys.readouterr().out


def test_another_archive_is_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read(tmp_path, ":repo:deb https://example.com stable main\n")

    assert "Aptfile, line 1: other archives are not added" in capsys.readouterr().out
