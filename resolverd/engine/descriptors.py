"""How many TCP connections the descriptors allow that a process may open (RLIMIT_NOFILE).

A process that has none left cannot probe, read its files, or answer its operators, and clients
decide how many TCP connections there are. So the limit of connections is lowered to what is left
when all else has what it needs. Pure, but for `affordable`, which asks the kernel.
"""

from __future__ import annotations

import resource
from dataclasses import replace

from resolverd import log
from resolverd.config.model import Server
from resolverd.engine.choice import Choice
from resolverd.engine.tcp import TcpLimits

RESERVE = 64
"""Descriptors of the interpreter, the log, the watchers, and files that are being read."""
ADMIN = 100
"""Connections to each of the two listeners of the admin API, unless `admin.connections` differs."""
PER_TARGET = 2
"""Of a probe target: the probe under way, and the one before where that still hangs."""
PER_WORKER = 2
"""Of a worker: what it waits with, and what wakes it."""


def kept(workers: int, listeners: int, probes: int, admin: int = ADMIN) -> int:
    """Descriptors that are never a TCP client's, in a process that serves and probes.

    `workers` share the process, `listeners` have a UDP and a TCP socket for each of them (and one
    more of each that the native engine works with), `probes` are the targets, `admin` is
    `admin.connections`.
    """
    served = workers * (4 * listeners + PER_WORKER)
    return served + PER_TARGET * probes + 2 * (1 + admin) + RESERVE


def tcp_connections(limit: int, wanted: int, workers: int, kept: int) -> int:
    """Connections that each of the `workers` may have of a process with `limit` descriptors.

    `wanted` of them, or what is left when `kept` are; at least one.
    """
    return max(1, min(wanted, (limit - kept) // workers))


def affordable(server: Server, choice: Choice, probes: int, admin: int) -> TcpLimits:
    """The limits that the configuration sets, lowered to what this process may open; logs that."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return lowered(TcpLimits.of(server), choice, limit, len(server.listen), probes, admin)


def lowered(
    limits: TcpLimits, choice: Choice, limit: int, listeners: int, probes: int, admin: int = ADMIN
) -> TcpLimits:
    """`limits` as `limit` descriptors allow; logs a warning where that is less."""
    workers = workers_in_process(choice)
    needed = kept(workers, listeners, probes, admin)
    allowed = tcp_connections(limit, limits.connections, workers, needed)
    if allowed == limits.connections:
        return limits
    log.get("engine").warning(
        "tcp.lowered",
        connections=allowed,
        configured_connections=limits.connections,
        descriptors=limit,
        reserved_descriptors=needed,
        hint=f"raise LimitNOFILE= in the unit, or ulimit -n, to "
        f"{needed + workers * limits.connections}",
    )
    return replace(limits, connections=allowed)


def workers_in_process(choice: Choice) -> int:
    """Workers that share the descriptors of one process: threads do, processes have their own."""
    return choice.workers if choice.engine == "native" else 1
