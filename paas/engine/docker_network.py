"""The platform's network on a host, and the host's packet filter."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from paas.engine.body import (
    KIND,
    PLATFORM,
    TOOLS,
    VERSION,
    guard_body,
    network_arguments,
    tools_body,
)
from paas.engine.connections import APIError, Client, Connections, explain, one_line
from paas.engine.docker_images import DockerImages
from paas.engine.engine import EngineFailed, HostUnreachable, SubnetTaken
from paas.engine.packet_filter import (
    Surroundings,
    apply_arguments,
    guard_arguments,
    remove_arguments,
)
from paas.model.container import container_name
from paas.subnet import address_towards

SECONDS = 60.0
"""For what the engine must do; what it is asked it answers in the patience of its connections."""
APPEARS_SECONDS = 2.0
SWEPT_AFTER = "5m"
"""As the engine takes it: by its own clock, since the container was made."""
NOT_THERE, CONFLICT = 404, 409


@dataclass(frozen=True, slots=True)
class DockerNetwork:
    connections: Connections
    images: DockerImages
    platform: str
    network: str
    tools_image: str
    """On the platform's own machine. Has /bin/sh, iptables and python3."""
    open_ports: Sequence[int]
    """TCP ports of a router, which containers may reach."""
    routers: Callable[[], Sequence[str]]
    """The addresses of the routers on other machines than the platform's own."""

    def tools_on(self, host: str) -> str:
        """What the image of the tools is called there: elsewhere it comes from the registry."""
        if self.connections.host(host).is_local:
            return self.tools_image
        return self.images.registry.tools(self.platform)

    def fetch_tools(self, host: str) -> None:
        """Raises RegistryFailed or ImageMissing."""
        if not self.connections.host(host).is_local:
            self.images.pull(host, self.tools_on(host))

    def make(self, host: str, subnet: str) -> None:
        """Raises SubnetTaken; EngineFailed when the network is there with another subnet."""
        with self.connections.to(host) as client:
            if self._is_there(client, host, subnet):
                return
        with self.connections.to(host, SECONDS) as client:
            try:
                client.create_network(**network_arguments(self.platform, self.network, subnet))
            except APIError as error:
                why = explain(error)
                if self._comes(client, host, subnet):
                    return  # made by another process in between
                if "overlap" in why or "already exists" in why:
                    raise SubnetTaken(host, subnet) from None
                raise

    def filter_packets(self, host: str) -> None:
        """Raises EngineFailed with what the tool said."""
        self._filter(host, apply_arguments(self.platform, self._surroundings(host)))

    def _surroundings(self, host: str) -> Surroundings:
        hosts = [each for each in self.connections.hosts() if not each.is_local and each.address]
        own, routers = self.connections.host(host), self.routers()
        elsewhere = [address for address in routers if address != own.address]
        if not own.is_local and own.address is not None:
            elsewhere.append(_seen_from(host, own.address))
        return Surroundings(
            open_ports=self.open_ports,
            routers=elsewhere,
            hosts=[str(each.address) for each in hosts],
            has_router=own.is_local or own.address in routers,
            has_builds=own.is_local,
        )

    def guard(self, host: str) -> None:
        """Leaves a container there that puts the rules back when a firewall's reload has taken them.

        The engine starts it together with the apps: after a reboot too the rules do not wait for us. Silent if it is
        there and up to date.
        """
        command, name = guard_arguments(self.platform, self._surroundings(host)), self.guard_name
        with self.connections.to(host) as client:
            image = client.inspect_image(self.tools_on(host))["Id"]
            version = hashlib.sha256(json.dumps([image, command]).encode()).hexdigest()[:12]
            if self._runs(client, version):
                return
        with self.connections.to(host, SECONDS) as client:
            self._remove_guard(client)
            body = guard_body(self.platform, image, command, version)
            try:
                client.create_container_from_config(body, name)
            except APIError as error:
                if error.status_code != CONFLICT:
                    raise
                return  # made by another process in between, or not gone yet: the next look sees
            client.start(name)

    def _runs(self, client: Client, version: str) -> bool:
        try:
            found: dict[str, Any] = client.inspect_container(self.guard_name)
        except APIError as error:
            if error.status_code != NOT_THERE:
                raise
            return False
        is_same = found["Config"]["Labels"].get(VERSION) == version
        return is_same and bool(found["State"]["Running"])

    def _remove_guard(self, client: Client) -> None:
        try:
            client.remove_container(self.guard_name, force=True)
        except APIError as error:
            if error.status_code not in (NOT_THERE, CONFLICT):
                raise

    @property
    def guard_name(self) -> str:
        return container_name(self.platform, "filter")

    def forget(self, host: str) -> None:
        """Takes rules, tools and network away. Raises EngineFailed while an app's container is on the network."""
        with self.connections.to(host, SECONDS) as client:
            self._remove_guard(client)
        self._filter(host, remove_arguments(self.platform))
        with self.connections.to(host, SECONDS) as client:
            # The engine goes on making what a process asked for that has ended since.
            for found in client.containers(all=True, filters={"label": self._tools}):
                client.remove_container(found["Id"], force=True)
            try:
                client.remove_network(self.network)
            except APIError as error:
                if error.status_code != NOT_THERE:
                    raise

    def _comes(self, client: Client, host: str, subnet: str) -> bool:
        """Its addresses are taken a moment before it is seen."""
        deadline = time.monotonic() + APPEARS_SECONDS
        while not self._is_there(client, host, subnet):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _is_there(self, client: Client, host: str, subnet: str) -> bool:
        try:
            found: dict[str, Any] = client.inspect_network(self.network)
        except APIError as error:
            if error.status_code == NOT_THERE:
                return False
            raise
        subnets = [pool["Subnet"] for pool in found["IPAM"]["Config"] or ()]
        if subnets != [subnet] or found["Labels"].get(PLATFORM) != self.platform:
            raise EngineFailed(
                host, f"network {self.network} is there and has {subnets}, not {subnet}"
            )
        return True

    def _filter(self, host: str, command: list[str]) -> None:
        self.run_tool(host, tools_body(self.platform, self.tools_on(host), command))

    def run_tool(self, host: str, body: dict[str, Any]) -> None:
        """To its end. Raises EngineFailed with what it said."""
        name = container_name(self.platform, f"{TOOLS}-{uuid4().hex[:12]}")
        with self.connections.to(host, SECONDS) as client:
            self._sweep(client)
            made = client.create_container_from_config(body, name)["Id"]
            try:
                client.start(made)
                code = client.wait(made, timeout=SECONDS)["StatusCode"]
                if code != 0:
                    said = client.logs(made).decode(errors="replace")
                    raise EngineFailed(
                        host, f"the platform's tool ended with {code}: {one_line(said)}"
                    )
            finally:
                client.remove_container(made, force=True)

    def _sweep(self, client: Client) -> None:
        """What a killed process left. One that runs is somebody's, and so may be a young one; all end by themselves."""
        try:
            client.prune_containers(filters={"label": self._tools, "until": SWEPT_AFTER})
        except APIError as error:
            if error.status_code != CONFLICT:  # another prunes
                raise

    @property
    def _tools(self) -> list[str]:
        """Which containers."""
        return [f"{PLATFORM}={self.platform}", f"{KIND}={TOOLS}"]


def _seen_from(host: str, address: str) -> str:
    try:
        return address_towards(address)
    except OSError as error:
        raise HostUnreachable(host, f"there is no way to {address}: {error.strerror}") from None
