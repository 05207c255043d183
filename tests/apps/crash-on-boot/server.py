"""Ends at once, with a reason on standard error."""

import sys

print("reading the settings", flush=True)
sys.exit("there is no DATABASE_URL, and no start without one")
