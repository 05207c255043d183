"""Connects the parts of a platform. Parts and no verbs; nothing is connected at import."""

import random
from dataclasses import dataclass

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from paas.builds.sources import SourceStore
from paas.engine.docker_engine import DockerEngine
from paas.engine.engine import Engine
from paas.engine.registry import Registry
from paas.engine.threads import EngineThreads
from paas.logs.store import LogStore
from paas.routes.table import RouteTable
from paas.settings import Settings
from paas.store.apps import AppStore
from paas.store.build_configs import BuildConfigStore
from paas.store.buildpacks import BuildpackStore
from paas.store.builds import BuildStore
from paas.store.cipher import Cipher
from paas.store.containers import ContainerStore
from paas.store.database import Database
from paas.store.deploys import DeployStore
from paas.store.domains import DomainStore
from paas.store.formations import FormationStore
from paas.store.hosts import HostStore
from paas.store.leases import Leases
from paas.store.people import PeopleStore
from paas.store.releases import ReleaseStore
from paas.store.routers import RouterStore
from paas.wire import Wire

ANSWER_SECONDS = 3.0
"""How long Redis may take; a command is tried three times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The parts. A function asks for those it touches; only a story takes the whole."""

    settings: Settings
    record: Database
    apps: AppStore
    people: PeopleStore
    builds: BuildStore
    buildpacks: BuildpackStore
    build_configs: BuildConfigStore
    releases: ReleaseStore
    deploys: DeployStore
    formations: FormationStore
    containers: ContainerStore
    hosts: HostStore
    domains: DomainStore
    routers: RouterStore
    leases: Leases
    cipher: Cipher
    engine: Engine
    registry: Registry
    redis: Redis
    routes: RouteTable
    wire: Wire
    sources: SourceStore
    logs: LogStore
    rng: random.Random
    threads: EngineThreads
    """For what engines can do side by side."""


def connect(settings: Settings, engine: Engine | None = None) -> Platform:
    """Opens the record and the key (raises KeyLost); Redis and engines are connected at first use.

    `engine` takes the place of the real one in tests.
    """
    record = Database(settings.record)
    cipher = Cipher(settings.keys / "config.key")
    redis = connect_redis(settings)
    hosts, routers = HostStore(record), RouterStore(record)
    registry = Registry.of(settings)
    return Platform(
        settings=settings,
        record=record,
        apps=AppStore(record),
        people=PeopleStore(record),
        builds=BuildStore(record),
        buildpacks=BuildpackStore(record),
        build_configs=BuildConfigStore(record),
        releases=ReleaseStore(record, cipher),
        deploys=DeployStore(record),
        formations=FormationStore(record),
        containers=ContainerStore(record),
        hosts=hosts,
        domains=DomainStore(record),
        routers=routers,
        leases=Leases(record),
        cipher=cipher,
        engine=engine
        or DockerEngine(
            settings.platform,
            settings.network,
            hosts,
            tools_image=settings.stack_run,
            registry=registry,
            open_ports=(settings.http_port,),
            routers=routers.addresses,
            notes=settings.engine_notes,
        ),
        registry=registry,
        redis=redis,
        routes=RouteTable(redis, settings.platform),
        wire=Wire(redis, connect_redis(settings, decode=False), settings.platform),
        sources=SourceStore(settings.sources),
        logs=LogStore(settings.logs, settings.log_mb),
        rng=random.Random(),
        threads=EngineThreads(),
    )


def connect_redis(settings: Settings, *, decode: bool = True) -> Redis:
    """As the user `paas`; connects at first use and again when the connection was lost."""
    password = settings.keys / "redis.paas"
    return Redis(
        unix_socket_path=str(settings.redis_socket),
        username="paas",
        password=password.read_text().strip() if password.exists() else None,
        decode_responses=decode,
        socket_connect_timeout=2,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 2),
    )
