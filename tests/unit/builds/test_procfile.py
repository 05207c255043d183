import pytest
from hypothesis import given
from hypothesis import strategies as st

from paas.builds.procfile import InvalidProcfile, parse_procfile, read_procfile
from paas.model.process import ProcessType


def test_each_line_is_a_process_type_and_its_command() -> None:
    text = "# what runs\nweb: gunicorn app:app --bind 0.0.0.0:$PORT\n\nworker:python worker.py  \nrelease: ./migrate\n"

    assert parse_procfile(text) == {
        "web": "gunicorn app:app --bind 0.0.0.0:$PORT",
        "worker": "python worker.py",
        "release": "./migrate",
    }


@pytest.mark.parametrize(
    "text", ["web: a\r\nworker: b\r\n", "\ufeffweb: a\nworker: b", "web: a\rworker: b"]
)
def test_files_from_other_systems_are_read_alike(text: str) -> None:
    assert parse_procfile(text) == {"web": "a", "worker": "b"}


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("web: a\nworker\n", 2, "'worker'"),
        ("web:\n", 1, "expected"),
        ("web: a\nweb: b\n", 2, "there already"),
        ("\n\n9web: a\n", 3, "9web"),
        ("we b: a\n", 1, "we b"),
        ("../x: a\n", 1, "../x"),
        ("web: a\0b\n", 1, "not text"),
        ("# nothing\n", 2, "no process is named"),
        ("", 1, "no process is named"),
        (f"web: {'x' * 9000}", 1, "too long"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(InvalidProcfile) as error:
        parse_procfile(text)

    assert error.value.line == line
    assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_text_is_named_with_its_line() -> None:
    with pytest.raises(InvalidProcfile, match="line 2: not UTF-8"):
        read_procfile(b"web: a\n\xff\xfe\n")


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_file_does_more_than_fail_to_parse(content: bytes) -> None:
    try:
        processes = read_procfile(content)
    except InvalidProcfile:
        return
    assert all(ProcessType(name) == name and command for name, command in processes.items())


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,29}", fullmatch=True),
        st.from_regex(r"[!-~]( ?[!-~]){0,20}", fullmatch=True),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_as_a_procfile_is_read_back(processes: dict[str, str]) -> None:
    text = "".join(f"{name}: {command}\n" for name, command in processes.items())

    assert parse_procfile(text) == processes
