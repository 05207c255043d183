"""What every engine promises, verb by verb: the memory of the tests and Docker are held to the same."""

import threading
import time

import pytest

from paas.engine.engine import (
    AddressTaken,
    EventKind,
    ImageMissing,
    ImageNotFetched,
    RegistryFailed,
    StartFailed,
)
from paas.model.container import Published
from tests.contract.lab import Lab
from tests.engine import Does
from tests.eventually import eventually
from tests.share import free_ports


def texts(lab: Lab, name: str, since_ns: int = 0) -> list[str]:
    with lab.engine.logs(lab.host, name, since_ns) as lines:
        return [line.text for line in lines]


def test_an_engine_tells_what_it_is(lab: Lab) -> None:
    facts = lab.engine.facts(lab.host)

    assert facts.arch in ("amd64", "arm64")
    assert facts.memory_mb > 0
    assert facts.cpus > 0
    assert facts.engine_version


def test_a_started_container_runs_with_its_labels_and_address(lab: Lab) -> None:
    name = lab.started(address=f"{lab.addresses}.10", labels={"paas.app": "shop"})

    seen = lab.engine.inspect(lab.host, name)

    assert seen is not None
    assert seen.is_running
    assert seen.name == name
    assert seen.labels["paas.app"] == "shop"
    assert seen.labels["paas.platform"] == lab.platform
    assert seen.address == f"{lab.addresses}.10"
    assert seen.exit_code is None
    assert seen.started_at is not None
    assert abs(seen.started_at - time.time()) < 60


def test_starting_twice_makes_one_container(lab: Lab) -> None:
    spec = lab.spec()

    lab.engine.start(lab.host, spec)
    lab.engine.start(lab.host, spec)

    assert [seen.name for seen in lab.engine.list(lab.host)] == [spec.name]


def test_a_stopped_container_is_started_again_by_its_name(lab: Lab) -> None:
    spec = lab.spec()
    lab.engine.start(lab.host, spec)
    lab.engine.stop(lab.host, spec.name, grace_seconds=5)

    lab.engine.start(lab.host, spec)

    seen = lab.engine.inspect(lab.host, spec.name)
    assert seen is not None
    assert seen.is_running


def test_an_image_that_is_not_there_is_named(lab: Lab) -> None:
    with pytest.raises(ImageMissing) as error:
        lab.started(image="paas-nothing:v1")

    assert error.value.image == "paas-nothing:v1"
    assert lab.engine.list(lab.host) == []


def test_what_cannot_be_started_leaves_nothing(lab: Lab) -> None:
    with pytest.raises(StartFailed):
        lab.started(mounts={"nowhere": "/data"})

    assert lab.engine.list(lab.host) == []


def test_an_address_that_is_taken_is_told_and_leaves_nothing(lab: Lab) -> None:
    first = lab.started("first", address=f"{lab.addresses}.11")

    with pytest.raises(AddressTaken):
        lab.started("second", address=f"{lab.addresses}.11")

    assert [seen.name for seen in lab.engine.list(lab.host)] == [first]


def test_a_stopped_container_tells_its_exit_code(lab: Lab) -> None:
    name = lab.started()

    lab.engine.stop(lab.host, name, grace_seconds=5)

    seen = lab.engine.inspect(lab.host, name)
    assert seen is not None
    assert not seen.is_running
    assert seen.exit_code == 143


def test_what_ignores_the_request_to_stop_is_killed(lab: Lab) -> None:
    name = lab.started(does=Does(prints=("ready",), ignores_term=True))
    eventually(lambda: has_printed(lab, name))

    lab.engine.stop(lab.host, name, grace_seconds=1)

    assert lab.engine.wait(lab.host, name, 1) == 137


def has_printed(lab: Lab, name: str) -> bool:
    with lab.engine.logs(lab.host, name, 0) as lines:
        return next(lines, None) is not None


def test_stopping_signalling_or_removing_what_is_gone_is_not_an_error(lab: Lab) -> None:
    name = lab.started()
    lab.engine.stop(lab.host, name, grace_seconds=0)

    lab.engine.stop(lab.host, name, grace_seconds=0)
    lab.engine.signal(lab.host, name, "TERM")
    lab.engine.remove(lab.host, name)
    lab.engine.remove(lab.host, name)
    lab.engine.stop(lab.host, name, grace_seconds=0)
    lab.engine.signal(lab.host, name, "TERM")

    assert lab.engine.inspect(lab.host, name) is None


