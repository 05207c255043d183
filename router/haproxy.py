"""The one door to a living HAProxy: its admin socket and its master's. Texts of HAProxy's stop here."""

import re
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from router.config import SERVER_OPTIONS
from router.folder import Folder
from router.notes import entries, note_label, note_server, read_label, read_server, table
from router.running import Running, Server
from router.steps import AddServer, Bind, Claim, Grow, Park, Release, Reuse, Shut, Step, Unbind

SLOT = r"s\d{5}"
LONGEST_LINE = 8000
"""HAProxy reads a line of commands into one buffer of 16 KB."""
ANSWER_SECONDS = 5
EXPECTED = re.compile(
    r"|New server registered\.|(IP|port) changed from .*|no need to change the addr.*|nothing changed|Key not found\."
)


class HAProxyGone(Exception):
    """It does not answer."""


class HAProxyRefused(Exception):
    """It answered something that a command of ours does not get when it runs what we think it runs."""


@dataclass(frozen=True, slots=True)
class Worker:
    """The process that serves."""

    pid: int
    started_at: int
    version: str


@dataclass(frozen=True, slots=True)
class Taker:
    """A server that the table names: it takes requests, unless it is out."""

    slot: str
    name: str
    address: str
    port: int
    is_out: bool

    def __str__(self) -> str:
        return f"{self.slot}/{self.name} at {self.address}:{self.port}"


