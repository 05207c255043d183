"""The way to routers' machines that have no sshd: what a look finds, and which tunnels are open, says the test."""

from dataclasses import dataclass, field

from paas.engine.fit import Found
from paas.engine.router_tunnels import note_router
from paas.errors import PaasError
from paas.model.router import RegisteredRouter
from paas.model.ssh_url import SshUrl
from paas.routers.reach import Reach
from paas.settings import Settings

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1ySp7mm0pETGvk3BUfne2QpeB5ytB80I6Lt85ZS4dh"
FINGERPRINT = "SHA256:jGWMRuFzAc2HYEJzsNmpCh2mSGJVoBMWcOhHnEqaA5k"
OWN = "10.0.0.1"
"""Of the platform's machine, as all others see it."""


@dataclass
class Way:
    found: Found = field(default_factory=lambda: Found(KEY, FINGERPRINT, "", "deploy", "10.0.0.7"))
    trouble: PaasError | None = None
    """Of the look."""
    own: str = OWN
    is_serving: bool = False
    """Something answers on the router's port of that machine."""
    open: set[str] = field(default_factory=set)

    @property
    def reach(self) -> Reach:
        return Reach(
            self._look,
            note_router,
            self._open,
            self._close,
            lambda _: self.own,
            lambda _address, _port: self.is_serving,
        )

    def _look(self, url: SshUrl, settings: Settings, expected_key: str | None) -> Found:  # noqa: ARG002
        if self.trouble is not None:
            raise self.trouble
        return self.found

    def _open(self, router: RegisteredRouter, settings: Settings) -> None:  # noqa: ARG002
        self.open.add(router.name)

    def _close(self, router: str, settings: Settings) -> None:  # noqa: ARG002
        self.open.discard(router)
