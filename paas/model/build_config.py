"""How an app is built, as its people have said: which folder, which Dockerfile, and what of the config it gets."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from paas.errors import Invalid
from paas.model.config import InvalidConfig, check_var

NAMES_LIMIT = 100
PATH_LIMIT = 1024
LISTS = ("args", "secrets")
"""The settings that are several names of config vars."""
_STAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_OF_THE_CLIENT = re.compile(
    r"PATH|HOME|HOSTALIASES|LOCALDOMAIN|NLSPATH|NIS_PATH|LOCPATH|GCONV_PATH|GETCONF_DIR|TMPDIR|TZDIR"
    r"|GODEBUG|GOGC|GOMAXPROCS|GOMEMLIMIT|GOTRACEBACK|GORACE|GOCOVERDIR|GLIBC_TUNABLES"
    r"|BASH_ENV|GNUPGHOME|(?:HTTPS?|FTP|NO|ALL)_PROXY"
    r"|(?:EXPERIMENTAL|LD|MALLOC|RES|RESOLV|DOCKER|BUILDKIT|BUILDX|PAAS|OTEL|GRPC|XDG|SSL_CERT|GIT|SSH|PASSWORD_STORE)_.*",
    re.IGNORECASE,
)
"""Build arguments reach the docker program by its environment: these would change what it, or one that it starts, does.
It is kept from starting any (`engine/buildkit.py`), so that a name that is missing here opens nothing."""


class InvalidBuildConfig(Invalid):
    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"Build setting {name[:60]!r}: {why}. Nothing was changed.")


@dataclass(frozen=True, slots=True)
class BuildConfig:
    """It counts for the next build. Neither list has a value in it, only names of config vars."""

    path: str | None = None
    """The folder that is the app's tree; None: all of it."""
    dockerfile: str | None = None
    """Within that tree; None: Dockerfile, if there is one. Set, it decides before any buildpack."""
    target: str | None = None
    """The stage that is built; None: the last."""
    args: Sequence[str] = ()
    """Given as build arguments."""
    secrets: Sequence[str] = ()
    """Given as secrets, which a step mounts."""

    def changed(self, changes: Mapping[str, str | Sequence[str] | None]) -> Self:
        """None, or no name, unsets. Raises InvalidBuildConfig; then nothing is changed."""
        new: dict[str, str | Sequence[str] | None] = {}
        for name, value in changes.items():
            if name not in SETTINGS:
                raise InvalidBuildConfig(name, f"is none. There are: {', '.join(SETTINGS)}")
            if name in LISTS:
                new[name] = _names(name, value or ())
            else:
                new[name] = None if value is None else _CHECKS[name](name, value)
        made = replace(self, **new)  # type: ignore[arg-type] # each was checked by its name
        if both := sorted({*made.args} & {*made.secrets}):
            raise InvalidBuildConfig(
                "secrets", f"{both[0]} is one of args too, whose values are in the image's history"
            )
        return made

    def dump(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    @classmethod
    def load(cls, text: str | None) -> Self:
        """What `dump` wrote, which was checked when it came in."""
        given: dict[str, Any] = json.loads(text or "{}")
        values: dict[str, Any] = {k: tuple(v) if k in LISTS else v for k, v in given.items()}
        return cls(**values)


SETTINGS = tuple(field.name for field in fields(BuildConfig))


def _path(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > PATH_LIMIT:
        raise InvalidBuildConfig(name, "a path is text of one line")
    parts = [part for part in value.split("/") if part not in ("", ".")]
    if value.startswith("/") or ".." in parts or not parts:
        raise InvalidBuildConfig(name, "a path is relative, without '..', such as services/api")
    return "/".join(parts)


def _stage(name: str, value: object) -> str:
    if not isinstance(value, str) or not _STAGE.fullmatch(value):
        raise InvalidBuildConfig(name, "a stage is what stands behind AS in a Dockerfile")
    return value


def _names(name: str, value: str | Sequence[str]) -> Sequence[str]:
    names = tuple(value.split(",") if isinstance(value, str) else value)
    if len(names) > NAMES_LIMIT or len({*names}) < len(names):
        raise InvalidBuildConfig(name, f"at most {NAMES_LIMIT} config vars, each of them once")
    for var in names:
        try:
            check_var(var)
        except InvalidConfig:
            raise InvalidBuildConfig(name, f"{var[:60]!r} is no name of a config var") from None
        if name == "args" and _OF_THE_CLIENT.fullmatch(var):
            raise InvalidBuildConfig(
                name, f"{var} means something to docker itself; give it by secrets, or rename it"
            )
    return names


_CHECKS = {"path": _path, "dockerfile": _path, "target": _stage}
