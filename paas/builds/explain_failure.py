"""Why a Dockerfile could not be built: BuildKit's words, with the line of the Dockerfile, and what would help."""

import re
from dataclasses import dataclass

from paas.builds.instructions import Dockerfile, Instruction
from paas.engine.buildkit import PERHAPS_MEMORY

KNOWS_HEREDOCS = 23
"""The first Docker whose own frontend does."""
_STEP = re.compile(r"\[(?:(\S+) +)? *(\d+)/(\d+)\] ([A-Z]+)\b")
_NO_STAGE = re.compile(r'target stage "?(.+?)"? could not be found')
_LINE = re.compile(r"dockerfile parse error (?:on )?line (\d+): (.*)", re.IGNORECASE)
_UNKNOWN = re.compile(r"unknown flag: (?:--)?([a-z-]+)|unexpected key '([^']+)'", re.IGNORECASE)
"""A flag of an instruction, or a word of its --mount."""
_FRONTEND = "resolve image config"
_SECRET = re.compile(r"secret (\S+?):? not found")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried to be built."""

    name: str
    """Of the Dockerfile, within the tree."""
    dockerfile: Dockerfile
    target: str | None
    docker: str
    """The version of the engine."""
    memory_mb: int
    """Of all Dockerfile builds together, where they can be bounded."""


def explain(reason: str, attempt: Attempt) -> str:
    """One line. What nothing better is known about stays as BuildKit said it."""
    name, dockerfile = attempt.name, attempt.dockerfile
    if _NO_STAGE.search(reason):
        named = [stage.name for stage in dockerfile.stages if not stage.name.isdigit()]
        there = f"it has: {', '.join(named)}" if named else "none of its stages has a name"
        return f"{name} has no stage {attempt.target} (build setting target); {there}"
    if reason.startswith(_FRONTEND) and dockerfile.frontend:
        return (
            f"{name}, line {dockerfile.frontend_line}: the image {dockerfile.frontend} that its '# syntax=' names "
            f"could not be had. Without that line the frontend of this engine builds it (Docker {attempt.docker})"
        )
    if (found := _LINE.search(reason)) is not None:
        return _unread(int(found[1]), found[2], attempt)
    if (secret := _SECRET.search(reason)) is not None:
        reason = (
            f"{reason.rpartition(': secret ')[0] or reason}: it requires the secret {secret[1]}, which the app does "
            f"not give: paas builds:config secrets={secret[1]}"
        )
    reason = reason.replace(
        PERHAPS_MEMORY,
        f"{PERHAPS_MEMORY}: all Dockerfile builds together may have {attempt.memory_mb} MB "
        "(settings build_memory_mb, build_workers)",
    )
    if (step := _step(reason, dockerfile)) is not None:
        return f"{name}, line {step.line}: {reason}"
    return reason


def _unread(line: int, why: str, attempt: Attempt) -> str:
    """The frontend could not read the file."""
    heredocs = [
        each for each in attempt.dockerfile.instructions if each.heredocs and each.line <= line
    ]
    if heredocs and not _knows_heredocs(attempt.docker):
        first = heredocs[0]
        return (
            f"{attempt.name}, line {first.line}: a heredoc (<<{first.heredocs[0]}) needs Docker "
            f"{KNOWS_HEREDOCS}, and this engine is {attempt.docker}. Join the lines of RUN by && and \\, or COPY a file"
        )
    if (found := _UNKNOWN.search(why)) is not None:
        what = f"--{found[1].lower()}" if found[1] else f"{found[2]}= in --mount"
        return (
            f"{attempt.name}, line {line}: this engine (Docker {attempt.docker}) does not know {what} here; leave it "
            "away, or update the engine"
        )
    return f"{attempt.name}, line {line}: {why}"


def _knows_heredocs(docker: str) -> bool:
    major = docker.partition(".")[0]
    return not major.isdigit() or int(major) >= KNOWS_HEREDOCS


def _step(reason: str, dockerfile: Dockerfile) -> Instruction | None:
    """The step that BuildKit speaks of. None: its count is not ours, so nobody knows."""
    found = _STEP.match(reason)
    if found is None:
        return None
    called, position, total, keyword = found[1] or "", int(found[2]), int(found[3]), found[4]
    for stage in dockerfile.stages:
        if called and called.lower() not in (stage.name.lower(), f"stage-{stage.name}"):
            continue
        begun = 1 if stage.is_of_image else 0
        place = position - 1 - begun
        if len(stage.steps) + begun != total or not 0 <= place < len(stage.steps):
            continue
        if stage.steps[place].keyword == keyword:
            return stage.steps[place]
    return None
