"""What only the real engine can show: privileges, limits, signals, bytes, terminals, and trouble on the way."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from docker.api.client import APIClient

from paas.engine.body import PLATFORM
from paas.engine.breaker import OPEN_SECONDS
from paas.engine.build_bounds import free_builds
from paas.engine.docker_engine import DockerEngine
from paas.engine.engine import KILLED, EventKind, HostUnreachable, SubnetTaken
from tests.contract.conftest import OneHost
from tests.contract.lab import Lab
from tests.engine import Does
from tests.eventually import eventually

pytestmark = pytest.mark.docker


def output(lab: Lab, *command: str, **fields: Any) -> bytes:
    """Everything a container printed, byte for byte."""
    session = lab.engine.attach(lab.host, lab.spec(command=command, **fields))
    try:
        return b"".join(iter(session.read, b""))
    finally:
        session.close()


def test_a_container_has_no_privileges(docker_lab: Lab) -> None:
    status = output(docker_lab, "cat", "/proc/self/status").decode()

    said = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(said[kind], 16) == 0
    assert said["NoNewPrivs"] == "1"
    assert said["Seccomp"] == "2"


def test_the_capabilities_that_were_named_remain(docker_lab: Lab) -> None:
    status = output(docker_lab, "cat", "/proc/self/status", capabilities=("CHOWN", "KILL")).decode()

    assert "CapEff:\t0000000000000021" in status


def test_limits_are_the_specs(docker_lab: Lab, engine_client: APIClient) -> None:
    name = docker_lab.started(memory_mb=96, cpus=0.5, pids=33)

    limits = engine_client.inspect_container(name)["HostConfig"]

    assert limits["Memory"] == 96 << 20
    assert limits["MemorySwap"] in (96 << 20, -1)  # -1: a kernel that does not count swap
    assert limits["NanoCpus"] == 500_000_000
    assert limits["PidsLimit"] == 33
    assert limits["LogConfig"]["Config"] == {
        "max-size": "10m",
        "max-file": "3",
        "mode": "non-blocking",
    }


def test_all_dockerfile_builds_together_are_bounded_where_that_is_known(docker_lab: Lab) -> None:
    memory = Path("/sys/fs/cgroup/memory/docker/buildkit")
    quota = Path("/sys/fs/cgroup/cpu/docker/buildkit/cpu.cfs_quota_us")

    is_bounded = docker_lab.engine.bound_builds(docker_lab.host, 4095, 1.75)

    assert is_bounded == memory.exists()
    if is_bounded:
        limits = {path.name: path.read_text().strip() for path in memory.glob("*limit_in_bytes")}
        assert limits["memory.limit_in_bytes"] == f"{4095 << 20}"
        assert limits.get("memory.memsw.limit_in_bytes") in (None, f"{4095 << 20}")
        assert quota.read_text() == "175000\n"


def test_a_bound_of_dockerfile_builds_stays_while_another_platform_is_there(
    docker_lab: Lab,
) -> None:
    memory = Path("/sys/fs/cgroup/memory/docker/buildkit/memory.limit_in_bytes")
    is_bounded = docker_lab.engine.bound_builds(docker_lab.host, 4094, 2)
    docker_lab.started()
    assert isinstance(docker_lab.engine, DockerEngine)

    free_builds(docker_lab.engine.network, docker_lab.host)

    assert not is_bounded or memory.read_text() == f"{4094 << 20}\n"


def test_a_container_that_eats_its_memory_is_killed_and_told_of(docker_lab: Lab) -> None:
    """That it was for its memory, some engines tell and some never do: the port promises the exit code alone."""
    eats = "a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done"
    with docker_lab.engine.events(docker_lab.host) as events:
        name = docker_lab.started(command=("bash", "-c", eats), memory_mb=32)

        code = None
        while code is None:
            event = next(events)
            if event is not None and event.name == name and event.kind is EventKind.EXITED:
                code = event.exit_code

    assert code == KILLED
    seen = docker_lab.engine.inspect("local", name)
    assert seen is not None and seen.exit_code == KILLED


def test_a_container_takes_its_nameless_volumes_with_it_and_no_other(
    docker_lab: Lab, engine_client: APIClient
) -> None:
    spec = docker_lab.spec("heavy")
    named = engine_client.create_volume(f"{spec.name}-kept")["Name"]
    body = {
        "Image": spec.image,
        "Cmd": [*spec.command],
        "Volumes": {"/of-the-image": {}},
        "Labels": {PLATFORM: docker_lab.platform},
        "HostConfig": {"Mounts": [{"Type": "volume", "Source": named, "Target": "/kept"}]},
    }
    engine_client.create_container_from_config(body, spec.name)
    docker_lab.engine.start(docker_lab.host, spec)
    mounts = engine_client.inspect_container(spec.name)["Mounts"]
    [nameless] = [mount["Name"] for mount in mounts if mount["Destination"] == "/of-the-image"]

    docker_lab.engine.remove(docker_lab.host, spec.name)

    left = {volume["Name"] for volume in engine_client.volumes()["Volumes"] or ()}
    engine_client.remove_volume(named)
    assert named in left
    assert nameless not in left


@pytest.mark.parametrize(
    "value",
    ["two\nlines", "\"double\" and 'single'", "$HOME $(id) `id`", "é 🚀 \u202e", "x" * 32_768, ""],
    ids=["newline", "quotes", "shell", "utf-8", "32 KiB", "empty"],
)
def test_a_variable_arrives_byte_for_byte(docker_lab: Lab, value: str) -> None:
    printed = output(docker_lab, "cat", "/proc/self/environ", env={"SECRET": value, "B": "="})

    variables = printed.split(b"\0")
    assert b"SECRET=" + value.encode() in variables
    assert b"B==" in variables


def test_a_request_to_stop_reaches_the_children(docker_lab: Lab) -> None:
    child = "trap 'echo child heard; exit' TERM; echo ready; while :; do sleep 0.05; done"
    parent = f"bash -c \"{child}\" & trap 'echo parent heard' TERM; wait; wait"
    name = docker_lab.started(command=("bash", "-c", parent))
    eventually(lambda: "ready" in log_of(docker_lab, name))

    docker_lab.engine.stop(docker_lab.host, name, grace_seconds=5)

    assert {"child heard", "parent heard"} <= set(log_of(docker_lab, name))


def log_of(lab: Lab, name: str) -> list[str]:
    """What was printed until now."""
    told: list[str] = []

    def read() -> None:
        with lab.engine.logs(lab.host, name, 0) as lines:
            told.extend(line.text for line in lines)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(0.3)
    return told


def test_what_was_left_behind_by_its_parent_is_no_zombie(docker_lab: Lab) -> None:
    name = docker_lab.started(command=("bash", "-c", "(sleep 0.1 & ) ; sleep 1000"))
    time.sleep(0.4)

    code, printed = docker_lab.engine.exec(
        docker_lab.host, name, ["bash", "-c", "cat /proc/[0-9]*/stat"]
    )

    assert code in (0, 1)  # a process may be gone while it is read
    assert " Z " not in printed


def test_a_folder_is_mounted(docker_lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("hello")

    assert output(docker_lab, "cat", "/data/word", mounts={str(tmp_path): "/data"}) == b"hello"


def test_a_folder_that_is_not_there_is_not_made(docker_lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="could not start"):
        docker_lab.started(mounts={str(tmp_path / "nowhere"): "/data"})

    assert not (tmp_path / "nowhere").exists()


def test_stdout_and_stderr_are_one_log(docker_lab: Lab) -> None:
    name = docker_lab.started(command=("sh", "-c", "echo out; echo err >&2; printf unended"))
    docker_lab.engine.wait(docker_lab.host, name, 10)

    assert sorted(log_of(docker_lab, name)) == ["err", "out", "unended"]


def test_bytes_that_are_not_text_are_replaced(docker_lab: Lab) -> None:
    name = docker_lab.started(command=("bash", "-c", "printf 'a\\xffb\\0c\\n'"))

    docker_lab.engine.wait(docker_lab.host, name, 10)

    assert log_of(docker_lab, name) == ["a\ufffdb\0c"]


def test_a_log_is_followed_across_restarts(docker_lab: Lab) -> None:
    name = docker_lab.started(does=Does(prints=("up",), exits=1), is_restarted=True)
    read: list[str] = []

    def follow() -> None:
        with docker_lab.engine.logs(docker_lab.host, name, 0) as lines:
            read.extend(line.text for line in lines)

    follower = threading.Thread(target=follow)
    follower.start()
    eventually(lambda: len(read) >= 4, within=20)
    docker_lab.engine.stop(docker_lab.host, name, grace_seconds=1)
    follower.join(10)

    assert not follower.is_alive()
    seen = docker_lab.engine.inspect(docker_lab.host, name)
    assert seen is not None
    assert len(read) in (
        seen.restarts,
        seen.restarts + 1,
    )  # the last one was stopped before it began


def test_ten_thousand_lines_arrive_once_and_in_order(docker_lab: Lab) -> None:
    script = "for ((n = 0; n < 10000; n++)); do echo $n; done"
    name = docker_lab.started(command=("bash", "-c", script))

    with docker_lab.engine.logs(docker_lab.host, name, 0) as lines:
        told = [int(line.text) for line in lines]

    # The log's buffer is bounded so that an app never waits for it: lines can be missing, but not come twice.
    assert told == sorted(set(told))
    assert told[-1] == 9999


def test_a_terminal_has_a_size_and_echoes(docker_lab: Lab) -> None:
    script = 'read -r line; echo "<$line>"; shopt -s checkwinsize; (:); echo $LINES $COLUMNS'
    spec = docker_lab.spec(
        command=("bash", "-c", script), has_terminal=True, takes_input=True, is_restarted=False
    )
    session = docker_lab.engine.attach(docker_lab.host, spec)

    session.resize(40, 120)
    session.write(b"hello\n")
    printed = b"".join(iter(session.read, b""))
    session.close()

    assert printed == b"hello\r\n<hello>\r\n40 120\r\n"


def test_a_command_that_takes_too_long_is_given_up(docker_lab: Lab) -> None:
    name = docker_lab.started()
    hasty = DockerEngine(docker_lab.platform, "none", OneHost(), patience_seconds=1)

    code, printed = hasty.exec("local", name, ["sh", "-c", "echo begun; sleep 30"])

    assert (code, printed) == (124, "begun\n")


def test_the_variables_of_an_image_are_its_specs(docker_lab: Lab, engine_client: APIClient) -> None:
    name = docker_lab.started(does=Does(exits=0), env={"STEP": "compile", "KEPT": "old"})
    docker_lab.engine.wait(docker_lab.host, name, 10)
    spec = docker_lab.spec("made", env={"KEPT": "new"}, entrypoint=("sh", "-c"), workdir="/tmp")

    image_id = docker_lab.engine.commit(
        docker_lab.host, name, f"paas/{docker_lab.platform}/e:v1", spec
    )

    config = engine_client.inspect_image(image_id)["Config"]
    assert {"KEPT=new", "STEP="} <= set(config["Env"])
    assert config["Entrypoint"] == ["sh", "-c"]
    assert config["WorkingDir"] == "/tmp"
    docker_lab.engine.remove(docker_lab.host, name)
    docker_lab.engine.remove_image(docker_lab.host, image_id)


def test_a_fixed_address_stays_over_a_restart(docker_lab: Lab) -> None:
    address = f"{docker_lab.addresses}.20"
    name = docker_lab.started(does=Does(exits=1), is_restarted=True, address=address)

    def has_restarted() -> bool:
        seen = docker_lab.engine.inspect(docker_lab.host, name)
        return seen is not None and seen.restarts > 0

    eventually(has_restarted, within=10)

    seen = docker_lab.engine.inspect(docker_lab.host, name)
    assert seen is not None
    assert seen.address == address


def test_the_engines_own_choice_is_never_an_address_that_can_be_leased(docker_lab: Lab) -> None:
    name = docker_lab.started()

    seen = docker_lab.engine.inspect(docker_lab.host, name)

    assert seen is not None
    assert seen.address is not None
    assert int(seen.address.rpartition(".")[2]) >= 192


def test_a_subnet_in_use_is_refused(docker_lab: Lab) -> None:
    other = DockerEngine("t-other", "paas-t-other", OneHost())

    with pytest.raises(SubnetTaken):
        other.network.make("local", f"{docker_lab.addresses}.0/25")


def test_making_the_network_twice_makes_one(docker_lab: Lab, engine_client: APIClient) -> None:
    assert isinstance(docker_lab.engine, DockerEngine)

    docker_lab.engine.network.make("local", f"{docker_lab.addresses}.0/24")

    assert len(engine_client.networks(names=[f"paas-{docker_lab.platform}"])) == 1


def test_one_engine_serves_many_threads(docker_lab: Lab) -> None:
    names: list[str] = []

    def start(number: int) -> None:
        names.append(docker_lab.started(f"c{number}"))
        docker_lab.engine.inspect(docker_lab.host, names[0])

    threads = [threading.Thread(target=start, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(seen.name for seen in docker_lab.engine.list("local")) == sorted(names)
    assert len(names) == 6


def follow_events(engine: DockerEngine) -> None:
    with engine.events("local") as events:
        next(events)


def follow_log(engine: DockerEngine, name: str) -> None:
    with engine.logs("local", name, 0) as lines:
        next(lines)


def every_verb(engine: DockerEngine, lab: Lab) -> Iterator[Callable[[], object]]:
    """Each call, one at a time."""
    spec = lab.spec("none")
    yield lambda: engine.facts("local")
    yield lambda: engine.prepare("local", "10.199.0.0/24")
    yield lambda: engine.bound_builds("local", 4096, 2)
    yield lambda: engine.start("local", spec)
    yield lambda: engine.stop("local", spec.name, 0)
    yield lambda: engine.signal("local", spec.name, "TERM")
    yield lambda: engine.remove("local", spec.name)
    yield lambda: engine.inspect("local", spec.name)
    yield lambda: engine.list("local")
    yield lambda: engine.wait("local", spec.name, 0.1)
    yield lambda: follow_events(engine)
    yield lambda: follow_log(engine, spec.name)
    yield lambda: engine.attach("local", spec)
    yield lambda: engine.exec("local", spec.name, ["true"])
    yield lambda: engine.image("local", "x")
    yield lambda: engine.images("local")
    yield lambda: engine.tag_image("local", "x", "y:z")
    yield lambda: engine.remove_image("local", "x")
    yield lambda: engine.commit("local", spec.name, "x:y", spec)


def test_a_dead_engine_is_noticed_at_once(docker_lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    engine = DockerEngine(docker_lab.platform, "none", OneHost(f"unix://{path}"))

    for call in every_verb(engine, docker_lab):
        begin = time.monotonic()
        with pytest.raises(HostUnreachable, match="paas doctor"):
            call()
        assert time.monotonic() - begin < 1


def hasty_engine(lab: Lab, path: Path) -> DockerEngine:
    return DockerEngine(lab.platform, "none", OneHost(f"unix://{path}"), patience_seconds=0.2)


def test_a_hanging_engine_meets_the_deadline(docker_lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    verbs = len([*every_verb(hasty_engine(docker_lab, path), docker_lab)])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)

        for number in range(verbs):  # each by an engine that has not met it yet
            call = [*every_verb(hasty_engine(docker_lab, path), docker_lab)][number]
            begin = time.monotonic()
            with pytest.raises(HostUnreachable, match="timed out"):
                call()
            assert 0.1 < time.monotonic() - begin < 2


def test_after_a_deadline_nobody_waits_until_it_answers_again(
    docker_lab: Lab, tmp_path: Path
) -> None:
    path = tmp_path / "engine.sock"
    engine = hasty_engine(docker_lab, path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        with pytest.raises(HostUnreachable, match="timed out"):
            engine.facts("local")

        begin = time.monotonic()
        for call in every_verb(engine, docker_lab):
            with pytest.raises(HostUnreachable, match="did not answer"):
                call()
        assert time.monotonic() - begin < 0.2
    path.unlink()
    path.symlink_to("/var/run/docker.sock")

    def has_answered() -> bool:
        with suppress(HostUnreachable):
            return engine.inspect("local", "none") is None
        return False

    waited = eventually(has_answered, within=OPEN_SECONDS + 5)
    assert waited > OPEN_SECONDS - 1
    assert engine.inspect("local", "none") is None


def test_an_engine_that_came_back_is_used_again(docker_lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    engine = DockerEngine(docker_lab.platform, "none", OneHost(f"unix://{path}"))
    with pytest.raises(HostUnreachable):
        engine.facts("local")

    path.symlink_to("/var/run/docker.sock")

    assert engine.facts("local").cpus > 0
