"""The HEALTHCHECK of an image, on an engine that knows `echo` alone."""

from dataclasses import replace

from paas.model.build import Builder
from paas.model.container import Container
from paas.scheduler.healthcheck import check_health, healthcheck_of
from tests.engine import IMAGE
from tests.unit.scheduler.stage import Stage

CHECK = ("echo", "fine")


def started(stage: Stage, builder: Builder = Builder.DOCKERFILE, process: str = "web") -> Container:
    stage.builder = builder
    images = stage.engine.world.machines["local"].images
    images[IMAGE] = replace(images[IMAGE], healthcheck=CHECK)
    stage.releases(**{"web": "", process: ""})
    stage.platform.formations.scale(stage.app.id, {process: 1})
    stage.converges()
    return stage.row(f"{process}.1")


def test_that_of_the_image_is_asked_of_a_web_container(stage: Stage) -> None:
    row = started(stage)

    assert healthcheck_of(row, stage.platform) == CHECK
    assert check_health(row, CHECK, stage.platform) == ("HEALTHCHECK passed", True)


def test_what_serves_nothing_is_not_asked(stage: Stage) -> None:
    assert healthcheck_of(started(stage, process="worker"), stage.platform) == ()


def test_that_of_the_stack_is_nobodys(stage: Stage) -> None:
    assert healthcheck_of(started(stage, Builder.BUILDPACK), stage.platform) == ()


def test_a_path_that_the_platform_asks_takes_its_place(stage: Stage) -> None:
    row = started(stage)
    platform = replace(stage.platform, settings=replace(stage.platform.settings, health_path="/up"))

    assert healthcheck_of(row, platform) == ()


def test_what_it_said_is_in_the_reason_on_one_line(stage: Stage) -> None:
    row = started(stage)

    got, is_up = check_health(row, ("no-such-program",), stage.platform)

    assert (got, is_up) == ("its HEALTHCHECK ended with 127: not found", False)


def test_a_container_that_does_not_run_is_not_healthy(stage: Stage) -> None:
    row = started(stage)
    stage.crashes("web.1")

    assert check_health(row, CHECK, stage.platform) == ("its HEALTHCHECK ended with -1", False)