def test_a_running_container_can_be_removed(lab: Lab) -> None:
    name = lab.started()

    lab.engine.remove(lab.host, name)

    assert lab.engine.list(lab.host) == []


def test_a_signal_reaches_the_container(lab: Lab) -> None:
    name = lab.started()

    lab.engine.signal(lab.host, name, "TERM")

    assert lab.engine.wait(lab.host, name, 5) == 143


def test_two_platforms_on_one_engine_never_meet(lab: Lab) -> None:
    assert lab.neighbour is not None
    neighbour = lab.neighbour.engine
    name = lab.started()

    neighbour.stop(lab.host, name, grace_seconds=0)
    neighbour.signal(lab.host, name, "KILL")
    neighbour.remove(lab.host, name)

    assert neighbour.list(lab.host) == []
    assert neighbour.inspect(lab.host, name) is None
    assert [seen.is_running for seen in lab.engine.list(lab.host)] == [True]


def test_waiting_gives_the_exit_code(lab: Lab) -> None:
    name = lab.started(does=Does(exits=3, after_seconds=0.2))

    assert lab.engine.wait(lab.host, name, 10) == 3


def test_waiting_for_what_goes_on_ends_after_its_time(lab: Lab) -> None:
    name = lab.started()
    begin = time.monotonic()

    assert lab.engine.wait(lab.host, name, 0.3) is None
    assert 0.2 < time.monotonic() - begin < 5


def test_waiting_for_what_is_gone_ends_at_once(lab: Lab) -> None:
    name = lab.spec().name

    assert lab.engine.wait(lab.host, name, 10) == -1
    assert lab.engine.wait(lab.host, name, 0) == -1


def test_what_crashes_is_started_again_by_the_engine(lab: Lab) -> None:
    name = lab.started(does=Does(exits=1, after_seconds=0.1), is_restarted=True)

    def has_restarted() -> bool:
        seen = lab.engine.inspect(lab.host, name)
        return seen is not None and seen.restarts > 0

    eventually(has_restarted, within=10)


def test_a_crashing_container_that_is_stopped_stays_stopped(lab: Lab) -> None:
    name = lab.started(does=Does(exits=1), is_restarted=True)
    eventually(lambda: restarts_of(lab, name) > 1, within=10)

    lab.engine.stop(lab.host, name, grace_seconds=1)

    restarts = restarts_of(lab, name)
    time.sleep(1.5)
    seen = lab.engine.inspect(lab.host, name)
    assert seen is not None
    assert not seen.is_running
    assert seen.exit_code is not None
    assert seen.restarts == restarts


def restarts_of(lab: Lab, name: str) -> int:
    seen = lab.engine.inspect(lab.host, name)
    assert seen is not None
    return seen.restarts


def test_what_was_sent_a_signal_is_not_started_again(lab: Lab) -> None:
    name = lab.started(is_restarted=True)

    lab.engine.signal(lab.host, name, "KILL")
    lab.engine.wait(lab.host, name, 5)

    time.sleep(0.5)
    assert [seen.is_running for seen in lab.engine.list(lab.host)] == [False]


def test_events_tell_of_start_exit_and_removal(lab: Lab) -> None:
    with lab.engine.events(lab.host) as events:
        name = lab.started(does=Does(exits=3, after_seconds=0.1))
        lab.engine.wait(lab.host, name, 10)
        lab.engine.remove(lab.host, name)

        told = []
        for event in events:
            if event is not None:
                told.append(event)
            if event is not None and event.kind is EventKind.REMOVED:
                break

    kinds = [event.kind for event in told if event.name == name]
    assert kinds[-3:] == [EventKind.STARTED, EventKind.EXITED, EventKind.REMOVED]
    assert told[-2].exit_code == 3
    assert all(abs(event.at - time.time()) < 60 for event in told)


