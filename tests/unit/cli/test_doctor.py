import json

from tests.unit.cli.api import Api
from tests.unit.cli.conftest import User


def test_doctor_fails_when_anything_is_red(api: Api, user: User) -> None:
    findings = [
        {"name": "redis", "state": "ok", "text": "noeviction", "next": None},
        {"name": "disk", "state": "warn", "text": "9 GB free", "next": "paas builds"},
        {
            "name": "engine",
            "state": "red",
            "text": "does not answer",
            "next": "service docker start",
        },
    ]
    api.returns("GET /doctor", {"findings": findings})

    typed = user.really_types("paas doctor")

    assert typed.out == (
        "ok    redis   noeviction\n"
        "warn  disk    9 GB free Type: paas builds\n"
        "red   engine  does not answer Type: service docker start\n"
    )
    assert typed.code == 1
    assert json.loads(user.types("paas doctor --json").out) == findings


def test_doctor_is_content_with_warnings(api: Api, user: User) -> None:
    finding = {"name": "disk", "state": "warn", "text": "9 GB free", "next": None}
    api.returns("GET /doctor", {"findings": [finding]})

    assert user.types("paas doctor").code == 0
