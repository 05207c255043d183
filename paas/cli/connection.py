"""HTTP/1.1 over one socket: a request, its answer, and then the next request."""

import socket
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import h11

from paas.errors import Unavailable

CHUNK = 65536
LATE_SECONDS = 5.0
"""How long it is waited for an answer that was on its way when the connection failed."""
CLOSED = "the server closed the connection"


class BrokenOff(Unavailable):
    """The connection ended, or fell silent, in the middle of an exchange."""

    def __init__(self, what: str, why: str) -> None:
        hint = (
            "Type it again."
            if what.startswith("GET ")
            else "It may have been carried out all the same: look first."
        )
        super().__init__(f"No whole answer to {what}: {why}. {hint}")


class Connection:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._http = h11.Connection(h11.CLIENT)
        self._what = ""

    @property
    def is_idle(self) -> bool:
        """The last answer was read to its end, and the server keeps the connection."""
        states = (self._http.our_state, self._http.their_state)
        return states in ((h11.IDLE, h11.IDLE), (h11.DONE, h11.DONE))

    def close(self) -> None:
        self._sock.close()

    def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, seconds: float | None
    ) -> h11.Response:  # fmt: skip
        """`seconds` is the longest silence, now and while the body is read; None: for ever."""
        self._what = f"{method} {target}"
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
        self._sock.settimeout(seconds)
        request = h11.Request(method=method, target=target, headers=list(headers.items()))
        parts = [self._http.send(request)]
        if body:
            parts.append(self._http.send(h11.Data(data=body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        try:
            self._sock.sendall(b"".join(part for part in parts if part))
        except OSError as error:
            raise BrokenOff(self._what, error.strerror or str(error)) from None
        return self._response()

    def upload(
        self, target: str, headers: Mapping[str, str], body: Iterable[bytes], seconds: float
    ) -> h11.Response:
        """A PUT of what `body` yields, as long as nothing is answered. The last request of this connection."""
        self._what = f"PUT {target}"
        self._sock.settimeout(seconds)
        request = h11.Request(method="PUT", target=target, headers=list(headers.items()))
        pieces = (h11.Data(data=piece) for piece in body)
        for event in chain((request,), pieces, (h11.EndOfMessage(),)):
            failure = self._failure_to_send(event)
            if failure is not None:
                return self._response_before(failure, min(seconds, LATE_SECONDS))
            if self._is_answered(seconds):
                break
        return self._response()

    def _failure_to_send(self, event: h11.Event) -> OSError | None:
        try:
            self._sock.sendall(self._http.send(event) or b"")
        except OSError as error:
            return error
        return None

    def _is_answered(self, seconds: float) -> bool:
        """Read, not selected: what arrives over TLS may be TLS's own. Raises BrokenOff at the end of the connection."""
        self._sock.settimeout(0)
        try:
            self._receive()
        except OSError:  # there is nothing yet; what is wrong the next piece finds out
            return False
        finally:
            self._sock.settimeout(seconds)
        return True

    def _response_before(self, failure: OSError, seconds: float) -> h11.Response:
        """What was answered before the connection failed. Raises BrokenOff with the failure's own reason."""
        self._sock.settimeout(seconds)
        try:
            return self._response()
        except BrokenOff:
            raise BrokenOff(self._what, failure.strerror or str(failure)) from None

    def _response(self) -> h11.Response:
        while not isinstance(event := self._next(), h11.Response):
            if isinstance(event, h11.ConnectionClosed):
                raise BrokenOff(self._what, CLOSED)
        return event

    def body(self) -> Iterator[bytes]:
        """What follows the response, as it comes."""
        while isinstance(event := self._next(), h11.Data):
            yield bytes(event.data)
        if not isinstance(event, h11.EndOfMessage):
            raise BrokenOff(self._what, CLOSED)

    def _next(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._receive()
        except OSError as error:
            raise BrokenOff(self._what, error.strerror or str(error)) from None
        except h11.RemoteProtocolError as error:
            raise BrokenOff(self._what, str(error)) from None
        return event

    def _receive(self) -> None:
        data = self._sock.recv(CHUNK)
        if not data and self._http.their_state is h11.SEND_RESPONSE:
            raise BrokenOff(self._what, CLOSED)
        self._http.receive_data(data)
