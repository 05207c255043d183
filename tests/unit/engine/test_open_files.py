"""What is learnt about an engine's files."""

from pathlib import Path

from paas.engine.open_files import OPEN_FILES, OpenFiles


def test_what_one_process_learns_the_others_know(tmp_path: Path) -> None:
    one, other = OpenFiles(tmp_path), OpenFiles(tmp_path)

    one.are_few("a")

    assert other.limit("a") is None
    assert other.limit("b") == OPEN_FILES


def test_an_engine_that_may_be_another_one_is_tried_again(tmp_path: Path) -> None:
    one, other = OpenFiles(tmp_path), OpenFiles(tmp_path)
    one.are_few("a")

    other.forget("a")

    assert one.limit("a") == OPEN_FILES


def test_without_a_folder_a_process_knows_for_itself(tmp_path: Path) -> None:
    for files in (OpenFiles(None), OpenFiles(tmp_path / "not there")):
        files.are_few("a")

        assert files.limit("a") is None
        assert files.limit("b") == OPEN_FILES
