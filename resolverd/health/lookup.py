"""One lookup of a hostname's addresses, without threads: the hosts file, then DNS.

The system's resolver library blocks a thread for each name that hangs; a few dozen dead
names would delay every other. This asks the nameservers of /etc/resolv.conf from the event
loop instead, so a name that hangs delays nobody.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import dns.asyncresolver
import dns.exception
import dns.resolver

from resolverd.errors import ResolverdError

RRType = Literal["A", "AAAA"]


class LookupFailedError(ResolverdError):
    """A name could not be looked up: it does not exist, or nobody answered."""


@dataclass(frozen=True, slots=True)
class Found:
    """Addresses of one family in a stable order (none: NODATA), good for `ttl` seconds."""

    addresses: tuple[str, ...]
    ttl: float


@dataclass(frozen=True, slots=True)
class SystemLookup:
    """Asks as this host is configured to; `nameservers` and `port` are for other wishes."""

    nameservers: Sequence[str] = ()
    port: int = 53
    timeout: float = 5.0
    hosts: Path = field(default=Path("/etc/hosts"))
    hosts_ttl: float = 60.0

    async def __call__(self, hostname: str, rrtype: RRType) -> Found:
        """The addresses of `hostname`. Raises LookupFailedError with a short reason."""
        by_hand = self._in_hosts(hostname)
        if by_hand:
            same = [a for a in by_hand if (":" in a) == (rrtype == "AAAA")]
            return Found(tuple(same), self.hosts_ttl)
        try:
            answer = await self._resolver().resolve(
                hostname, rrtype, raise_on_no_answer=False, lifetime=self.timeout
            )
        except dns.resolver.NXDOMAIN as wrong:
            raise LookupFailedError("NXDOMAIN") from wrong
        except dns.exception.Timeout as wrong:
            raise LookupFailedError(f"no answer within {self.timeout:g} s") from wrong
        except dns.exception.DNSException as wrong:
            raise LookupFailedError(type(wrong).__name__) from wrong
        addresses = [str(record.address) for record in answer.rrset or ()]
        return Found(_ordered(addresses), float(answer.chaining_result.minimum_ttl))

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if not self.nameservers:
            return dns.asyncresolver.Resolver()
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = list(self.nameservers)
        resolver.port = self.port
        return resolver

    def _in_hosts(self, hostname: str) -> tuple[str, ...]:
        """Addresses that the hosts file gives; a missing file gives none."""
        if not self.hosts.is_file():
            return ()
        wanted = hostname.rstrip(".").lower()
        found = [
            words[0]
            for line in self.hosts.read_text("utf-8", "replace").splitlines()
            if (words := line.partition("#")[0].split()) and wanted in map(str.lower, words[1:])
        ]
        return _ordered([address for address in found if is_address(address)])


def is_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address rather than a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _ordered(addresses: Sequence[str]) -> tuple[str, ...]:
    """Numeric order: a nameserver that rotates its answers has not changed them."""

    def number(address: str) -> tuple[int, int]:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        return parsed.version, int(parsed)

    return tuple(sorted(set(addresses), key=number))
