"""A web process that lives and never listens."""

import time

print("thinking", flush=True)
while True:
    time.sleep(60)
