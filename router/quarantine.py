"""Containers that take no connection get no request until they do again.

HAProxy asks first who has the fewest connections, and that is who refuses them: two dead containers fail what a third
would have answered. The table leaves out what is dead within milliseconds, but not when the news of it is lost, nor
when a whole host is gone.

A request that had to be tried again casts doubt on its slot. The slot's servers are called up side by side; who takes
no connection within a second is given no weight, if another took one. All of those are called up again each second and
get their weight back when they answer. Where all are silent nothing is taken away: then it may be us.

The weight is HAProxy's own, so a follower that was killed finds who is out. It is another thing than parked, which the
table decides: what is done here never brings back what the table left out.
"""

import errno
import selectors
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from router.haproxy import HAProxy, HAProxyGone, HAProxyRefused, Taker

CALL_SECONDS = 1.0
AGAIN_SECONDS = 1.0
"""Between two calls of who is out, and between two looks at a slot that is doubted."""
AT_ONCE = 1000
"""Calls."""


class Quarantine:
    """A thread of its own, until `stop`. `report` gets a line about who is left out and who is back."""

    def __init__(self, haproxy: HAProxy, report: Callable[[str], None]) -> None:
        self._haproxy, self._report = haproxy, report
        self._doubted: dict[str, None] = {}
        self._looked: dict[str, float] = {}
        """When a slot was looked at last; of those that were in the last second."""
        self._out: set[str] = set()
        """Slots with somebody out."""
        self._silent: set[str] = set()
        """Addresses whose other containers were doubted, since nobody was out."""
        self._changed = threading.Condition()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="quarantine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        self._thread.join()

    def doubt(self, slot: str) -> None:
        """A request of this slot had to be tried again. From any thread; costs nothing when it is doubted already."""
        if slot not in self._doubted:
            with self._changed:
                self._doubted[slot] = None
                self._changed.notify()

    def _run(self) -> None:
        is_found = False
        while not self._is_stopped:
            try:
                if not is_found:
                    self._out = {taker.slot for taker in self._haproxy.takers() if taker.is_out}
                    is_found = True
                self._look(self._awaited())
            except Exception as error:  # noqa: BLE001 - the top of a daemon's loop
                if not isinstance(error, HAProxyGone | HAProxyRefused):
                    self._report(f"Who takes no connection cannot be found out ({error!r})")
                with self._changed:  # the HAProxy that comes knows nothing of this
                    self._changed.wait_for(lambda: self._is_stopped, AGAIN_SECONDS)
                is_found = False

    def _awaited(self) -> Sequence[str]:
        """The slots to look at now: doubted ones at once, the others each second."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._doubted or self._is_stopped, AGAIN_SECONDS if self._out else None
            )
            doubted, self._doubted = self._doubted, {}
        now = time.monotonic()
        recent = now - AGAIN_SECONDS
        self._looked = {slot: at for slot, at in self._looked.items() if at > recent}
        due = [slot for slot in (*doubted, *self._out) if slot not in self._looked]
        self._looked |= dict.fromkeys(due, now)
        return list(dict.fromkeys(due))

    def _look(self, slots: Sequence[str]) -> None:
        """All of these at once: however many are silent, it takes about as long as one."""
        takers = [taker for slot in slots for taker in self._haproxy.takers(slot)]
        out = {taker for taker in takers if taker.is_out}
        alive, dead = set[str](), defaultdict[str, list[Taker]](list)
        for taker, answered in call_up(takers):
            if answered:
                alive.add(taker.slot)
                if taker.is_out:
                    self._bring_back(taker)
                    out.discard(taker)
            elif not taker.is_out:
                dead[taker.slot].append(taker)
            if taker.slot in alive:
                for one in dead.pop(taker.slot, ()):
                    self._leave_out(one)
                    out.add(one)
        self._out = (self._out - set(slots)) | {taker.slot for taker in out}
        if not self._out:
            self._silent.clear()

    def _leave_out(self, taker: Taker) -> None:
        self._haproxy.weigh(taker, 0)
        self._report(f"{taker} takes no connection, and no request goes there until it does")
        if taker.address not in self._silent:
            self._silent.add(taker.address)
            for other in self._haproxy.takers():
                if other.address == taker.address and not other.is_out:
                    self.doubt(other.slot)

    def _bring_back(self, taker: Taker) -> None:
        self._haproxy.weigh(taker, 100)
        self._report(f"{taker} takes connections again")


def call_up(takers: Sequence[Taker]) -> Iterator[tuple[Taker, bool]]:
    """Each with whether it took a connection, as soon as that is known."""
    for begin in range(0, len(takers), AT_ONCE):
        yield from _call_up(takers[begin : begin + AT_ONCE])


def _call_up(takers: Sequence[Taker]) -> Iterator[tuple[Taker, bool]]:
    deadline = time.monotonic() + CALL_SECONDS
    with ExitStack() as held, selectors.DefaultSelector() as calls:
        for taker in takers:
            family = socket.AF_INET6 if ":" in taker.address else socket.AF_INET
            kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
            call = held.enter_context(socket.socket(family, kind))
            if call.connect_ex((taker.address, taker.port)) in (0, errno.EINPROGRESS):
                calls.register(call, selectors.EVENT_WRITE, taker)
            else:
                yield taker, False
        while (left := deadline - time.monotonic()) > 0 and calls.get_map():
            for key, _ in calls.select(left):
                assert isinstance(key.fileobj, socket.socket)
                calls.unregister(key.fileobj)
                yield key.data, key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        yield from ((key.data, False) for key in list(calls.get_map().values()))
