import os
import time
from dataclasses import replace

from paas.leftovers import SOURCE_SECONDS, clear_leftovers
from paas.model.build import Build, Builder, BuildState, Image, Source
from paas.wiring import Platform
from tests.make import NOW

LATER = NOW + SOURCE_SECONDS + 1
BUILD = Build("b1", "app", BuildState.QUEUED, "s1", "", "ana", NOW)


def has_source(platform: Platform, source_id: str) -> None:
    platform.builds.add_source(Source(source_id, "ana", NOW))
    platform.settings.sources.mkdir(exist_ok=True)
    platform.sources.write(source_id, [b"x"], 1)


def test_a_half_that_has_become_whole_meanwhile_holds_up_nothing(platform: Platform) -> None:
    has_source(platform, "s1")
    folder = platform.settings.sources
    (folder / "gone.part").symlink_to("nowhere")  # listed, and not there to be looked at
    (folder / "old.part").write_text("x")
    os.utime(folder / "old.part", (NOW, NOW))
    (folder / "new.part").write_text("x")
    now = time.time()

    clear_leftovers(platform, now)

    assert sorted(path.name for path in folder.iterdir()) == ["gone.part", "new.part"]
    assert platform.builds.sources() == []


def test_a_source_goes_unless_something_needs_it(platform: Platform) -> None:
    for source_id in ("s1", "s2", "s3"):
        has_source(platform, source_id)
    builds = platform.builds
    builds.add(BUILD)
    builds.add(replace(BUILD, id="b2", app_id="other", source="s2"))
    builds.end("b2", BuildState.FAILED, NOW)
    builds.add_image(Image("i", "app", Builder.DOCKERFILE, "amd64", 5000, {}, "s3", "", NOW))

    assert not builds.remove_source("s1")
    assert builds.remove_source("s2")
    assert not builds.remove_source("s3")
    builds.remove_image("i", NOW)
    assert builds.remove_source("s3")

    clear_leftovers(platform, LATER)

    assert [source.id for source in builds.sources()] == ["s1"]
    assert platform.sources.has("s1")
