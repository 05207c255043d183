"""STEP 1  The hook `post-receive`: after a dry run each branch goes back to where it was.

Before the branches move a push can only be refused, and a dry run that went well is no failure. The push lock is held,
so nobody sees a branch in between but who fetches in this moment.
`python -I -S /…/paas/git/restore.py`, as a plain script, in the repository.
"""

import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from paas.errors import PaasError
from paas.git.receive import DRY_RUN, options, tell
from paas.git.repos import Repo


def main() -> int:
    if DRY_RUN not in options(os.environ):
        return 0
    try:
        for line in sys.stdin.buffer:
            old, new, ref = line.decode("utf-8", "surrogateescape").rstrip("\n").split(" ", 2)
            Repo().move(ref, new, old)
    except PaasError as error:
        tell(f" !     A branch stays where the dry run has moved it: {error}")
        return 1
    tell("-----> Dry run: nothing was released, and no branch has moved here")
    return 0


if __name__ == "__main__":
    sys.exit(main())
