"""Our notes in HAProxy's maps, and its tables.

What is known about a slot and a server is kept in HAProxy itself, so that a follower that was killed finds it there.
"""

from collections.abc import Iterator, Mapping

from paas.model.route import RouteMode
from router.running import Server
from router.steps import Label

FORCED = 0x01 | 0x02 | 0x20 | 0x40
"""Administrative states of a server that keep requests away."""
UP = 2


def note_label(label: Label) -> str:
    """The value of `slots.map`. The mode comes first: the configuration looks for it."""
    return f"{label.mode}|{label.app_id}|{label.app}|{label.drain_seconds}|{label.left_at:.3f}"


def note_server(server: Server) -> str:
    """The value of `servers.map`. The address is in it, so that a note about another container is never believed."""
    facts = (server.container or "-", server.dyno or "-", server.address, server.port)
    return "|".join(map(str, (*facts, f"{server.left_at:.3f}", server.drain_seconds)))


def entries(text: str) -> Iterator[tuple[str, str]]:
    """Of a map: `0x… key value` a line."""
    for line in text.splitlines():
        if line.startswith("0x"):
            _, key, value = line.split(" ", 2)
            yield key, value


def table(text: str) -> Iterator[Mapping[str, str]]:
    """Columns by the name in the header line: their places differ between versions."""
    names: list[str] = []
    for line in text.splitlines():
        if line.startswith("# "):
            names = line[2:].split()
        elif names and line.strip() and " " in line:
            yield dict(zip(names, line.split(), strict=False))


def read_server(row: Mapping[str, str], note: str) -> Server:
    name, address, port = row["srv_name"], row["srv_addr"], int(row["srv_port"])
    is_up = not int(row["srv_admin_state"]) & FORCED and int(row["srv_op_state"]) == UP
    facts = note.split("|")
    if len(facts) != 6 or facts[2:4] != [address, str(port)]:
        return Server(name, address, port, is_up)
    container, dyno, _, _, left_at, drain_seconds = facts
    return Server(
        name,
        address,
        port,
        is_up,
        container="" if container == "-" else container,
        dyno="" if dyno == "-" else dyno,
        left_at=float(left_at),
        drain_seconds=int(drain_seconds),
    )


def read_label(value: str) -> Label:
    mode, app_id, app, drain_seconds, left_at = value.split("|")
    return Label(app_id, app, RouteMode(mode), int(drain_seconds), float(left_at))
