"""A finding of `paas doctor`: one part of the platform, how it is, and the next command to type."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self


class FindingState(StrEnum):
    OK = "ok"
    WARN = "warn"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    """The part: `redis`, `disk`, `router local`."""
    state: FindingState
    text: str
    """What was found, in one line."""
    next: str = ""
    """The next command to type; empty when there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, all at one time."""

    at: float
    findings: Sequence[Finding]

    def dump(self) -> str:
        return json.dumps({"at": self.at, "findings": [asdict(each) for each in self.findings]})

    @classmethod
    def load(cls, text: str) -> Self:
        given = json.loads(text)
        findings = [
            Finding(each["name"], FindingState(each["state"]), each["text"], each["next"])
            for each in given["findings"]
        ]
        return cls(float(given["at"]), findings)
