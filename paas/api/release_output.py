"""What a release process prints, as it comes and afterwards."""

from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from paas.api.news import News
from paas.model.app import App
from paas.model.deploy import DeployState
from paas.scheduler.releasing import printed
from paas.wiring import Platform

PAUSE_SECONDS = 0.2


async def follow_release(
    app: App, release: int, offset: int, platform: Platform, news: News
) -> AsyncIterator[bytes]:
    """From byte `offset` to the end; or until this process ends, and then whoever follows asks again."""
    with news.of(app.id) as waiter:
        while not news.is_closing:
            waiter.forget()
            data, is_over = await run_in_threadpool(_look, app.id, release, platform)
            if data[offset:]:
                yield data[offset:]
                offset = len(data)
            elif is_over:
                return
            else:
                await waiter.wait(PAUSE_SECONDS)


def _look(app_id: str, release: int, platform: Platform) -> tuple[bytes, bool]:
    """The state first: what was printed before it ended is then all there."""
    deploy = platform.deploys.of(app_id, release)
    is_over = deploy is None or deploy.state is not DeployState.RELEASING
    lines = printed(app_id, release, platform)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"), is_over
