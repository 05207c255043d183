"""The `paas` program. It reads the environment; nothing else of this package does."""

import gc
import os
import sys
from importlib import import_module
from typing import NoReturn


def main() -> NoReturn:
    """Milliseconds count here, because a person waits: see bench/cli."""
    gc.disable()  # nothing that is imported is garbage, and looking for it takes 4 ms
    dispatch = import_module("paas.cli.dispatch")
    gc.freeze()
    gc.enable()
    given = os.environ
    home = given.get("HOME") or str(import_module("pathlib").Path.home())
    if "_PAAS_COMPLETE" in given:
        dispatch.cli.main(prog_name="paas")
    code = dispatch.run(
        sys.argv[1:],
        dispatch.Environment(
            config=given.get("PAAS_CONFIG") or f"{home}/.config/paas",
            url=given.get("PAAS_URL") or None,
            token=given.get("PAAS_TOKEN") or None,
            terminal=given.get("TERM") or "xterm",
            has_display=sys.platform == "darwin"
            or not {"DISPLAY", "WAYLAND_DISPLAY"}.isdisjoint(given),
        ),
    )
    os._exit(code)  # everything is written; the interpreter's own clean-up would take 6 ms
