"""HAProxy's configuration, as text: what runs now, so that a cold start needs neither Redis nor the follower."""

import os
import resource
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from router.folder import Folder
from router.notes import note_label, note_server
from router.pages import (
    BACKLOG,
    CRASHED,
    ERRORS,
    MAINTENANCE,
    NO_SUCH_APP,
    NOTHING_RUNNING,
    STOPPED,
    Page,
    render_pages,
)
from router.running import Running, Server, Slot, slot_names

SERVER_OPTIONS = "weight 1 pool-purge-delay 5s pool-max-conn 64"
"""Spelled out: a server that HAProxy 2.6 got at run time has other defaults, and never reuses a connection."""
MOST_CONNECTIONS = 32_768
RETRIES, CONNECT_MS = 12, 1500
"""A container that refuses, or is silent for so long, is passed over for the next one: until the follower has left it
out, this alone keeps its requests from failing, and requests that are tried again at the same time take each other's
turns. A lone container is tried again each second."""
LOG_FD = 3
"""Where HAProxy finds the pipe of its log when it is started. Up to 4096 bytes are written whole or not at all."""
DICE = 1 << 16
GOOD_REQUEST_ID = "^[A-Za-z0-9+/=-]{20,200}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What the router's command line says about HAProxy."""

    http_port: int
    binds: tuple[str, ...] = ("0.0.0.0",)
    first_byte_seconds: int = 30
    """H12 after so long without a response."""
    lines_per_app: int = 500
    """Of the requests of an app that gets more in a second so many are written, chosen by chance."""


def render(running: Running, edge: Edge, folder: Folder, slots: int = 0) -> Mapping[Path, str]:
    """Every file HAProxy reads. `slots`: so many, when that is more than there are."""
    return {
        folder.config: render_config(running, edge, folder, slots),
        folder.hostnames: "".join(f"{k} {v}\n" for k, v in sorted(running.hostnames.items())),
        folder.slots: "".join(
            f"{slot.name} {note_label(slot.label)}\n"
            for slot in running.slots.values()
            if slot.label
        ),
        folder.servers: "".join(
            f"{slot.name}/{server.name} {note_server(server)}\n"
            for slot, server in running.servers()
            if _is_kept(server)
        ),
        **render_pages(folder.pages),
    }


def render_config(running: Running, edge: Edge, folder: Folder, slots: int = 0) -> str:
    return "\n".join(
        [
            *_global(folder),
            *_defaults(edge, folder),
            *_edge(edge, folder),
            *_inside(folder),
            *(line for slot in running.slots.values() for line in _slot(slot)),
            *(
                line
                for name in slot_names(slots)
                if name not in running.slots
                for line in _slot(Slot(name))
            ),
            "",
        ]
    )


