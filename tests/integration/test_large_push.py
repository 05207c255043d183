"""A push of much history: taken, and nobody else waits for it."""

import os
import time

import pytest

from tests.eventually import eventually
from tests.integration.user import User

HISTORY_MB, COMMIT_MB = 300, 20


def has_history(user: User, app: str) -> None:
    """So much that no compression makes less of, in files that the last commit has no more."""
    user.creates(app)
    folder = user.folder(app)
    user.types("git config core.bigFileThreshold 1m", within=folder)  # nobody looks for likenesses
    for _ in range(HISTORY_MB // COMMIT_MB):
        (folder / "blob").write_bytes(os.urandom(COMMIT_MB << 20))
        user.types("git add --all", within=folder)
        user.types("git -c core.compression=0 commit --quiet --message x", within=folder)
    (folder / "blob").unlink()
    user.commits("static-web", to=app)


def pushed(user: User, app: str, text: str) -> float:
    """In seconds."""
    begun = time.monotonic()
    push = user.pushes(None, to=app, files={"index.html": text})
    assert push.accepted, push.output
    return time.monotonic() - begun


@pytest.mark.soak
def test_a_large_push_is_taken_and_another_app_is_pushed_meanwhile(user: User) -> None:
    user.deployed("static-web", "small")
    has_history(user, "large")
    quiet = min(pushed(user, "small", f"quiet {number}") for number in range(3))

    begun = time.monotonic()
    large = user.begins("git push --progress paas main", within=user.folder("large"))
    assert large.stdout
    eventually(lambda: "Writing objects" in large.stdout.readline(), within=120)
    busy = []
    while large.poll() is None and len(busy) < 20:
        busy.append(pushed(user, "small", f"busy {len(busy)}"))
    output, _ = large.communicate(timeout=600)
    took = time.monotonic() - begun

    assert large.returncode == 0, output
    assert max(busy) < 3 * quiet + 5, f"{quiet} s became {busy} while {took} s went by"