def test_events_of_another_platform_are_not_told(lab: Lab) -> None:
    assert lab.neighbour is not None
    with lab.engine.events(lab.host) as events:
        lab.neighbour.started("other")
        mine = lab.started("mine")

        told = next(event for event in events if event and event.kind is EventKind.STARTED)

    assert told.name == mine


def test_silence_is_told_each_second(lab: Lab) -> None:
    with lab.engine.events(lab.host) as events:
        begin = time.monotonic()

        assert next(events) is None

    assert time.monotonic() - begin < 2


def test_a_log_is_read_to_its_end(lab: Lab) -> None:
    name = lab.started(does=Does(prints=("one", "", "три é 🚀"), exits=0))

    assert texts(lab, name) == ["one", "", "три é 🚀"]


def test_a_log_is_followed_until_the_container_has_exited(lab: Lab) -> None:
    name = lab.started(does=Does(prints=("one",), exits=0, after_seconds=0.7))
    begin = time.monotonic()

    assert texts(lab, name) == ["one"]
    assert 0.3 < time.monotonic() - begin < 5


def test_a_log_goes_on_after_the_last_line_that_was_read(lab: Lab) -> None:
    prints = tuple(f"line {number}" for number in range(100))
    name = lab.started(does=Does(prints=prints, exits=0))
    with lab.engine.logs(lab.host, name, 0) as lines:
        before = [line for line, _ in zip(lines, range(40), strict=False)]

    after = texts(lab, name, since_ns=before[-1].at_ns)

    assert [line.text for line in before] + after == list(prints)


def test_a_long_line_comes_in_pieces_none_of_which_is_lost(lab: Lab) -> None:
    long = "0123456789" * 5_550
    name = lab.started(does=Does(prints=("before", long, "after"), exits=0))
    with lab.engine.logs(lab.host, name, 0) as lines:
        first, second, *_ = lines

    rest = texts(lab, name, since_ns=second.at_ns)

    assert first.text == "before"
    assert len(second.text) == 10_000
    assert second.text + "".join(rest[:-1]) == long
    assert [len(text) for text in rest] == [10_000] * 4 + [5_500, len("after")]


def test_the_log_of_what_is_gone_is_empty(lab: Lab) -> None:
    assert texts(lab, lab.spec().name) == []


def test_a_log_that_is_being_followed_ends_when_the_container_is_removed(lab: Lab) -> None:
    name = lab.started(does=Does(prints=("one",)))
    read: list[str] = []

    def follow() -> None:
        with lab.engine.logs(lab.host, name, 0) as lines:
            read.extend(line.text for line in lines)

    follower = threading.Thread(target=follow)
    follower.start()
    eventually(lambda: read == ["one"])

    lab.engine.remove(lab.host, name)

    follower.join(10)
    assert not follower.is_alive()
    assert read == ["one"]


def test_an_attached_container_answers_and_gives_its_exit_code(lab: Lab) -> None:
    spec = lab.spec(does=Does(echoes=True, exits=7), takes_input=True)

    session = lab.engine.attach(lab.host, spec)
    session.write(b"hello\n")
    answer = session.read()
    session.end_input()

    assert answer == b"got hello\n"
    assert session.read() == b""
    assert session.wait() == 7
    session.close()


def test_the_first_output_of_an_attached_container_is_not_lost(lab: Lab) -> None:
    session = lab.engine.attach(lab.host, lab.spec(does=Does(prints=("a", "b"), exits=0)))

    output = b"".join(iter(session.read, b""))

    assert output == b"a\nb\n"
    session.close()


def test_closing_a_session_does_not_stop_the_container(lab: Lab) -> None:
    spec = lab.spec()
    session = lab.engine.attach(lab.host, spec)
    reader = threading.Thread(target=session.read)
    reader.start()

    session.close()

    reader.join(5)
    assert not reader.is_alive()
    assert [seen.is_running for seen in lab.engine.list(lab.host)] == [True]


def test_a_command_runs_inside_a_container(lab: Lab) -> None:
    name = lab.started()

    assert lab.engine.exec(lab.host, name, ["echo", "two  words", "$HOME"]) == (
        0,
        "two  words $HOME\n",
    )


