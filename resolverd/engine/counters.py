"""What an engine counts, per worker; the same names whichever engine serves.

Plain integers by label, so that counting costs one dictionary update and reading needs no
lock. `dropped` and `malformed` are the packets that got no answer and those that got
FORMERR; every packet received is in exactly one of `answered`, `dropped`, `failed`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Counters:
    """Counts since the engine started."""

    received: Counter[str] = field(default_factory=Counter)
    """Packets by transport: udp, tcp."""
    answered: Counter[int] = field(default_factory=Counter)
    """Responses by RCODE."""
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
    first_choice: Counter[str] = field(default_factory=Counter)
    """Answers of services that were the client's first choice, by service."""
    pinned: Counter[str] = field(default_factory=Counter)
    """Answers that a pin decided, by pin."""
    send_errors: Counter[str] = field(default_factory=Counter)
    """Responses that could not be sent, by error."""
    tcp_refused: Counter[str] = field(default_factory=Counter)
    """TCP connections closed at once or early, by limit."""

    def add(self, other: Counters) -> None:
        """Add another worker's counts to these."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, int):
                setattr(self, each.name, mine + theirs)
            else:
                mine.update(theirs)
