import fcntl
import os
from pathlib import Path

import pytest

from paas.logs.segments import LogUnwritable, Segments


def test_a_folder_that_somebody_keeps_locked_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    segments = Segments(tmp_path / "log", 1000, 2, lock_seconds=0.05)
    segments.append([b"one\n"])
    held = os.open(segments.folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)

    with pytest.raises(LogUnwritable, match="another process") as told:
        segments.append([b"two\n"])

    assert told.value.stored == 0
    os.close(held)
    segments.append([b"two\n"])
    assert segments.read(0, 100) == (0, b"one\ntwo\n")