def test_no_command_runs_in_a_container_that_does_not(lab: Lab) -> None:
    name = lab.started()
    lab.engine.stop(lab.host, name, grace_seconds=0)

    assert lab.engine.exec(lab.host, name, ["echo", "one"]) == (-1, "")
    assert lab.engine.exec(lab.host, lab.spec("gone").name, ["echo", "one"]) == (-1, "")


def test_a_stopped_container_becomes_an_image(lab: Lab) -> None:
    name = lab.started(does=Does(exits=0))
    lab.engine.wait(lab.host, name, 10)
    spec = lab.spec("made", labels={"paas.app": "shop"}, command=("serve",), user="20000")

    image_id = lab.engine.commit(lab.host, name, f"paas/{lab.platform}/shop:build-1", spec)

    image = lab.engine.image(lab.host, image_id)
    assert image is not None
    assert image.id == image_id
    assert image.command == ("serve",)
    assert image.user == "20000"
    assert image.labels["paas.app"] == "shop"
    assert image.tags == (f"paas/{lab.platform}/shop:build-1",)
    assert [seen.id for seen in lab.engine.images(lab.host)] == [image_id]


def test_an_image_goes_with_its_last_name(lab: Lab) -> None:
    first, second = (f"paas/{lab.platform}/blog:v{number}" for number in (1, 2))
    name = lab.started(does=Does(exits=0))
    lab.engine.wait(lab.host, name, 10)
    image_id = lab.engine.commit(lab.host, name, first, lab.spec("made"))
    lab.engine.tag_image(lab.host, image_id, second)

    lab.engine.remove_image(lab.host, first)
    image = lab.engine.image(lab.host, image_id)
    lab.engine.remove_image(lab.host, second)
    lab.engine.remove_image(lab.host, second)

    assert image is not None
    assert image.tags == (second,)
    assert lab.engine.image(lab.host, image_id) is None


def test_an_image_in_use_stays(lab: Lab) -> None:
    tag = f"paas/{lab.platform}/used:v1"
    builder = lab.started("builder", does=Does(exits=0))
    lab.engine.wait(lab.host, builder, 10)
    lab.engine.commit(lab.host, builder, tag, lab.spec("made"))
    lab.started("user", image=tag)

    lab.engine.remove_image(lab.host, tag)

    assert lab.engine.image(lab.host, tag) is not None


def test_an_image_of_nobody_is_not_removed(lab: Lab) -> None:
    lab.engine.remove_image(lab.host, lab.image)

    assert lab.engine.image(lab.host, lab.image) is not None


def test_what_is_not_there_cannot_be_tagged(lab: Lab) -> None:
    with pytest.raises(ImageMissing):
        lab.engine.tag_image(lab.host, "paas-nothing:v1", "paas-nothing:v2")


def built(lab: Lab, tag: str) -> str:
    """The engine's id of an image that this platform made."""
    name = lab.started("builder", does=Does(exits=0))
    lab.engine.wait(lab.host, name, 10)
    image_id = lab.engine.commit(lab.host, name, tag, lab.spec("made", command=("serve",)))
    lab.engine.remove(lab.host, name)
    return image_id


def test_an_image_comes_back_from_the_registry_by_its_digest(lab: Lab) -> None:
    repository = f"paas/{lab.platform}/moved"
    image_id = built(lab, f"{repository}:v1")

    name = lab.engine.push(lab.host, image_id, repository, "v1")
    pushed = lab.engine.image(lab.host, image_id)
    lab.engine.remove_image(lab.host, f"{repository}:v1")
    lost = lab.engine.image(lab.host, image_id)
    lab.engine.pull(lab.host, name)
    lab.engine.pull(lab.host, name)

    assert name.startswith("127.0.0.1:")
    assert "/moved@sha256:" in name
    assert pushed is not None
    assert pushed.tags == (f"{repository}:v1",), "its names are as they were"
    assert lost is None
    image = lab.engine.image(lab.host, name)
    assert image is not None
    assert image.id == image_id
    assert image.digests == (name,)
    assert image.command == ("serve",)
    lab.engine.remove_image(lab.host, name)
    assert lab.engine.image(lab.host, image_id) is None


