"""No web process: says that it lives, once a second, until it is told to stop."""

import os
import signal
import threading

stopped = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopped.set())
print(f"{os.environ.get('DYNO', 'worker')} started", flush=True)
ticks = 0
while not stopped.wait(1):
    ticks += 1
    print(f"tick {ticks}", flush=True)
print("stopped", flush=True)
