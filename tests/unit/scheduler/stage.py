"""An app on a platform with the memory's engine, and a router that acknowledges when it is told to."""

import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from paas.engine.engine import HostUnreachable
from paas.model.app import App, AppName
from paas.model.build import Builder, Image
from paas.model.container import STARTING, UP, Container, ContainerState, container_name
from paas.model.host import HostHealth
from paas.model.person import PersonName
from paas.model.route import Route, RouterStatus
from paas.releases.create import NOTHING, release_image
from paas.releases.declared import Declared
from paas.scheduler.converge import converge
from paas.scheduler.observe import Observer
from paas.settings import Settings
from paas.wiring import Platform, connect
from tests.engine import IMAGE, MemoryEngine, World
from tests.make import make_host


@dataclass
class Stage:
    platform: Platform
    engine: MemoryEngine
    app: App
    observer: Observer
    hosts: tuple[str, ...]
    is_acknowledged: bool = True
    builder: Builder = Builder.BUILDPACK
    busy: dict[str, int] = field(default_factory=dict)

    @classmethod
    def set_up(cls, settings: Settings, *hosts: str) -> "Stage":
        names = hosts or ("local",)
        engine = MemoryEngine(settings.platform, World(*names))
        platform = connect(settings, engine)
        for name in names:
            platform.hosts.add(make_host(name))
        platform.routers.add("local", time.time())
        platform.people.add(PersonName("ana"), time.time(), is_admin=True)
        app = platform.apps.add(str(uuid.uuid4()), AppName("shop"), "ana", time.time())
        return cls(platform, engine, app, Observer(make_host(names[0]), platform), names)

    def another_app(self, name: str) -> App:
        """With a release that is wanted, and no step taken yet."""
        app = self.platform.apps.add(str(uuid.uuid4()), AppName(name), "ana", time.time())
        self._release(app, {"web": "serve"})
        return app

    def releases(self, **processes: str) -> None:
        """An image is built, and its release is wanted."""
        self._release(self.app, processes or {"web": "serve"})

    def releases_as(self, declared: Declared, **processes: str) -> None:
        """The same, of an app with an app.json."""
        self._release(self.app, processes or {"web": "serve"}, declared)

    def _release(
        self, app: App, processes: Mapping[str, str], declared: Declared = NOTHING
    ) -> None:
        image = Image(
            id=str(uuid.uuid4()), app_id=app.id, builder=self.builder, arch="amd64", port=5000,
            where=dict.fromkeys(self.hosts, IMAGE), source="", commit="3f2a91c", created_at=time.time(),
            healthcheck=declared.app_file.healthcheck,
        )  # fmt: skip
        release_image(
            app,
            image,
            declared.processes(processes),
            "Deploy 3f2a91c",
            "3f2a91c",
            "ana",
            self.platform,
            time.time(),
            declared,
        )

    def converges(self, times: int = 6) -> None:
        """As long as something moves: steps, and what a router and the engine's events would bring."""
        before = self.looks()
        for _ in range(times):
            with suppress(HostUnreachable):  # as the job does
                converge(self.app.id, "worker", self.platform)
            self.acknowledges()
            for row in self.rows():
                if row.state.value in ("stopping", "crashed") and not row.is_logged:
                    self.platform.containers.note(row.id, is_logged=True)
            self.sweeps()
            after = self.looks()
            if after == before:
                return
            before = after

    def sweeps(self) -> None:
        """Every host that answers."""
        for host in self.platform.hosts.all():
            if host.health is HostHealth.UP:
                is_first = host.name == self.hosts[0]
                with suppress(HostUnreachable):  # as `watch` does
                    (self.observer if is_first else Observer(host, self.platform)).sweep()

    def is_seen(self, host: str, health: HostHealth) -> None:
        """What `watch` has found, and what it then does."""
        self.platform.hosts.note(host, health=str(health))
        self.platform.apps.touch(self.app.id)

    def acknowledges(self) -> None:
        version = self.platform.routes.version()
        if self.is_acknowledged and version is not None:
            now = time.time()
            self.platform.routes.acknowledge("local", version, self.busy, RouterStatus(), now)
            self.platform.routers.acknowledge("local", version.epoch, version.number, now)

    def comes_up(self, *names: str) -> None:
        """What starts answers: all of it, or the dynos of these names."""
        for row in self.rows(STARTING):
            if not names or row.dyno.name in names:
                self.platform.containers.move(row.id, UP, time.time())
                self.platform.apps.touch(self.app.id)

    def deployed(self, **processes: str) -> None:
        self.releases(**processes)
        self.converges()
        self.comes_up()
        self.converges()

    def crashes(self, name: str, code: int = 1) -> None:
        row = self.row(name)
        self.engine.crash(row.host, container_name(self.platform.settings.platform, row.id), code)
        self.observer._exited(row, code, time.time())

    def row(self, name: str) -> Container:
        return next(row for row in self.rows() if row.dyno.name == name)

    def rows(self, *states: ContainerState) -> list[Container]:
        rows = self.platform.containers.of(self.app.id)
        return [row for row in rows if not states or row.state in states]

    def looks(self) -> object:
        """All that a step goes by, but the time."""
        heard = [(router.epoch, router.number) for router in self.platform.routers.all()]
        told = [(ack.number, ack.busy) for ack in self.platform.routes.acknowledgements().values()]
        return self.now(), self.rows(), heard, told, self.platform.routes.version()

    def now(self) -> App:
        return self.platform.apps.get(self.app.id)

    def route(self) -> Route:
        route = self.platform.routes.route(self.app.id)
        assert route is not None
        return route

    def served(self) -> list[str]:
        return sorted(backend.dyno for backend in self.route().backends)

    def running(self) -> list[str]:
        names = [box.spec.env["DYNO"] for machine in self.engine.world.machines.values()
                 for box in machine.boxes.values() if box.is_running]  # fmt: skip
        return sorted(names)
