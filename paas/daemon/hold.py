"""Becomes the supervisor, holding the folder's lock: `python -I -m paas.daemon.hold LOCK_FD CONFIGURATION`

A process of its own kind, so that what `paasd run` had to import is not carried for ever. The lock is the process's:
whatever ends it gives the lock back, and no program it starts holds it.
"""

import os
import sys

from supervisor import supervisord


def main() -> None:
    lock, configuration = sys.argv[1:]
    os.set_inheritable(int(lock), False)
    supervisord.main(["-n", "-c", configuration])  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
