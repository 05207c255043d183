"""What an engine is told of a container and of a network."""

from typing import Any

from paas.engine.body import bridge_name, container_body, network_arguments
from paas.model.container import ContainerSpec


def body_of(**fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": "paas-p-1",
        "image": "image-1",
        "labels": {},
        "hostname": "web-1",
        "env": {},
        "memory_mb": 512,
        "cpus": 2.0,
        "pids": 512,
    }
    return container_body(ContainerSpec(**values | fields), "p", "paas-p", 65536)


def test_what_the_spec_does_not_say_is_the_images_own() -> None:
    body = body_of()

    assert body.keys().isdisjoint({"Cmd", "Entrypoint", "User", "WorkingDir", "NetworkingConfig"})


def test_an_entrypoint_can_be_taken_away() -> None:
    assert body_of(entrypoint=())["Entrypoint"] == [""]


def test_every_container_bears_the_platform() -> None:
    assert body_of(labels={"paas.platform": "other", "a": "b"})["Labels"] == {
        "a": "b",
        "paas.platform": "p",
    }


def test_nothing_is_granted_that_was_not_asked_for() -> None:
    host = body_of()["HostConfig"]

    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] == []
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host.keys().isdisjoint({"Privileged", "PortBindings", "Binds", "Devices", "PidMode"})


def test_a_one_off_is_not_restarted() -> None:
    assert body_of(is_restarted=False)["HostConfig"]["RestartPolicy"] == {"Name": "no"}
    assert body_of()["HostConfig"]["RestartPolicy"] == {"Name": "unless-stopped"}


def test_a_folder_is_bound_and_no_volume_is_made() -> None:
    mounts = body_of(mounts={"/srv/cache": "/cache"})["HostConfig"]["Mounts"]

    assert mounts == [{"Type": "bind", "Source": "/srv/cache", "Target": "/cache"}]


def test_an_address_is_on_the_platforms_network() -> None:
    endpoints = body_of(address="10.85.0.7")["NetworkingConfig"]["EndpointsConfig"]

    assert endpoints == {"paas-p": {"IPAMConfig": {"IPv4Address": "10.85.0.7"}}}


def test_an_engine_that_has_few_files_is_not_asked_for_more() -> None:
    spec = ContainerSpec(
        name="n", image="i", labels={}, hostname="h", env={}, memory_mb=1, cpus=1, pids=1
    )

    assert "Ulimits" not in container_body(spec, "p", "paas-p", None)["HostConfig"]


def test_the_engines_own_choices_are_the_last_quarter_of_the_network() -> None:
    pool = network_arguments("p", "paas-p", "10.85.0.0/20")["ipam"]["Config"]

    assert pool == [{"Subnet": "10.85.0.0/20", "Gateway": "10.85.0.1", "IPRange": "10.85.12.0/22"}]


def test_a_bridges_name_fits_the_kernel() -> None:
    assert bridge_name("abcd2345") == "pb-abcd2345"
    assert len(bridge_name("x" * 40)) == 15
