"""What a command starts from: who asks, which platform, and from which folder."""

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

from paas.cli.address import Address
from paas.cli.client import Client, check_name
from paas.cli.credentials import Credentials, NotLoggedIn, check_token
from paas.errors import Invalid

REMOTE = "paas"


class NoApp(Invalid):
    def __init__(self, remote: str) -> None:
        super().__init__(
            f"Which app? This folder has no git remote '{remote}'. Add -a NAME, or type: paas git:remote -a NAME"
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Environment:
    """What `main` read from the environment. Nothing else of this package looks there."""

    config: str
    """Of the file with url and token."""
    url: str | None = None
    token: str | None = None
    terminal: str = "xterm"
    has_display: bool = False


class Session:
    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    @cached_property
    def credentials(self) -> Credentials:
        """The environment goes before the file. A token of the file goes only to the URL of the file."""
        given = self.environment
        if given.url is not None and given.token is not None:
            return Credentials(given.url, check_token(given.token))
        kept = Credentials.load(given.config)
        if given.token is not None and kept is not None:
            return Credentials(kept.url, check_token(given.token))
        if kept is None:
            raise NotLoggedIn(f"there is no {given.config}")
        if given.url is not None and given.url != kept.url:
            raise NotLoggedIn(
                f"PAAS_URL is {given.url}, and {given.config} has a token for {kept.url} only"
            )
        return kept

    @cached_property
    def api(self) -> Client:
        return Client(Address.parse(self.credentials.url), self.credentials.token)

    def close(self) -> None:
        if "api" in self.__dict__:
            self.api.close()

    def app(self, name: str | None, remote: str | None) -> str:
        """The one that was named, else the one that the git remote pushes to."""
        if name is not None:
            return check_name(name)
        found: str | None = import_module("paas.cli.remotes").app_at(remote or REMOTE)
        if found is None:
            raise NoApp(remote or REMOTE)
        return check_name(found)
