"""What a buildpack left becomes one layer on the run image, or on the small one.

A container copies it and is committed, which goes by the engine's interface alone. Measured for 3,000 files of 30 MB:
1.7-2.4 s, where BuildKit's COPY took 1.1-2.6 s and a hand-made layer for `docker load`, which not every engine takes,
0.6-1.6 s; for a small app 0.3 s.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from paas.builds.container import APP_USER, begin, container_spec, follow
from paas.builds.order import BuildFailed, Order
from paas.engine.engine import Session
from paas.model.container import ContainerSpec

CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID")
"""What it takes to copy everybody's files."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One that will be: the container that will copy."""

    spec: ContainerSpec
    session: Future[Session]


def begin_layer(order: Order, image: str) -> Layer:
    """On `image`. To start a container takes as long as a small app's compile, so it is begun beside it."""
    spec = _spec(order, image)
    # Undone last of all: a build that ends meanwhile first waits for the start, in the pool.
    order.afterwards.callback(order.engine.remove, order.host.name, spec.name)
    pool = order.afterwards.enter_context(ThreadPoolExecutor(1))
    return Layer(spec, pool.submit(begin, order, spec))


def finish_layer(order: Order, layer: Layer) -> str:
    """The image that was named, and one layer with the app and its start command. The engine's id of it."""
    spec, session = layer.spec, layer.session.result()
    session.write(b"now\n")
    session.end_input()
    follow(order, spec, session)
    if code := session.wait():
        raise BuildFailed(f"the app could not be copied into its image (exit code {code})")
    committed = replace(
        spec,
        user=f"{APP_USER}:{APP_USER}",
        entrypoint=(),
        command=("/bin/bash",),
        workdir="/app",
        env={"HOME": "/app"},
        labels=order.labels,
    )
    return order.engine.commit(order.host.name, spec.name, order.tag, committed)


def _spec(order: Order, image: str) -> ContainerSpec:
    name = f"{order.build.container}-image"
    return replace(
        container_spec(order, image, name, "/mnt/in/install.sh"),
        user="0:0",
        capabilities=CAPABILITIES,
        mounts={str(order.folder): "/mnt"},
        takes_input=True,
    )