def test_an_image_comes_from_the_registry_by_its_tag(lab: Lab) -> None:
    repository = f"paas/{lab.platform}/tagged"
    image_id = built(lab, f"{repository}:v1")
    name = lab.engine.push(lab.host, image_id, repository, "run").partition("@")[0] + ":run"
    lab.engine.remove_image(lab.host, f"{repository}:v1")

    lab.engine.pull(lab.host, name)

    image = lab.engine.image(lab.host, name)
    assert image is not None
    assert image.id == image_id
    lab.engine.remove_image(lab.host, name)


def test_what_the_registry_has_not_is_missing(lab: Lab) -> None:
    repository = f"paas/{lab.platform}/known"
    image_id = built(lab, f"{repository}:v1")
    name = lab.engine.push(lab.host, image_id, repository, "v1").partition("@")[0]

    for unknown in (f"{name}@sha256:{'0' * 64}", f"{name}:v2", f"{name}-not:v1"):
        with pytest.raises(ImageMissing) as missing:
            lab.engine.pull(lab.host, unknown)
        assert missing.value.image == unknown


def test_what_is_not_there_cannot_be_pushed(lab: Lab) -> None:
    with pytest.raises(ImageMissing):
        lab.engine.push(lab.host, "paas-nothing:v1", f"paas/{lab.platform}/nothing", "v1")


def test_a_registry_that_is_away_is_told_and_leaves_the_image_as_it_was(lab: Lab) -> None:
    assert lab.registry is not None
    repository = f"paas/{lab.platform}/waits"
    image_id = built(lab, f"{repository}:v1")
    name = lab.engine.push(lab.host, image_id, repository, "v1")

    lab.registry.lose_registry()
    try:
        for deed in (
            lambda: lab.engine.push(lab.host, image_id, repository, "v2"),
            lambda: lab.engine.pull(lab.host, name),
        ):
            with pytest.raises(RegistryFailed) as failed:
                deed()
            assert failed.value.host == lab.host
    finally:
        lab.registry.heal_registry()

    image = lab.engine.image(lab.host, image_id)
    assert image is not None
    assert image.tags == (f"{repository}:v1",)
    assert lab.engine.push(lab.host, image_id, repository, "v2") == name


def test_a_port_of_the_host_that_is_taken_is_told_and_leaves_nothing(lab: Lab) -> None:
    [port] = free_ports(1)
    published = Published("127.0.0.1", port, 5000)
    first = lab.started("first", published=published)

    with pytest.raises(AddressTaken) as taken:
        lab.started("second", published=published)

    assert taken.value.address == str(port)
    assert [seen.name for seen in lab.engine.list(lab.host)] == [first]


def test_an_image_of_somebody_elses_is_adopted_as_it_is(lab: Lab) -> None:
    tag, theirs = f"paas/{lab.platform}/shop:build-1", built(lab, f"paas/{lab.platform}/x:v1")

    image_id = lab.engine.adopt(
        lab.host, lab.spec("adopting").name, theirs, tag, {"paas.app": "shop"}
    )

    before, image = lab.engine.image(lab.host, theirs), lab.engine.image(lab.host, image_id)
    assert before is not None and image is not None
    assert (image.command, image.entrypoint, image.user, image.ports, image.arch) == (
        before.command, before.entrypoint, before.user, before.ports, before.arch,
    )  # fmt: skip
    assert image.labels["paas.app"] == "shop"
    assert "paas.app" not in before.labels
    assert image.tags == (tag,)
    assert {seen.id for seen in lab.engine.images(lab.host)} >= {theirs, image_id}
    assert lab.engine.list(lab.host) == []


def test_what_is_not_there_cannot_be_adopted_and_leaves_nothing(lab: Lab) -> None:
    tag = f"paas/{lab.platform}/shop:build-1"

    with pytest.raises(ImageMissing):
        lab.engine.adopt(lab.host, lab.spec("adopting").name, "paas-nothing:v1", tag, {})

    assert lab.engine.list(lab.host) == []


def test_what_no_registry_has_cannot_be_fetched(lab: Lab) -> None:
    with pytest.raises(ImageNotFetched) as error:
        list(lab.engine.fetch(lab.host, "127.0.0.1:1/nothing:v1"))

    assert error.value.name == "127.0.0.1:1/nothing:v1"
