"""A small image out of the machine's own shell: nothing is fetched, and no stack is needed."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

PROGRAMS = ("sh", "bash", "echo", "sleep", "cat", "env", "id", "mkdir", "ln")


def image_tar(*more: str) -> bytes:
    """A root file system with PROGRAMS and more, and the libraries they need."""
    files = {f"/bin/{name}": _found(name) for name in (*PROGRAMS, *more)}
    for program in list(files.values()):
        files |= {path: Path(path).resolve() for path in _libraries(program)}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for folder in ("tmp", "proc", "sys", "dev", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for inside, outside in sorted(files.items()):
            content = outside.read_bytes()
            entry = tarfile.TarInfo(inside.lstrip("/"))
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _found(program: str) -> Path:
    path = shutil.which(program)
    assert path is not None, f"{program} is not installed"
    return Path(path).resolve()


def _libraries(program: Path) -> set[str]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
    return {word for word in listed.stdout.split() if word.startswith("/")}
