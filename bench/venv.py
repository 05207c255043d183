"""Lets a bench be typed as it is."""

import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent.parent / ".venv"


def enter() -> None:
    """Starts the program again in the checkout's .venv, unless it is in it."""
    if Path(sys.prefix) == VENV:
        return
    python = VENV / "bin" / "python"
    if not python.exists():
        sys.exit("The benches run in .venv, which is not there yet; `tests/run unit` makes it.")
    os.execv(python, [str(python), *sys.argv])
