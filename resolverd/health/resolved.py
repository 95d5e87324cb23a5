"""What is known of the addresses of one hostname; plain values and a clock reading, no I/O.

Each family is by itself, for a nameserver may fail on AAAA alone. What an answer says goes by kind:

    addresses            replace those known, and hold for their TTL
    a failure            keeps those known (RFC 8767): it says nothing of them
    there is none        NXDOMAIN, NODATA, or only addresses that lead nowhere: those known are kept
                         for the grace time, in which it has to be said again, and then they go

While a family is kept, or about to go, its TTL is low.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

State = Literal["unknown", "fresh", "stale", "going", "none"]

# The TTL of addresses that nobody confirms any more, in seconds, where theirs was not shorter.
LOW_TTL = 5.0
# The shortest TTL and the shortest wait between two lookups of a name, in seconds: a TTL of 0
# (RFC 2181 §8) would bring back every client at once.
MIN_INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class Family:
    """The addresses of one family of one hostname, and how they are known.

    `until` is the clock reading up to which the last answer holds, `ttl` its TTL in seconds;
    `gone_since` when a nameserver first said that there are none any more.
    """

    addresses: tuple[str, ...] = ()
    state: State = "unknown"
    ttl: float = 0.0
    until: float = -math.inf
    gone_since: float | None = None

    def found(self, addresses: tuple[str, ...], ttl: float, now: float) -> Family:
        """After an answer with addresses."""
        return Family(addresses, "fresh", ttl, now + ttl)

    def absent(self, ttl: float, now: float, grace: float) -> Family:
        """After an answer that says that there are none."""
        since = now if self.gone_since is None else self.gone_since
        if self.addresses and now - since < grace:
            return replace(self, state="going", gone_since=since)
        return Family((), "none", ttl, now + ttl, since)

    def failed(self) -> Family:
        """After a lookup that failed: it says nothing, and the grace time begins anew."""
        if self.state == "unknown":
            return self
        return replace(self, state="stale", gone_since=None)

    def holds_until(self, now: float) -> float:
        """The clock reading up to which an answer may be kept: `now` + MIN_INTERVAL or later."""
        low = now + min(self.ttl, LOW_TTL)
        until = {"fresh": self.until, "none": self.until, "stale": max(self.until, low)}
        return max(until.get(self.state, low), now + MIN_INTERVAL)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The addresses of a hostname at one moment, IPv4 and IPv6 each in numeric order.

    `a_until` and `aaaa_until` are the clock readings up to which each may be kept, be it that
    there is none. `known` is False until a lookup has said anything. `changed` is when the last
    address went or the first came back, None where neither has happened; `reason` is why there is
    none.
    """

    a: tuple[str, ...] = ()
    aaaa: tuple[str, ...] = ()
    a_until: float = math.inf
    aaaa_until: float = math.inf
    known: bool = False
    changed: float | None = None
    reason: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """IPv4 first."""
        return self.a + self.aaaa


UNRESOLVED = Resolved()


def next_lookup(
    families: list[Family],
    *,
    failing: bool,
    retry: float,
    confirm: float,
    minimum: float,
    maximum: float,
) -> float:
    """Seconds until the next lookup.

    Addresses are asked for again at half their TTL, so that what remains of it does not run down
    to nothing; but not in ever smaller halves, where a cache tells the remaining TTL. A failure is
    repeated after `retry`, an absence that is to be confirmed after `confirm` if that is sooner.
    """
    if any(family.state == "going" for family in families):
        return min(retry, max(confirm, minimum))
    if failing:
        return retry
    ttl = min((family.ttl for family in families), default=maximum)
    wait = ttl / 2 if ttl > 2 * minimum else ttl
    return min(max(wait, minimum), maximum)
