"""A build's own containers: started, followed to their end, removed. Nothing of them is left."""

from paas.builds.order import Order
from paas.engine.engine import Session
from paas.model.container import ContainerSpec, Kind, container_name

APP_USER = 20000
"""Of the stack's images."""


def container_spec(order: Order, image: str, name: str, script: str) -> ContainerSpec:
    settings = order.settings
    return ContainerSpec(
        name=container_name(settings.platform, name),
        image=image,
        labels={**order.labels, "paas.container": order.container_id, "paas.kind": str(Kind.BUILD)},
        hostname=order.container_id,
        env={},
        entrypoint=("/bin/bash", script),
        memory_mb=settings.build_memory_mb,
        cpus=settings.cpus,
        pids=settings.pids,
        is_restarted=False,
    )


def run(order: Order, spec: ContainerSpec) -> tuple[int, bool]:
    """To its end, and nothing of it is left: the exit code, and whether memory ran out."""
    engine, host = order.engine, order.host.name
    engine.remove(host, spec.name)  # of a job that was begun twice
    try:
        session = engine.attach(host, spec)
        try:
            code = follow(order, spec, session)
        finally:
            session.close()
        seen = engine.inspect(host, spec.name)
        return code, seen is not None and seen.is_oom
    finally:
        engine.remove(host, spec.name)


def follow(order: Order, spec: ContainerSpec, session: Session) -> int:
    """Shows what it prints until it has ended: its exit code."""
    try:
        with order.keeper.ending(lambda: order.engine.remove(order.host.name, spec.name)):
            while data := session.read():
                order.output.feed(data)
            return session.wait()
    finally:
        order.output.end()
