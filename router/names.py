"""Whose a slot is and which dyno a server is, for the log. The follower writes, the log's thread reads."""

from collections.abc import Iterable

from router.running import Running
from router.steps import AddServer, Claim, Reuse, Step


class Names:
    def __init__(self) -> None:
        self.apps: dict[str, str] = {}
        """Slot to app id; the last one it had."""
        self.dynos: dict[str, str] = {}
        """`slot/server` to dyno."""

    def learn(self, steps: Iterable[Step]) -> None:
        """Before they are done: the first request may be over before they are noted."""
        for step in steps:
            match step:
                case AddServer(slot, server, backend) | Reuse(slot, server, backend):
                    self.dynos[f"{slot}/{server}"] = backend.dyno
                case Claim(slot, label):
                    self.apps[slot] = label.app_id
                case _:
                    continue

    def learn_all(self, running: Running) -> None:
        for slot, server in running.servers():
            self.dynos[f"{slot.name}/{server.name}"] = server.dyno
        for slot in running.slots.values():
            if slot.label is not None:
                self.apps[slot.name] = slot.label.app_id
