"""A platform whose apps run on the hosts of a lab: everything real, and each host can be lost."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from paas.model.container import UP, Container
from paas.model.host import LOCAL, Host, HostHealth
from paas.model.route import Route
from tests.eventually import eventually
from tests.integration.installation import Installation
from tests.integration.user import User
from tests.multihost.lab import Lab, LabHost, running_lab

QUICK = {"suspect_seconds": 3.0, "down_seconds": 8.0, "acknowledge_seconds": 10.0}
"""What a test waits for to be found out. The time that is promised is measured by `bench/failover`."""
APP = "shop"


@dataclass
class Fleet:
    lab: Lab
    installation: Installation
    admin: User
    hosts: dict[str, LabHost] = field(default_factory=dict)
    off: set[str] = field(default_factory=set)

    def joins(self, *names: str) -> None:
        """New machines, registered one after the other."""
        for host in self.lab.add_all(*names):
            self.hosts[host.name] = host
            self.registers(host.name)

    def registers(self, name: str) -> None:
        said = self.admin.types(f"paas hosts:add {name} {self.hosts[name].ssh_url}")
        assert said.code == 0, said.text

    def dies(self, name: str) -> None:
        """A power cut, until `boots`."""
        self.off.add(name)
        self.lab.kill(self.hosts[name])

    def boots(self, name: str) -> None:
        self.lab.reboot(self.hosts[name])
        self.off.discard(name)

    def host(self, name: str) -> Host:
        return self.installation.platform.hosts.get(name)

    def health(self, name: str) -> HostHealth:
        return self.host(name).health

    def rows(self, app: str) -> list[Container]:
        """Those that are up."""
        platform = self.installation.platform
        return [
            row for row in platform.containers.of(platform.apps.named(app).id) if row.state is UP
        ]

    def where(self, app: str) -> dict[str, str]:
        """Dyno -> host, of those that are up."""
        return {row.dyno.name: row.host for row in self.rows(app)}

    def made(self) -> set[str]:
        """The containers of apps on all hosts that answer, as their engines tell."""
        platform = self.installation.platform
        return {
            seen.name
            for host in platform.hosts.all()
            if host.health is HostHealth.UP
            for seen in platform.engine.list(host.name)
        }

    def told(self) -> tuple[str | None, Mapping[str, Route]]:
        """The table's epoch and routes."""
        table = self.installation.platform.routes.snapshot()
        return table.epoch, table.routes

    def listed(self, *words: str) -> Any:
        said = self.admin.types(f"paas {' '.join(words)} --json")
        assert said.code == 0, said.text
        return json.loads(said.out)

    def heals(self) -> None:
        """Every host is on, well and known to be."""
        for name in sorted(self.off):
            self.boots(name)
        for host in self.hosts.values():
            self.lab.heal(host)
        eventually(
            lambda: all(self.health(name) is HostHealth.UP for name in self.hosts), within=60
        )


@contextmanager
def running_fleet(*names: str, **settings: Any) -> Iterator[Fleet]:
    """With a host of each name; the platform's own machine takes no apps."""
    with running_lab() as lab:
        installation = Installation.make(**{**QUICK, **settings})
        try:
            shutil.copy(lab.key, installation.settings.hosts_key)
            shutil.copy(
                lab.key.with_suffix(".pub"), installation.settings.hosts_key.with_suffix(".pub")
            )
            installation.run()
            fleet = Fleet(lab, installation, installation.welcomes("root", is_admin=True))
            fleet.joins(*names)
            drained = fleet.admin.types(f"paas hosts:drain {LOCAL}")
            assert drained.code == 0, drained.text
            yield fleet
        finally:
            installation.destroy()
