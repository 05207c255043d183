"""The way to hosts that have no sshd: what a look finds, and which tunnels are open, is said by the test."""

from dataclasses import dataclass, field

from paas.errors import PaasError
from paas.hosts.reach import Found, Reach
from paas.model.host import Host
from paas.model.ssh_url import SshUrl
from paas.settings import Settings

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1ySp7mm0pETGvk3BUfne2QpeB5ytB80I6Lt85ZS4dh"
FINGERPRINT = "SHA256:jGWMRuFzAc2HYEJzsNmpCh2mSGJVoBMWcOhHnEqaA5k"


@dataclass
class Way:
    found: Found = field(
        default_factory=lambda: Found(KEY, FINGERPRINT, "amd64", "deploy", "10.0.0.2")
    )
    trouble: PaasError | None = None
    """Of the look."""
    open: set[str] = field(default_factory=set)
    looks: list[tuple[SshUrl, str | None]] = field(default_factory=list)
    """Where to, and which key was expected."""

    @property
    def reach(self) -> Reach:
        return Reach(self._look, self._open, self._close, lambda _: None, answer_seconds=0.3)

    def _look(self, url: SshUrl, settings: Settings, expected_key: str | None) -> Found:  # noqa: ARG002
        self.looks.append((url, expected_key))
        if self.trouble is not None:
            raise self.trouble
        return self.found

    def _open(self, host: Host, settings: Settings) -> None:  # noqa: ARG002
        self.open.add(host.name)

    def _close(self, host: str, settings: Settings) -> None:  # noqa: ARG002
        self.open.discard(host)
