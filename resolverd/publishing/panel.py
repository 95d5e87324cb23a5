"""What a fixed panel of clients is given by a Snapshot, so that two of them can be compared.

The clients are subnets spread evenly over IPv4 and over the global unicast addresses of IPv6, the
same at each edge and in each generation. Of many services each is asked for by fewer of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from resolverd.dns.prefix import Prefix
from resolverd.publishing.proof import Answers, Given
from resolverd.snapshot.model import CachedAnswer, Dyna, Snapshot
from resolverd.snapshot.tiers import give

CLIENTS = 256
"""Clients of IPv4, and a quarter as many of IPv6."""
LEAST_CLIENTS = 16
"""Of them that ask for each of however many services."""
MOST_ASKED = 20_000
"""Answers in all, so that a panel takes less than a second."""

SERVED = frozenset({"serving", "spilled", "trickled", "held"})
"""The outcomes of a decision that are a region which serves (`policy/outcomes.py`)."""

# Successive multiples of it, by 2^32, spread evenly (the golden ratio).
_STRIDE = 0x9E3779B1


def panel() -> Iterator[Prefix]:
    """The clients, /24 networks and /48 networks."""
    for number in range(1, CLIENTS + 1):
        spread = number * _STRIDE & 0xFFFFFFFF
        yield Prefix(32, spread & 0xFFFFFF00, 24)
        if number % 4 == 0:
            # 2000::/3 (RFC 4291 section 2.4)
            yield Prefix(128, 1 << 125 | spread << 93, 48)


def answers_of(snapshot: Snapshot) -> Answers:
    """What each client of the panel is given of each service. Takes up to a second of CPU."""
    services = sorted(snapshot.plan.services)
    clients = list(panel())
    each = max(LEAST_CLIENTS, MOST_ASKED // max(1, len(services)))
    answers: dict[tuple[str, int], Given] = {}
    for service in services:
        for number, client in enumerate(clients[:each]):
            cached = give(snapshot, Dyna(service, 0, False), client).cached
            answers[(service, number)] = _given(cached)
    return answers


def _given(cached: CachedAnswer) -> Given:
    records = cached.records
    rrsets = () if records is None else (records.a, records.aaaa, records.cname)
    answer = tuple(frozenset(rrset.rdatas) if rrset else None for rrset in rrsets)
    return Given((cached.region, answer), cached.outcome in SERVED, float(cached.ttl))
