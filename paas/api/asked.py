"""What the gate found out, for the endpoints: `CurrentPerson`, `CurrentApp`. And the platform's parts."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from paas.api.gate import ASKED, Asked
from paas.api.news import News
from paas.model.app import App
from paas.model.person import Person
from paas.wiring import Platform


async def _platform(connection: HTTPConnection) -> Platform:
    platform: Platform = connection.app.state.platform
    return platform


async def _news(connection: HTTPConnection) -> News:
    news: News = connection.app.state.news
    return news


async def _person(connection: HTTPConnection) -> Person:
    asked: Asked = connection.scope[ASKED]
    assert asked.person is not None
    return asked.person


async def _app(connection: HTTPConnection) -> App:
    asked: Asked = connection.scope[ASKED]
    assert asked.app is not None
    return asked.app


CurrentPlatform = Annotated[Platform, Depends(_platform)]
CurrentNews = Annotated[News, Depends(_news)]
CurrentPerson = Annotated[Person, Depends(_person)]
CurrentApp = Annotated[App, Depends(_app)]
"""Of the path `/apps/{app}/…`. It is theirs, or they are an admin."""
