"""A build's own containers: started, followed to their end, and removed when the build is over."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from paas.builds.limits import Meter
from paas.builds.order import Order
from paas.engine.engine import Session
from paas.model.container import ContainerSpec, Kind, container_name

APP_USER = 20000
"""Of the stack's images."""


def container_spec(order: Order, image: str, name: str, *script: str) -> ContainerSpec:
    settings = order.settings
    return ContainerSpec(
        name=container_name(settings.platform, name),
        image=image,
        labels={
            **order.labels,
            "paas.container": order.build.container,
            "paas.kind": str(Kind.BUILD),
        },
        hostname=order.build.container,
        env={},
        entrypoint=("/bin/bash", *script),
        memory_mb=settings.build_memory_mb,
        cpus=settings.cpus,
        pids=settings.pids,
        is_restarted=False,
    )


def begin(order: Order, spec: ContainerSpec) -> Session:
    """Nothing of it is left when the build is over, however it ends."""
    engine, host = order.engine, order.host.name
    engine.remove(host, spec.name)  # of a job that was begun twice
    order.afterwards.callback(engine.remove, host, spec.name)
    session = engine.attach(host, spec)
    order.afterwards.callback(session.close)
    return session


def give_to_app(folder: Path) -> None:
    """What runs in a container may write there."""
    if os.geteuid() == 0:
        os.chown(folder, APP_USER, APP_USER)
    elif folder.stat().st_uid == os.geteuid():
        folder.chmod(0o777)


def follow(
    order: Order,
    spec: ContainerSpec,
    session: Session,
    hear: Callable[[bytes], None] | None = None,
) -> None:
    """Shows what it prints, or lets `hear` have it, until all that ran in it is gone."""
    try:
        end = partial(order.engine.remove, order.host.name, spec.name)
        with Meter(order, spec) as meter, order.keeper.ending(end, meter.trouble):
            while data := session.read():
                (hear or order.output.feed)(data)
    finally:
        order.output.end()
