"""What runs on this machine, by its command line."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from paas.settings import Settings


def hooks(settings: Settings) -> Sequence[int]:
    """The processes that follow a push to the platform."""
    here = f"PAAS_DIR={settings.directory}"
    return [
        pid
        for pid, argv in processes()
        if argv[-1].endswith("receive.py") and here in facts(pid, "environ")
    ]


def processes() -> Iterator[tuple[int, list[str]]]:
    """Pid and command line of each."""
    for path in Path("/proc").glob("[0-9]*"):
        yield int(path.name), facts(int(path.name), "cmdline") or [""]


def facts(pid: int, name: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []
