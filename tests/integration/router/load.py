"""A constant load of new and of kept-alive connections."""

import http.client
import threading
from collections import Counter


class Load:
    """Counts what it got; whatever is not a 200 is kept as a failure."""

    def __init__(self, port: int, host: str, kept: int = 3, new: int = 2) -> None:
        self._port, self._host = port, host
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._is_ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number < kept,))
            for number in range(kept + new)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def total(self) -> int:
        return self.answers.total()

    def _run(self, is_kept: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._is_ended.is_set():
            try:
                connection.request("GET", "/", headers={"Host": self._host})
                response = connection.getresponse()
                text = response.read().decode()
                if response.status != 200:
                    self.failures.append(f"{response.status} {text[:80]}")
                self.answers[text.split(" ", 1)[0]] += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            if not is_kept:
                connection.close()
            self._is_ended.wait(0.002)
        connection.close()
