"""Every error of the platform, and what kind of thing went wrong.

    PaasError
    ├── Invalid       what was given cannot be: a name outside the grammar, a value too long
    ├── Unknown       what was named is not there
    ├── Refused       the person may not
    ├── Conflict      not now: something else is in the way
    ├── Unavailable   a part that is needed does not answer
    └── Failed        it was tried and did not work

The leaves stand beside the code that raises them. A message is one line that says what happened, to what, and what
would help; an error carries its data. HTTP and exit codes are known to the outer edge alone (`web.py`, `cli/`).
"""


class PaasError(Exception):
    """The root. Never raised itself."""


class Invalid(PaasError):
    """What was given cannot be."""


class Unknown(PaasError):
    """What was named is not there."""


class Refused(PaasError):
    """The person may not."""


class Conflict(PaasError):
    """Not now: something else is in the way."""


class Unavailable(PaasError):
    """A part that is needed does not answer."""


class Failed(PaasError):
    """It was tried and did not work."""
