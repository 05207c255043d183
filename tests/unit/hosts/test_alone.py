import threading
import time

from paas.engine.tunnels import alone
from paas.settings import Settings


def test_who_changes_a_host_waits_for_who_changes_it_already(settings: Settings) -> None:
    settings.programs.mkdir()
    (settings.programs / "tunnel-h2.conf").touch()
    done: list[str] = []

    def other() -> None:
        with alone("h2", settings):
            done.append("other")

    with alone("h2", settings):
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.1)
        with alone("h3", settings):
            done.append("another host")
    thread.join()

    assert done == ["another host", "other"]
