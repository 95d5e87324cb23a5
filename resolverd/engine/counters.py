"""What an engine counts, per worker; the same names whichever engine serves.

Plain integers by label, so that counting costs one dictionary update and reading needs no
lock. `dropped` and `malformed` are the packets that got no answer and those that got
FORMERR; every packet received is in exactly one of `responses`, `dropped`, `failed`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field, fields

from resolverd.engine.slots import TTL_BOUNDS


@dataclass(slots=True)
class Counters:
    """Counts since the engine started."""

    received: Counter[str] = field(default_factory=Counter)
    """Packets by transport: udp, tcp."""
    responses: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    """Responses by (transport, QTYPE or `OTHER_TYPE`, RCODE)."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Packets without a response, by reason: short, response."""
    malformed: Counter[str] = field(default_factory=Counter)
    """FORMERR responses, by what was wrong."""
    failed: Counter[str] = field(default_factory=Counter)
    """Packets that hit a defect of ours and got SERVFAIL, by exception."""
    truncated: int = 0
    """Responses sent with TC."""
    steered: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Answers of services, by (service, region or empty, outcome)."""
    first_choice: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Those among `steered` that were the client's first choice, by the same key."""
    ttls: Counter[tuple[str, int]] = field(default_factory=Counter)
    """TTLs given in answers of services, by (service, index of the bucket in `TTL_BOUNDS`)."""
    ttl_sums: Counter[str] = field(default_factory=Counter)
    """The sum of those TTLs, in seconds, by service."""
    pinned: Counter[str] = field(default_factory=Counter)
    """Answers that a pin decided, by pin."""
    send_errors: Counter[str] = field(default_factory=Counter)
    """Responses that could not be sent, by error."""
    tcp_refused: Counter[str] = field(default_factory=Counter)
    """TCP connections closed at once or early, by limit."""

    @property
    def answered(self) -> Counter[int]:
        """Responses by RCODE."""
        total: Counter[int] = Counter()
        for (_, _, rcode), count in self.responses.items():
            total[rcode] += count
        return total

    def give_ttl(self, service: str, ttl: int) -> None:
        """Count the TTL of one answer of a service."""
        self.ttls[(service, bisect_left(TTL_BOUNDS, ttl))] += 1
        self.ttl_sums[service] += ttl

    def add(self, other: Counters) -> None:
        """Add another worker's counts to these."""
        for count in fields(self):
            mine, theirs = getattr(self, count.name), getattr(other, count.name)
            if isinstance(mine, int):
                setattr(self, count.name, mine + theirs)
            else:
                mine.update(theirs)