class HAProxy:
    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def worker(self) -> Worker:
        facts = dict(
            line.split(": ", 1) for line in self._ask("show info").splitlines() if ": " in line
        )
        try:
            return Worker(int(facts["Pid"]), int(facts["Start_time_sec"]), facts["Version"])
        except (KeyError, ValueError):
            raise HAProxyGone from None

    def read(self) -> Running:
        """Everything it runs."""
        hostnames, labels, notes, servers = (
            self._ask(command)
            for command in (
                f"show map {self._folder.hostnames}",
                f"show map {self._folder.slots}",
                f"show map {self._folder.servers}",
                "show servers state",
            )
        )
        running = Running(self._slot_count())
        known = dict(entries(notes))
        for row in table(servers):
            if row["be_name"] in running.slots:
                note = known.get(f"{row['be_name']}/{row['srv_name']}", "")
                running.put(row["be_name"], read_server(row, note))
        for slot, value in entries(labels):
            running.claim(slot, read_label(value))
        for hostname, slot in entries(hostnames):
            running.bind(hostname, slot)
        return running

    def takers(self, slot: str = "") -> Sequence[Taker]:
        """Of this slot, or of all."""
        found = []
        for row in table(self._ask(f"show servers state {slot}".rstrip())):
            server = read_server(row, "")
            if server.is_up and re.fullmatch(SLOT, row["be_name"]):
                is_out = row["srv_uweight"] == "0"
                where = (row["be_name"], server.name, server.address, server.port)
                found.append(Taker(*where, is_out))
        return found

    def weigh(self, taker: Taker, percent: int) -> None:
        """0: no new request goes there."""
        self._tell([f"set server {taker.slot}/{taker.name} weight {percent}%"])

    def apply(self, steps: Sequence[Step], running: Running) -> None:
        """Does the steps and notes them in `running`. Raises HAProxyGone or HAProxyRefused with some of them done."""
        moved = [step for step in steps if isinstance(step, Reuse)]
        self._tell([command for step in moved for command in self._move(step, running)])
        self._await_addresses(moved)
        commands = []
        for step in steps:
            commands += self._commands(step, running)
            running.apply(step)
        self._tell(commands)

    def unwritten(self) -> int:
        """Lines of the log, since it was started, that it left out or could not write."""
        said = self._ask("show info;show table unwritten")
        return sum(map(int, re.findall(r"(?:^DroppedLogs: |\bhttp_req_cnt=)(\d+)", said, re.M)))

    def requests_in_flight(self, slots: Sequence[str]) -> Mapping[tuple[str, int], int]:
        """By address and port, in these slots; in HAProxys that are being replaced, in all of theirs."""
        counts: Counter[tuple[str, int]] = Counter()
        for at in range(0, len(slots), 200):
            asked = ";".join(f"show servers conn {slot}" for slot in slots[at : at + 200])
            _count(self._ask(asked), counts)
        for master, pid in self._leaving():
            try:
                _count(self._ask(f"@!{pid} show servers conn", master), counts)
            except HAProxyGone:
                continue
        return counts

    def shut(self, slot: str, server: Server) -> None:
        """Cuts what this server still has in flight, in HAProxys that are being replaced too."""
        self._tell([f"shutdown sessions server {slot}/{server.name}"])
        for master, pid in self._leaving():
            try:
                conns = self._ask(f"@!{pid} show servers conn", master)
                for row in table(conns):
                    if (row["addr"], int(row["port"])) == (server.address, server.port):
                        name = row["bkname/svname"]
                        self._ask(f"@!{pid} shutdown sessions server {name}", master)
            except HAProxyGone:
                continue

    def reload(self, seconds: float) -> None:
        """A new worker with the files as they are. Returns when it answers. Raises HAProxyGone when it did not."""
        old = self.worker()
        self._ask("reload", self._folder.master)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self.worker() != old:
                    return
            except HAProxyGone:
                pass
            time.sleep(0.005)
        raise HAProxyGone

    def _slot_count(self) -> int:
        backends = self._ask("show backend").split()
        return sum(1 for name in backends if re.fullmatch(SLOT, name))

    def _move(self, step: Reuse, running: Running) -> Iterator[str]:
        server = running.slots[step.slot].servers[step.server]
        if (server.address, server.port) != (step.backend.address, step.backend.port):
            where = f"addr {step.backend.address} port {step.backend.port}"
            yield f"set server {step.slot}/{step.server} {where}"

    def _await_addresses(self, moved: Sequence[Reuse]) -> None:
        """Newer HAProxys change an address a little later; until then the server must not take requests."""
        deadline = time.monotonic() + 1
        waiting = {(step.slot, step.server): step.backend for step in moved}
        while waiting:
            for slot in {slot for slot, _ in waiting}:
                for row in table(self._ask(f"show servers state {slot}")):
                    backend = waiting.get((slot, row["srv_name"]))
                    if backend and (row["srv_addr"], row["srv_port"]) == (
                        backend.address,
                        str(backend.port),
                    ):
                        del waiting[slot, row["srv_name"]]
            if time.monotonic() > deadline:
                raise HAProxyRefused(f"it does not change the addresses of {sorted(waiting)}")

    def _commands(self, step: Step, running: Running) -> list[str]:
        hostnames, slots = self._folder.hostnames, self._folder.slots
        match step:
            case AddServer(slot, name, backend):
                where = f"{backend.address}:{backend.port}"
                note = note_server(
                    Server(name, backend.address, backend.port, True, backend.container, backend.dyno)
                )  # fmt: skip
                return [
                    f"add server {slot}/{name} {where} {SERVER_OPTIONS}",
                    f"add map {self._folder.servers} {slot}/{name} {note}",
                    f"enable server {slot}/{name}",
                ]
            case Reuse(slot, name, backend):
                note = note_server(
                    Server(name, backend.address, backend.port, True, backend.container, backend.dyno)
                )  # fmt: skip
                return [
                    f"del map {self._folder.servers} {slot}/{name}",
                    f"add map {self._folder.servers} {slot}/{name} {note}",
                    f"set server {slot}/{name} weight 100%",
                    f"set server {slot}/{name} state ready",
                ]
            case Park(slot, name, at, drain_seconds):
                server = running.slots[slot].servers[name]
                note = note_server(
                    Server(name, server.address, server.port, False, server.container, server.dyno,
                           left_at=at, drain_seconds=drain_seconds)
                )  # fmt: skip
                return [  # noted first: a server that is found parked has to say since when
                    f"set map {self._folder.servers} {slot}/{name} {note}",
                    f"set server {slot}/{name} state maint",
                ]
            case Claim(slot, label):
                verb = "set" if running.slots[slot].label else "add"
                return [f"{verb} map {slots} {slot} {note_label(label)}"]
            case Release(slot):
                return [f"del map {slots} {slot}"]
            case Bind(hostname, slot):
                verb = "set" if hostname in running.hostnames else "add"
                return [f"{verb} map {hostnames} {hostname} {slot}"]
            case Unbind(hostname):
                return [f"del map {hostnames} {hostname}"]
            case Shut() | Grow():
                return []
            case _:
                assert_never(step)

    def _leaving(self) -> Iterator[tuple[Path, int]]:
        """HAProxys that are being replaced and still finish what they have: their master's socket and their pid."""
        current = self.worker().pid
        for master in sorted(self._folder.path.glob("master*.sock")):
            try:
                rows = self._ask("show proc", master).splitlines()
            except HAProxyGone:
                continue
            for row in rows:
                pid, kind, *_ = [*row.split(), "", ""]
                if kind == "worker" and int(pid) != current:
                    yield master, int(pid)

    def _tell(self, commands: Sequence[str]) -> None:
        line: list[str] = []
        for command in [*commands, ""]:
            if line and (
                not command or sum(map(len, line)) + len(line) + len(command) > LONGEST_LINE
            ):
                for answer in self._ask(";".join(line)).splitlines():
                    if not EXPECTED.fullmatch(answer.strip()):
                        raise HAProxyRefused(answer.strip())
                line = []
            line.append(command)

    def _ask(self, command: str, at: Path | None = None) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as asked:
                asked.settimeout(ANSWER_SECONDS)
                asked.connect(str(at or self._folder.admin))
                asked.sendall(command.encode() + b"\n")
                if at is not None:  # a master goes on listening until it is told that this was all
                    asked.shutdown(socket.SHUT_WR)
                chunks = []
                while chunk := asked.recv(1 << 18):
                    chunks.append(chunk)
        except OSError as error:
            raise HAProxyGone(str(error)) from None
        return b"".join(chunks).decode()


def check(config: Path) -> "subprocess.Popen[bytes]":
    """HAProxy's own judgement of a configuration: started, not waited for. 0 is good. It has a minute."""
    return subprocess.Popen(
        ["timeout", "--signal=KILL", "60", "haproxy", "-c", "-q", "-f", str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _count(text: str, counts: Counter[tuple[str, int]]) -> None:
    for row in table(text):
        counts[row["addr"], int(row["port"])] += int(row["used_cur"])
