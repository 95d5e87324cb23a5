"""A query that the engine asks itself, so that a supervisor hears of an engine that cannot answer.

It takes the way of a packet but for the sockets: under a flood the kernel drops datagrams, ours
among them, and a host under attack must not be restarted for that.
"""

from __future__ import annotations

import struct

from resolverd.dns.codes import SOA
from resolverd.dns.names import to_text
from resolverd.engine.answer import respond
from resolverd.engine.counters import Counters
from resolverd.errors import EngineError
from resolverd.snapshot.answers import query_for
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.verify import LOOPBACK, Ask

_HEADER = struct.Struct("!HHHHHH")
_RCODE = 0x000F


def asking(snapshot: Snapshot) -> Ask:
    """Asks the reference engine without a socket; what that counts is thrown away."""
    scratch = Counters()
    return lambda packet, source: respond(packet, source, snapshot, scratch, tcp=True)


def self_check(snapshot: Snapshot) -> None:
    """Ask for the SOA of the first zone, if any. Raises EngineError unless it is answered."""
    zone = next(iter(snapshot.plan.zones.values()), None)
    if zone is None:
        return
    response = asking(snapshot)(query_for(zone.apex, SOA), LOOPBACK)
    if response is None:
        raise EngineError(f"the engine does not answer itself for {to_text(zone.apex)} SOA")
    _, flags, _, answers, _, _ = _HEADER.unpack_from(response)
    if flags & _RCODE or not answers:
        raise EngineError(
            f"the engine answers itself for {to_text(zone.apex)} SOA with RCODE {flags & _RCODE} "
            f"and {answers} records"
        )
