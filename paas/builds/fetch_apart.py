"""What comes from elsewhere is fetched in a container, before any of the app's own code is there."""

import ipaddress
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from paas.builds.container import APP_USER, begin, container_spec, follow, give_to_app
from paas.builds.fetched import open_written
from paas.builds.order import BuildFailed, Order
from paas.builds.stack import host_proxies
from paas.engine.engine import ImageMissing
from paas.settings import SettingInvalid, Settings

SCRIPTS = Path(__file__).parent
ANSWERS_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FetchLimit:
    megabytes: int
    """Of each; all together may send twice as much."""
    setting: str
    """Which one says so."""
    seconds: float
    """For all."""


@dataclass(frozen=True, slots=True)
class Came:
    answers: Sequence[Mapping[str, str]]
    """To each: `version` and `etag`, or `error`; empty when what fetches was ended."""
    refused: str
    """Where it was not let, in one line."""
    folder: Path

    def tar(self, number: int) -> Path:
        """What somebody unknown has written, if anything."""
        return self.folder / f"{number}.tar"


def fetch_apart(
    order: Order, word: str, wanted: Sequence[Mapping[str, str]], limit: FetchLimit
) -> Came:
    """As fetch.py wants them. `word` tells one fetch of a build from another. Raises BuildFailed."""
    given, out = order.folder / f"{word}-wanted", order.folder / f"{word}-fetched"
    given.mkdir()
    out.mkdir()
    give_to_app(out)
    for script in ("fetch.py", "way_out.py"):
        shutil.copyfile(SCRIPTS / script, given / script)
    (given / "wanted.json").write_text(json.dumps(wanted))
    for path in (given, *given.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    refused = _run(order, given, out, limit)
    return Came(_answers(out / "answers.json", len(wanted)), refused, out)


def _run(order: Order, given: Path, out: Path, limit: FetchLimit) -> str:
    """What was refused, in one line."""
    settings = order.settings
    name = f"{order.build.container}-fetch"
    command = ["-EsB", "/given/way_out.py", f"{limit.megabytes * 2}", limit.setting]
    command += [f"{limit.seconds}", _networks(settings), "/usr/bin/python3", "-EsB"]
    command += ["/given/fetch.py", "/given/wanted.json", "/out"]
    command += [f"{limit.megabytes}", limit.setting]
    spec = replace(
        container_spec(order, settings.stack_build, name),
        entrypoint=("/usr/bin/python3", *command),
        env=host_proxies(),
        user=f"{APP_USER}:{APP_USER}",
        workdir="/tmp",
        mounts={str(given): "/given", str(out): "/out"},
    )
    said = bytearray()
    try:
        session = begin(order, spec)
    except ImageMissing:
        raise BuildFailed(
            f"the stack's image {spec.image} is not on host {order.host.name}"
        ) from None
    follow(order, spec, session, lambda data: said.extend(data[: ANSWERS_LIMIT - len(said)]))
    lines = said.decode("utf-8", "replace").splitlines()
    return "; ".join(
        dict.fromkeys(line.partition("refused: ")[2] for line in lines if "refused: " in line)
    )


def _networks(settings: Settings) -> str:
    """Raises SettingInvalid."""
    words = settings.fetch_networks.replace(",", " ").split()
    try:
        return ",".join(str(ipaddress.IPv4Network(word)) for word in words)
    except ValueError as error:
        raise SettingInvalid(
            "fetch_networks", settings.directory, f"has a wrong network: {error}"
        ) from None


def _answers(path: Path, count: int) -> Sequence[Mapping[str, str]]:
    """Empty ones when there are none: what fetches was ended."""
    try:
        with open_written(path) as file:
            answers = json.loads(file.read(ANSWERS_LIMIT))
    except (OSError, ValueError):
        return [{}] * count
    if len(answers) != count or not all(isinstance(answer, dict) for answer in answers):
        return [{}] * count
    return [{str(name): str(value) for name, value in answer.items()} for answer in answers]
