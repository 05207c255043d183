"""What an engine is told: a ContainerSpec, or a network, as the body of the request."""

import ipaddress
from typing import Any

from paas.model.container import ContainerSpec

PLATFORM = "paas.platform"
"""The label that everything of a platform bears; its value is the platform's id."""
KIND = "paas.kind"
TOOLS = "tools"
"""The kind of the engine's own containers, which no list shows."""
VERSION = "paas.version"
"""The label that tells whether a tool that stays is the one it should be."""


def container_body(
    spec: ContainerSpec, platform: str, network: str, open_files: int | None
) -> dict[str, Any]:
    """Of POST /containers/create. `open_files`: None leaves what the engine itself was given."""
    body: dict[str, Any] = {
        "Image": spec.image,
        "Hostname": spec.hostname,
        # docker-init is tini; so told, it hands a signal to every process of the group and not to its child alone.
        "Env": [f"{key}={value}" for key, value in spec.env.items()]
        + ["TINI_KILL_PROCESS_GROUP=1"],
        "Labels": {**spec.labels, PLATFORM: platform},
        "Tty": spec.has_terminal,
        "OpenStdin": spec.takes_input,
        "StdinOnce": spec.takes_input,
        "AttachStdin": spec.takes_input,
        "HostConfig": {
            "Init": True,
            "NetworkMode": network,
            "RestartPolicy": {"Name": "unless-stopped" if spec.is_restarted else "no"},
            "SecurityOpt": ["no-new-privileges"],
            "CapDrop": ["ALL"],
            "CapAdd": list(spec.capabilities),
            "PidsLimit": spec.pids,
            "Memory": spec.memory_mb << 20,
            "MemorySwap": spec.memory_mb << 20,
            "NanoCpus": round(spec.cpus * 1e9),
            "Mounts": [
                {"Type": "bind", "Source": outside, "Target": inside}
                for outside, inside in spec.mounts.items()
            ],
            "LogConfig": {
                "Type": "json-file",
                "Config": {"max-size": "10m", "max-file": "3", "mode": "non-blocking"},
            },
        },
    }
    if open_files is not None:
        limit = {"Name": "nofile", "Soft": open_files, "Hard": open_files}
        body["HostConfig"]["Ulimits"] = [limit]
    body.update(process_body(spec))
    if spec.published is not None:
        address, port, inside = spec.published
        body["ExposedPorts"] = {f"{inside}/tcp": {}}
        bound = {"HostIp": address, "HostPort": str(port)}
        body["HostConfig"]["PortBindings"] = {f"{inside}/tcp": [bound]}
    if spec.address is not None:
        endpoint = {"IPAMConfig": {"IPv4Address": spec.address}}
        body["NetworkingConfig"] = {"EndpointsConfig": {network: endpoint}}
    return body


def process_body(spec: ContainerSpec) -> dict[str, Any]:
    """What it runs, where and as whom; what is not there is the image's own."""
    body: dict[str, Any] = {}
    if spec.command:
        body["Cmd"] = list(spec.command)
    if spec.entrypoint is not None:
        # To the engine an empty list is "the image's own"; a list of one empty word is "none".
        body["Entrypoint"] = list(spec.entrypoint) or [""]
    if spec.user is not None:
        body["User"] = spec.user
    if spec.workdir is not None:
        body["WorkingDir"] = spec.workdir
    return body


def network_arguments(platform: str, network: str, subnet: str) -> dict[str, Any]:
    """For the SDK's create_network. The engine's own choices stay in the last quarter of the subnet."""
    whole = ipaddress.ip_network(subnet)
    last = list(whole.subnets(prefixlen_diff=2))[-1]
    pool = {"Subnet": subnet, "Gateway": str(whole[1]), "IPRange": str(last)}
    return {
        "name": network,
        "driver": "bridge",
        "check_duplicate": True,
        "ipam": {"Driver": "default", "Config": [pool]},
        "labels": {PLATFORM: platform},
        "options": {
            "com.docker.network.bridge.name": bridge_name(platform),
            "com.docker.network.bridge.enable_icc": "false",
        },
    }


def tools_body(platform: str, image: str, command: list[str]) -> dict[str, Any]:
    """A container of the engine's own, in the host's network and allowed to change it, and nothing else."""
    return {
        "Image": image,
        "Entrypoint": command,
        "User": "0",
        "Labels": {PLATFORM: platform, KIND: TOOLS},
        "HostConfig": {
            "NetworkMode": "host",
            "SecurityOpt": ["no-new-privileges"],
            "CapDrop": ["ALL"],
            "CapAdd": ["NET_ADMIN", "NET_RAW"],
            "PidsLimit": 64,
            "Memory": 128 << 20,
        },
    }


def bounds_body(platform: str, image: str, command: list[str], cgroups: str) -> dict[str, Any]:
    """A container of the engine's own that sees the host's control groups at `cgroups`, and nothing else of it."""
    body = tools_body(platform, image, command)
    body["HostConfig"] |= {
        "NetworkMode": "none",
        "CapAdd": [],
        "Binds": [f"/sys/fs/cgroup:{cgroups}"],
    }
    return body


def guard_body(platform: str, image: str, command: list[str], version: str) -> dict[str, Any]:
    """The tool that stays: the engine starts it again, as it does the apps."""
    body = tools_body(platform, image, command)
    body["Labels"][VERSION] = version
    body["HostConfig"] |= {"Init": True, "RestartPolicy": {"Name": "unless-stopped"}}
    return body


def bridge_name(platform: str) -> str:
    """The interface on the host; the kernel allows 15 characters."""
    return f"pb-{platform}"[:15]
