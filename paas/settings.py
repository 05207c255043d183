"""The settings of a platform: one file, read once."""

import secrets
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from paas.errors import Invalid

SETTINGS = "settings.toml"


class SettingInvalid(Invalid):
    def __init__(self, name: str, directory: Path, why: str) -> None:
        super().__init__(f"Setting '{name}' in {directory / SETTINGS} {why}.")


class NotAPlatform(Invalid):
    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory} holds no platform (no {SETTINGS}). Make one with: paasd init {directory}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `DIR/settings.toml` says; the defaults stand here and nowhere else. Paths are under `directory`."""

    directory: Path
    platform: str
    """The platform's id, made by `init`: 8 letters and digits. Everything it makes bears it."""
    apps_domain: str = "localhost"
    http_port: int = 80
    api_port: int = 5000
    ssh_port: int = 2222
    registry_port: int = 5001
    """On 127.0.0.1 of this machine and of every host elsewhere, once there is one."""
    table_port: int = 5002
    """Where Redis is reached on 127.0.0.1 of a router's machine elsewhere."""
    bind_address: str = "0.0.0.0"
    """Where the router and sshd listen."""
    subnet: str = "10.85.0.0/20"
    """Of the platform's network on the local host."""
    engine_url: str = "unix:///var/run/docker.sock"
    web_user: str = ""
    """Who runs web, workers, watch, Redis; empty: whoever runs the platform."""
    git_user: str = ""
    """Who runs sshd, door and hook."""
    router_user: str = ""
    """Who runs HAProxy and its follower."""
    ssh_host: str = "localhost"
    """The name people reach the door by."""
    stack_run: str = "paas/stack:run"
    stack_small: str = "paas/stack:small"
    """What a buildpack's app runs on that is a program by itself."""
    stack_build: str = "paas/stack:build"
    buildpacks_dir: Path = field(
        default_factory=lambda: Path(__file__).resolve().parent.parent / "buildpacks"
    )
    build_workers: int = 2
    converge_workers: int = 2
    memory_mb: int = 512
    """Of one container."""
    cpus: float = 2.0
    pids: int = 512
    build_memory_mb: int = 2048
    build_seconds: float = 1800
    build_disk_mb: int = 8192
    """What a build may have on the disk at one time, its cache included."""
    build_cache_mb: int = 2048
    """What the builds of one app may keep for the next; more is thrown away, all of it."""
    source_mb: int = 1024
    """The largest pushed tree."""
    buildpack_mb: int = 64
    """The largest buildpack that is fetched."""
    fetch_networks: str = ""
    """Networks that are not public and may be fetched from all the same, such as `10.0.0.0/8 192.168.1.5/32`."""
    start_seconds: float = 60
    """How long a web container may take to accept a connection."""
    settle_seconds: float = 3
    """How long any other container must run to be up."""
    release_seconds: float = 3600
    """How long a release process may take."""
    stop_seconds: float = 30
    """From SIGTERM to SIGKILL."""
    drain_seconds: float = 30
    """How long requests in flight may take after a container has left the table."""
    acknowledge_seconds: float = 30
    """How long a deploy waits for a router."""
    suspect_seconds: float = 30
    """How long an engine may be silent before its host gets nothing new."""
    down_seconds: float = 90
    """How long nothing of a host may answer before its dynos are placed elsewhere."""
    health_path: str = ""
    """Set: a web container is up when this path answers 2xx or 3xx."""
    releases_kept: int = 5
    log_mb: int = 16
    """Of one app's log."""

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Raises NotAPlatform or SettingInvalid."""
        path = directory / SETTINGS
        try:
            given = tomllib.loads(path.read_text())
        except FileNotFoundError:
            raise NotAPlatform(directory) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingInvalid("", directory, f"cannot be read: {error}") from None
        return cls(directory=directory.absolute(), **cls._checked(given, directory))

    @classmethod
    def _checked(cls, given: dict[str, Any], directory: Path) -> dict[str, Any]:
        kinds = {name: kind for name, kind in cls.__annotations__.items() if name != "directory"}
        checked: dict[str, Any] = {}
        for name, value in given.items():
            if name not in kinds:
                raise SettingInvalid(name, directory, "is not known")
            kind = kinds[name]
            if kind is float and isinstance(value, int):
                value = float(value)
            if kind is Path and isinstance(value, str):
                value = Path(value)
            if not isinstance(value, kind) or isinstance(value, bool):
                raise SettingInvalid(name, directory, f"must be of type {kind.__name__}")
            checked[name] = value
        if "platform" not in checked:
            raise SettingInvalid("platform", directory, "is missing")
        return checked

    def write(self) -> None:
        """Every setting, with its value, to `DIR/settings.toml`."""
        lines = []
        for name in self.__annotations__:
            if name != "directory":
                value = getattr(self, name)
                shown = f'"{value}"' if isinstance(value, str | Path) else str(value)
                lines.append(f"{name} = {shown}\n")
        temporary = self.directory / f".{SETTINGS}"
        temporary.write_text("".join(lines))
        temporary.chmod(0o644)
        temporary.replace(self.directory / SETTINGS)

    @property
    def all_builds_mb(self) -> int:
        """Memory of all Dockerfile builds together."""
        return self.build_memory_mb * self.build_workers

    @property
    def all_builds_cpus(self) -> float:
        return self.cpus * self.build_workers

    @property
    def record(self) -> Path:
        return self.directory / "record" / "paas.db"

    @property
    def run(self) -> Path:
        """Sockets and pid files."""
        return self.directory / "run"

    @property
    def redis_socket(self) -> Path:
        return self.run / "redis" / "redis.sock"

    @property
    def api_socket(self) -> Path:
        return self.run / "api" / "api.sock"

    @property
    def git_socket(self) -> Path:
        """Where the door takes what the API hands it."""
        return self.run / "door" / "git.sock"

    @property
    def registry(self) -> Path:
        """The registry's configuration, and the images in it."""
        return self.directory / "registry"

    @property
    def registry_password(self) -> Path:
        return self.keys / "registry.password"

    @property
    def router_password(self) -> Path:
        """Of Redis' user `router`."""
        return self.keys / "redis.router"

    @property
    def hosts_key(self) -> Path:
        """Of ssh, with which hosts elsewhere let the platform in."""
        return self.keys / "hosts_ed25519"

    @property
    def programs(self) -> Path:
        """What the supervisor starts beside the programs of every platform: a file for each."""
        return self.directory / "programs"

    @property
    def far_engines(self) -> Path:
        """The near ends of the tunnels: a socket for each host elsewhere."""
        return self.run / "engines"

    @property
    def engine_notes(self) -> Path:
        """What one process has learnt about an engine, for the others."""
        return self.run / "engine"

    @property
    def keys(self) -> Path:
        """Secrets: the config key, Redis passwords. Readable by the platform's own user only."""
        return self.directory / "keys"

    @property
    def door(self) -> Path:
        """sshd's configuration, host keys, authorized_keys and the door's token: the git user's."""
        return self.directory / "door"

    @property
    def repositories(self) -> Path:
        return self.directory / "repositories"

    @property
    def sources(self) -> Path:
        return self.directory / "sources"

    @property
    def builds(self) -> Path:
        """Working folders and caches of builds."""
        return self.directory / "builds"

    def build_cache(self, app_id: str) -> Path:
        return self.builds / "cache" / app_id

    @property
    def fetched_buildpacks(self) -> Path:
        return self.builds / "buildpacks"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def router(self) -> Path:
        return self.directory / "router"

    @property
    def network(self) -> str:
        """The platform's bridge network; also its label's value."""
        return f"paas-{self.platform}"


def new_platform_id() -> str:
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(8))
