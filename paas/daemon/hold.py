"""Becomes the supervisor, holding the folder's lock: `python -I -m paas.daemon.hold LOCK_FD CONFIGURATION`

A process of its own kind, so that what `paasd run` had to import is not carried for ever. The lock is the process's:
whatever ends it gives the lock back, and no program it starts holds it.

The supervisor is the `supervisor` package's, with two differences: it hears of a child's end at once and not within a
second, and it stops its programs side by side.
"""

import os
import signal
import sys
from typing import Any

from supervisor import supervisord
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions

from paas.daemon.names import REDIS


class Bell:
    """Rung by every signal; ends the supervisor's wait for something to read. Its own word for that: a dispatcher."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)

    def hang_up(self, socket_map: dict[int, object]) -> None:
        socket_map[self._read] = self
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        """One more round: in this one the child is buried, in the next another is started in its place."""
        if any(os.read(self._read, 4096)):
            os.write(self._write, b"\0")

    def handle_error(self) -> None:
        return


class Supervisor(supervisord.Supervisor):
    stop_groups: list[Any] | None

    def ordered_stop_groups_phase_1(self) -> None:
        """All but Redis, and Redis when they are gone: they may still have something to say to it."""
        groups = self.stop_groups or []
        for group in [each for each in groups if each.config.name != REDIS] or groups:
            group.stop_all()

    def ordered_stop_groups_phase_2(self) -> None:
        """Reached once before the first."""
        if self.stop_groups:
            self.stop_groups = [each for each in self.stop_groups if each.get_unstopped_processes()]


def main() -> None:
    lock, configuration = sys.argv[1:]
    os.set_inheritable(int(lock), False)
    options: Any = ServerOptions()  # type: ignore[no-untyped-call]
    options.realize(["-n", "-c", configuration], doc=__doc__)
    options.first, options.test = True, False
    Bell().hang_up(options.get_socket_map())
    try:
        Supervisor(options).main()  # type: ignore[no-untyped-call]
    except asyncore.ExitNow:
        options.close_httpservers()
        options.close_logger()


if __name__ == "__main__":
    main()
