"""The `paas` command. It speaks HTTP to the API and knows nothing else of the platform, so it installs on a laptop.

It starts in a few hundredths of a second, and stays that quick by two habits: `commands.py` is a table, and a command's
module is imported when the command is typed; what is slow to import (websockets, ssl) stands in a module of its own.
"""
