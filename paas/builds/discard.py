"""Removes folders of builds. What a build wrote belongs to the app's user, and only a container may touch it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from paas.engine.body import KIND, TOOLS
from paas.engine.engine import Engine
from paas.errors import PaasError
from paas.model.container import ContainerSpec, container_name
from paas.settings import Settings

SECONDS = 300.0


def discard(folder: Path, engine: Engine, host: str, settings: Settings) -> None:
    """Silent if it is gone. What cannot be removed now is left for the next `clear_leftovers`."""
    with suppress(OSError):
        shutil.rmtree(folder)
    if not folder.exists():
        return
    name = container_name(settings.platform, f"discard-{folder.name.replace('-', '')[:12]}")
    spec = ContainerSpec(
        name=name,
        image=settings.stack_run,
        labels={KIND: TOOLS},
        hostname="discard",
        env={},
        entrypoint=("/bin/rm", "-rf", "--", f"/mnt/{folder.name}"),
        user="0:0",
        memory_mb=128,
        cpus=1,
        pids=16,
        capabilities=("DAC_OVERRIDE", "FOWNER"),
        mounts={str(folder.parent): "/mnt"},
        is_restarted=False,
    )
    with suppress(PaasError):
        engine.remove(host, name)
        engine.start(host, spec)
        engine.wait(host, name, SECONDS)
        engine.remove(host, name)


@contextmanager
def workplace(folder: Path, engine: Engine, host: str, settings: Settings) -> Iterator[Path]:
    """An empty folder that only we may enter, and that is gone afterwards."""
    if folder.exists():
        discard(folder, engine, host, settings)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        discard(folder, engine, host, settings)
