"""`python3 load.py HOST`: asks the router on new and on kept connections, until SIGTERM; tells what failed.

Runs in the machine, with whatever Python that has.
"""

import http.client
import signal
import sys
import threading

PAUSE_SECONDS = 0.02


def ask(host: str, is_over: threading.Event, said: list[str], *, keep: bool) -> None:
    headers = {"Host": host, "Connection": "keep-alive" if keep else "close"}
    connection = http.client.HTTPConnection("127.0.0.1", timeout=30)
    while not is_over.wait(PAUSE_SECONDS):
        try:
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            answer.read()
            said.append(str(answer.status))
        except (OSError, http.client.HTTPException) as error:
            said.append(repr(error))
            connection.close()


def main() -> None:
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    said: list[str] = []
    threads = [
        threading.Thread(
            target=ask, args=(sys.argv[1], is_over, said), kwargs={"keep": number % 2 == 0}
        )
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [word for word in said if word != "200"]
    sys.stdout.write(
        f"{len(said)} asked, {len(failed)} failed {' '.join(failed[:5])}".rstrip() + "\n"
    )


if __name__ == "__main__":
    main()