def most_connections() -> int:
    """HAProxy refuses to start when this does not fit into the limit of open files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(64, min(MOST_CONNECTIONS, (hard - 2000) // 2))


def _global(folder: Folder) -> list[str]:
    return [
        "# Written by the router; whatever is changed here is lost. Started by `python -m router --exec-haproxy`.",
        "global",
        f"    maxconn {most_connections()}",
        f"    nbthread {min(os.cpu_count() or 1, 4)}",
        f"    stats socket {folder.admin} mode 600 level admin expose-fd listeners",
        "    stats timeout 1m",
        f"    log fd@{LOG_FD} len 4096 format raw local0 info",
        "    hard-stop-after 30m",
        "    close-spread-time infinite",
        "    mworker-max-reloads 4",
    ]


def _defaults(edge: Edge, folder: Folder) -> list[str]:
    """In turns: who has the fewest requests would mostly be a container that is gone, which refuses them at once."""
    return [
        "",
        "defaults paas",
        "    mode http",
        "    log global",
        "    option dontlognull",
        "    option idle-close-on-response",
        "    option redispatch 1",
        f"    retries {RETRIES}",
        "    retry-on conn-failure empty-response",
        "    http-reuse safe",
        "    balance roundrobin",
        f"    timeout connect {CONNECT_MS}ms",
        "    timeout queue 30s",
        "    timeout client 55s",
        "    timeout server 55s",
        "    timeout tunnel 1h",
        "    timeout client-fin 10s",
        "    timeout http-request 30s",
        "    timeout http-keep-alive 60s",
        *(f"    http-error {_answer(page, folder)}" for page in ERRORS),
        "",
        "defaults slots from paas",
        f"    timeout server {edge.first_byte_seconds}s",
        "    http-request set-timeout server 55s if { req.fhdr(accept) -m sub text/event-stream }",
        f"    http-request return {_answer(BACKLOG, folder)} if {{ be_conn gt {most_connections() // 2} }}",
        *_thin_out(edge.lines_per_app),
    ]


def _thin_out(lines: int) -> list[str]:
    """A line that will not be kept is neither formatted nor read, but counted: `HAProxy.unwritten`. Decided when an
    answer has come, so that every request that fails before is written, and every 5xx is."""
    return [
        f"    http-response set-var(txn.dice) rand({DICE}) if {{ be_sess_rate gt {lines} }}",
        "    http-response track-sc0 int(1) table unwritten"
        f" if {{ be_sess_rate,mul(txn.dice) ge {lines * DICE} }} !{{ status ge 500 }}",
        "    http-response set-log-level silent if { sc0_tracked }",
    ]


def _edge(edge: Edge, folder: Folder) -> list[str]:
    """Where requests come in. A HAProxy that is being replaced (`stopping`) has a table that is frozen, so it decides
    nothing: it passes what it still gets to its successor, who listens as `relayed` and finds the headers set.

    Each rule is paid for by each request: docs/router.md says what they cost."""
    return [
        "",
        "frontend edge from paas",
        *(f"    bind {_bind(address, edge.http_port)}" for address in edge.binds),
        "    option forwardfor if-none",
        "    http-request set-var(txn.rid) uuid()",
        "    http-request set-var(txn.rid) req.hdr(x-request-id)"
        f" if {{ req.hdr(x-request-id) -m reg {GOOD_REQUEST_ID} }}",
        "    http-request set-var(txn.start) date(0,ms)",
        "    http-request set-header X-Request-Id %[var(txn.rid)]",
        "    http-request set-header X-Request-Start %[var(txn.start)]",
        "    http-request set-header X-Forwarded-Proto http",
        f"    http-request set-header X-Forwarded-Port {edge.http_port}",
        "    http-request set-var-fmt(txn.fwd) %[req.fhdr(x-forwarded-for,1)],"
        " if { req.fhdr(x-forwarded-for) -m found }",
        "    http-request set-var-fmt(txn.fwd) %[var(txn.fwd)]%[req.fhdr(x-forwarded-for,-1)],"
        " if { var(txn.fwd) -m found } { req.fhdr_cnt(x-forwarded-for) gt 1 }",
        "    http-request set-header X-Forwarded-For %[var(txn.fwd)]%[src] if { var(txn.fwd) -m found }",
        "    http-request add-header Via 1.1\\ paas",
        "    http-request del-header Proxy",
        *_choose(folder),
        *_use(),
        "",
        "frontend relayed from paas",
        f"    bind unix@{folder.handoff} accept-proxy mode 600",
        "    http-request set-var(txn.rid) req.hdr(x-request-id)",
        "    http-request set-var(txn.start) date(0,ms)",
        *_choose(folder),
        *_use(),
    ]  # fmt: skip


def _choose(folder: Folder) -> list[str]:
    """The slot: of the host, or of its wildcard."""
    return [
        "    http-request set-var(txn.host) req.hdr(host),host_only,rtrim(.),lower",
        f"    http-request set-var(txn.slot) var(txn.host),map_str({folder.hostnames})",
        f"    http-request set-var(txn.slot) var(txn.host),regsub(^[^.]+,*),map_str({folder.hostnames})"
        " unless { var(txn.slot) -m found }",
        "    http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE }",
    ]


def _use() -> list[str]:
    """The follower keeps every server of an app that is stopped or in maintenance parked."""
    return [
        "    use_backend handoff if { stopping }",
        "    use_backend closed if { var(txn.slot),nbsrv eq 0 }",
        "    use_backend %[var(txn.slot)]",
        "    default_backend closed",
        # as router/log.py reads it
        "    log-format \"%[var(txn.slot)] %b/%s %ci %ST %B %TR %Tw %Tc %Ta %ts %[var(txn.code)] %[var(txn.rid)]"
        " %rc %HM %[var(txn.host)] %HU\"",
    ]  # fmt: skip


def _inside(folder: Folder) -> list[str]:
    """`closed` says why nobody answers. `ops` answers on the machine itself; it is also what makes HAProxy load
    `servers.map`."""
    return [
        "",
        "backend closed from paas",
        f"    http-request set-var(txn.label) var(txn.slot),map_str({folder.slots})",
        "    http-request set-log-level silent unless { var(txn.slot) -m found }",
        *_own(NO_SUCH_APP, "unless { var(txn.slot) -m found }", folder),
        *_own(MAINTENANCE, "if { var(txn.label) -m beg maintenance }", folder),
        *_own(STOPPED, "if { var(txn.label) -m beg stopped }", folder),
        *_own(CRASHED, "if { var(txn.label) -m beg crashed }", folder),
        *_own(NOTHING_RUNNING, "", folder),
        "",
        "backend handoff from paas",
        "    http-request set-log-level silent",
        "    http-reuse never",
        "    retry-on conn-failure",
        "    timeout server 1h",
        f"    server self unix@{folder.handoff} send-proxy-v2",
        "",
        "# http_req_cnt of its one entry: lines left out",
        "backend unwritten from paas",
        "    stick-table type integer size 10 store http_req_cnt",
        "",
        "frontend ops from paas",
        f"    bind unix@{folder.ops} mode 600",
        "    no log",
        "    http-request use-service prometheus-exporter if { path /metrics }",
        "    http-request return status 200 content-type text/plain"
        f" lf-string %[url_param(server),map_str({folder.servers})]",
        "",
    ]


def _slot(slot: Slot) -> Iterator[str]:
    yield f"backend {slot.name} from slots"
    for server in slot.servers.values():
        if _is_kept(server):
            off = "" if server.is_up else " disabled"
            where = f"[{server.address}]" if ":" in server.address else server.address
            yield f"    server {server.name} {where}:{server.port} {SERVER_OPTIONS}{off}"


def _is_kept(server: Server) -> bool:
    """A server that is drained needs not be there after a reload."""
    return not server.is_drained


def _own(page: Page, when: str, folder: Folder) -> list[str]:
    return [
        f"    http-request set-var(txn.code) str({page.code}) {when}",
        f"    http-request return {_answer(page, folder)} {when}",
    ]


def _answer(page: Page, folder: Folder) -> str:
    retry = f" hdr Retry-After {page.retry_seconds}" if page.retry_seconds else ""
    return (
        f"status {page.status} content-type text/html;charset=utf-8 lf-file {folder.pages}/{page.name}.html"
        f" hdr X-Paas-Error {page.code} hdr Cache-Control no-store{retry}"
    )


def _bind(address: str, port: int) -> str:
    return f"[{address}]:{port} v6only" if ":" in address else f"{address}:{port}"
