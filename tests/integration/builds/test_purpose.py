"""A build that is to release nothing."""

from dataclasses import replace

from paas.model.build import Builder, BuildState, Purpose
from tests.integration.builds.building_site import HOST, Builds, Pushed

APP = {"Dockerfile": "FROM paas/stack:run\n", "Procfile": "web: sleep 100\nworker: sleep 200\n"}


def built_for(builds: Builds, purpose: Purpose, tree: dict[str, str]) -> Pushed:
    queued = builds.platform.builds.get(builds.queued(tree))
    assert queued is not None
    build = replace(queued, id=f"{queued.id}-{purpose}", purpose=purpose)
    builds.platform.builds.add(build)
    return builds.build(build.id)


def test_a_dry_run_keeps_nothing(builds: Builds) -> None:
    own = builds.with_buildpack()
    for tree in (APP, {"Procfile": APP["Procfile"]}):
        seen = built_for(own, Purpose.CHECK, tree)

        assert seen.build.state is BuildState.SUCCEEDED, seen.output
        assert (
            "-----> It can be built, and would be v1 with web, worker. The image is not kept"
            in seen.output
        )
        assert (seen.build.image, seen.build.release) == (None, None)
    assert own.platform.builds.images(own.app.id) == []
    assert own.platform.releases.all(own.app.id) == []
    assert own.platform.engine.images(HOST) == []
    assert built_for(own, Purpose.CHECK, {"a": "b"}).build.state is BuildState.FAILED


def test_what_is_to_be_released_later_is_kept_with_what_it_runs(builds: Builds) -> None:
    seen = built_for(builds, Purpose.KEEP, APP)

    assert seen.build.state is BuildState.SUCCEEDED, seen.output
    (image,) = builds.platform.builds.images(builds.app.id)
    assert image.processes == {"web": "sleep 100", "worker": "sleep 200"}
    assert (image.builder, seen.build.image) == (Builder.DOCKERFILE, image.id)
    assert builds.platform.engine.image(HOST, image.where[HOST]) is not None
    assert builds.platform.releases.all(builds.app.id) == []
    assert f"paas deploy --ref {seen.build.commit[:7]} -a shop" in seen.output
