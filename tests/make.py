"""Valid values with one interesting field: what a test does not name is of no interest to it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from paas.model.app import App, AppName
from paas.model.config import Config
from paas.model.container import Container, ContainerState, Kind
from paas.model.formation import Dyno
from paas.model.host import Host, HostHealth, Schedulable
from paas.model.release import Release

NOW = 1_700_000_000.0
APP_ID = str(UUID(int=1))


def make_app(name: str = "shop", **fields: Any) -> App:
    app = App(
        id=APP_ID,
        name=AppName(name),
        owner="ana",
        created_at=NOW,
        updated_at=NOW,
        stopped=False,
        wanted_release=None,
        current_release=None,
        wake=0,
        live_wake=0,
    )
    return replace(app, **fields)


def make_release(number: int = 1, **fields: Any) -> Release:
    release = Release(
        app_id=APP_ID,
        number=number,
        image=str(UUID(int=100 + number)),
        processes={"web": "python server.py"},
        config=Config(),
        description="Deploy 3f2a91c",
        commit="3f2a91c" + "0" * 33,
        created_at=NOW,
        created_by="ana",
    )
    return replace(release, **fields)


def make_host(name: str = "local", **fields: Any) -> Host:
    """One that is not `local` is on another machine."""
    host = Host(
        name=name,
        url="unix:///var/run/docker.sock",
        is_local=name == "local",
        subnet="10.85.0.0/20",
        arch="amd64",
        health=HostHealth.UP,
        health_since=NOW,
        schedulable=Schedulable.OPEN,
        memory_mb=4096,
        disk_free_mb=20_000,
        engine_version="20.10.24",
        address=None if name == "local" else "127.0.0.1",
    )
    return replace(host, **fields)


def make_dyno(name: str = "web.1", **fields: Any) -> Dyno:
    process, _, number = name.rpartition(".")
    return replace(Dyno(APP_ID, release=1, process=process, number=int(number)), **fields)


def make_container(dyno: Dyno | str = "web.1", number: int = 1, **fields: Any) -> Container:
    """`number` makes its id."""
    container = Container(
        id=f"{number:012x}",
        dyno=make_dyno(dyno) if isinstance(dyno, str) else dyno,
        kind=Kind.DYNO,
        host="local",
        state=ContainerState.UP,
        since=NOW,
        placed_at=NOW,
        address=f"10.85.0.{number + 1}",
        port=5000,
    )
    return replace(container, **fields)
