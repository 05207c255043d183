"""What a figure was measured on."""

import os
import platform
import subprocess
from pathlib import Path


def machine() -> dict[str, object]:
    """Also how busy it was: a figure from a busy machine is not worth much."""
    engine = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "system": platform.platform(),
        "cpus": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "python": platform.python_version(),
        "engine": engine.stdout.strip(),
        "load_average": Path("/proc/loadavg").read_text().split()[0],
    }
