"""Procfile: text -> process types."""

import re
from collections.abc import Mapping

from paas.errors import Invalid
from paas.model.process import InvalidProcessType, ProcessType

SIZE_LIMIT = 64 * 1024
"""Bytes of a Procfile."""
COMMAND_LIMIT = 8 * 1024


class InvalidProcfile(Invalid):
    def __init__(self, line: int, why: str) -> None:
        self.line = line
        super().__init__(f"Procfile, line {line}: {why}")


def parse_procfile(text: str) -> Mapping[str, str]:
    """Process type -> command, in the file's order; each name is a ProcessType.

    Blank lines and lines that begin with # are passed over. Raises InvalidProcfile, also when no process is named.
    """
    processes: dict[str, str] = {}
    lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, command = (part.strip() for part in line.partition(":"))
        if not colon or not command:
            raise InvalidProcfile(
                number,
                f"expected 'name: command', such as 'web: python app.py', found {_shown(line)}",
            )
        if "\0" in command or len(command) > COMMAND_LIMIT:
            raise InvalidProcfile(number, f"the command of {_shown(name)} is too long or not text")
        try:
            process = ProcessType(name)
        except InvalidProcessType as error:
            raise InvalidProcfile(number, str(error)) from None
        if process in processes:
            raise InvalidProcfile(number, f"'{process}' is there already; a name stands once")
        processes[process] = command
    if not processes:
        raise InvalidProcfile(
            len(lines), "no process is named; add one, such as 'web: python app.py'"
        )
    return processes


def read_procfile(content: bytes) -> Mapping[str, str]:
    """The same of a file's bytes."""
    if len(content) > SIZE_LIMIT:
        raise InvalidProcfile(1, f"the file is {len(content)} bytes; {SIZE_LIMIT} is the most")
    try:
        return parse_procfile(content.decode())
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InvalidProcfile(line, "not UTF-8") from None


def _shown(text: str) -> str:
    return repr(text.strip()[:60])
