"""app.json: text -> AppFile. Heroku's keys, and those that Dokku reads at every deploy."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from paas.builds.order import BuildFailed
from paas.builds.sources import APP_FILE
from paas.model.app_file import AppFile, DeclaredVar
from paas.model.config import Config, InvalidConfig
from paas.model.formation import QUANTITY_LIMIT
from paas.model.healthcheck import ANSWER_SECONDS, SECONDS_LIMIT, Healthcheck
from paas.model.process import ONCE, WEB, InvalidProcessType, ProcessType

UNDERSTOOD = frozenset({"buildpacks", "env", "formation", "healthchecks", "scripts"})
TOLD = frozenset(
    {"name", "description", "keywords", "website", "repository", "logo", "success_url"}
)
"""For people: nobody expects them to do anything."""
SCRIPTS = ("predeploy", "postdeploy")
SECRET = "secret"
CHECKS = ("startup", "readiness")
"""The types of a health check that decide when a dyno is up."""
COMMAND_LIMIT = 8 * 1024
Table = Mapping[str, object]


def read_app_file(content: bytes) -> AppFile:
    """Of an empty file: an empty one. Raises BuildFailed with the key that is wrong."""
    if not content.strip():
        return AppFile()
    try:
        value = json.loads(content.decode("utf-8-sig"))
        json.dumps(value, ensure_ascii=False).encode()  # half of a pair is no text
    except (ValueError, RecursionError) as error:
        raise BuildFailed(f"{APP_FILE} is no JSON ({error})") from None
    table = _table(value, "it")
    check, checks_without_effect = _healthcheck(table.get("healthchecks"))
    scripts = _scripts(table.get("scripts"))
    return AppFile(
        buildpacks=_buildpacks(table.get("buildpacks")),
        env=_env(table.get("env")),
        formation=_formation(table.get("formation")),
        predeploy=scripts.get("predeploy"),
        postdeploy=scripts.get("postdeploy"),
        healthcheck=check,
        without_effect=[*_without_effect(table), *checks_without_effect],
    )


def _buildpacks(value: object) -> Sequence[str]:
    urls = [
        each.get("url") if isinstance(each, dict) else each for each in _list(value, "buildpacks")
    ]
    return [_text(url, 'each of its buildpacks must be {"url": "…"}') for url in urls]


def _env(value: object) -> Mapping[str, DeclaredVar]:
    declared = {key: _declared(key, given) for key, given in _table(value, "env").items()}
    try:
        Config().changed({key: each.value or "" for key, each in declared.items()})
    except InvalidConfig as error:
        raise BuildFailed(f"{APP_FILE}: env: {error}") from None
    return declared


def _declared(key: str, given: object) -> DeclaredVar:
    if isinstance(given, str):
        return DeclaredVar(given)
    told = _table(given, f"env.{key}")
    value, generator = told.get("value"), told.get("generator")
    if generator not in (None, SECRET):
        raise BuildFailed(f'{APP_FILE}: env.{key}.generator can be "{SECRET}" and nothing else')
    if value is not None:
        value = _text(value, f"env.{key}.value must be text")
    return DeclaredVar(value, generator == SECRET, told.get("required") is not False)


def _formation(value: object) -> Mapping[str, int]:
    quantities = {}
    for process, given in _table(value, "formation").items():
        quantity = _table(given, f"formation.{process}").get("quantity")
        if quantity is None or process in ONCE:
            continue
        try:
            name = ProcessType(process)
        except InvalidProcessType as error:
            raise BuildFailed(f"{APP_FILE}: formation: {error}") from None
        if type(quantity) is not int or not 0 <= quantity <= QUANTITY_LIMIT:
            raise BuildFailed(
                f"{APP_FILE}: formation.{name}.quantity is a number from 0 to {QUANTITY_LIMIT}"
            )
        quantities[str(name)] = quantity
    return quantities


def _scripts(value: object) -> Mapping[str, str]:
    """Dokku's own, under `dokku`, count for more than those beside it."""
    table = _table(value, "scripts")
    found = {}
    for place, scripts in (
        ("scripts", table),
        ("scripts.dokku", _table(table.get("dokku"), "scripts.dokku")),
    ):
        for name in SCRIPTS:
            command = _text(scripts.get(name) or "", f"{place}.{name} must be text").strip()
            if command:
                if "\0" in command or len(command) > COMMAND_LIMIT:
                    raise BuildFailed(f"{APP_FILE}: {place}.{name} is too long or not text")
                found[name] = command
    return found


def _healthcheck(value: object) -> tuple[Healthcheck | None, Sequence[str]]:
    """The first of web that asks for a path; and what of all of them does nothing."""
    found, without_effect = None, []
    for process, listed in _table(value, "healthchecks").items():
        for number, given in enumerate(_list(listed, f"healthchecks.{process}")):
            place = f"healthchecks.{process}[{number}]"
            check = _table(given, place)
            is_read = process == WEB and check.get("type") in CHECKS and check.get("path")
            if not is_read or found is not None:
                without_effect.append(place)
                continue
            found = _check(check, place)
            unread = check.keys() - {"type", "name", "path", "timeout", "content"}
            without_effect += [f"{place}.{key}" for key in sorted(unread)]
    return found, without_effect


def _check(check: Table, place: str) -> Healthcheck:
    path, seconds, content = (
        check["path"],
        check.get("timeout", ANSWER_SECONDS),
        check.get("content"),
    )
    if not isinstance(path, str) or not re.fullmatch(r"/[!-~]{0,1000}", path):
        raise BuildFailed(f"{APP_FILE}: {place}.path must begin with / and hold no blanks")
    if type(seconds) not in (int, float) or not 0 < float(str(seconds)) <= SECONDS_LIMIT:
        raise BuildFailed(f"{APP_FILE}: {place}.timeout is at most {SECONDS_LIMIT:g} seconds")
    if content is not None:
        content = _text(content, f"{place}.content must be text")
    return Healthcheck(path, float(str(seconds)), content)


def _without_effect(table: Table) -> Iterator[str]:
    """A value that is no table was refused before."""
    yield from sorted(table.keys() - UNDERSTOOD - TOLD)
    for key, given in _table(table.get("env"), "env").items():
        if isinstance(given, dict):
            yield from _others(
                given, {"value", "generator", "required", "description"}, f"env.{key}"
            )
    for process, given in _table(table.get("formation"), "formation").items():
        known = set() if process in ONCE else {"quantity"}
        yield from _others(_table(given, process), known, f"formation.{process}")
    scripts = _table(table.get("scripts"), "scripts")
    yield from _others(scripts, {*SCRIPTS, "dokku"}, "scripts")
    yield from _others(_table(scripts.get("dokku"), "dokku"), SCRIPTS, "scripts.dokku")


def _others(table: Table, known: Collection[str], place: str) -> Iterator[str]:
    yield from (f"{place}.{key}" for key in sorted(table) if key not in known)


def _table(value: object, name: str) -> Table:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BuildFailed(f'{APP_FILE}: {name} must be {{"name": …}}')
    return value


def _list(value: object, name: str) -> Sequence[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BuildFailed(f"{APP_FILE}: its {name} must be a list")
    return value


def _text(value: object, otherwise: str) -> str:
    if not isinstance(value, str):
        raise BuildFailed(f"{APP_FILE}: {otherwise}")
    return value
