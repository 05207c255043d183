"""By what an app is built, and by what an image that was lost is built again."""

from paas.builds.makers import makers_of
from paas.model.build import Build, Builder, BuildState, Image
from paas.model.build_config import BuildConfig
from paas.store.build_configs import BuildConfigStore
from paas.store.buildpacks import BuildpackStore
from paas.store.builds import BuildStore
from paas.store.database import Database
from tests.make import NOW

OLD, NEW = BuildConfig(path="services/old", args=("A",)), BuildConfig(path="services/new")


def test_an_image_that_was_lost_is_made_by_what_held_then(record: Database) -> None:
    builds, configs = BuildStore(record), BuildConfigStore(record)
    image = Image("image", "app", Builder.DOCKERFILE, "amd64", 5000, {}, "source", "", NOW)
    first = Build("first", "app", BuildState.QUEUED, "source", "", "ana", NOW)
    builds.add(first)
    builds.begin("first", "builds-1", NOW, NOW + 30)
    builds.note_build_config("first", OLD)
    builds.add_image(image)
    builds.note("first", image="image", release=1)
    builds.end("first", BuildState.SUCCEEDED, NOW)
    configs.put("app", NEW)
    again = Build("again", "app", BuildState.QUEUED, "source", "", "ana", NOW, image="image")

    made_anew = makers_of(first, "app", builds, BuildpackStore(record), configs)
    made_again = makers_of(again, "app", builds, BuildpackStore(record), configs)

    assert (made_anew.build_config, made_anew.builder) == (NEW, None)
    assert (made_again.build_config, made_again.builder) == (OLD, Builder.DOCKERFILE)
