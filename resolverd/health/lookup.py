"""One lookup of a hostname's addresses, without threads: the hosts file, then DNS.

The system's resolver library blocks a thread for each name that hangs; a few dozen dead
names would delay every other. This asks the nameservers of /etc/resolv.conf from the event
loop instead, so a name that hangs delays nobody. `search` and `ndots` hold as resolv.conf(5)
has them: a name with fewer dots than `ndots` is tried in each search domain first, one with a dot
at its end never. Other sources of nsswitch.conf (mDNS, LDAP) are not asked. dnspython's resolver
is loaded by the first lookup: most endpoints are given by their addresses.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import dns.exception
import dns.message
import dns.name

from resolverd.dns.hostnames import is_address, is_local_name, normal_host
from resolverd.errors import ResolverdError
from resolverd.files.reading import MAX_TEXT, THREADS, key_of, read_regular

if TYPE_CHECKING:
    import dns.asyncresolver
    import dns.resolver

RRType = Literal["A", "AAAA"]

_LOOPBACK: dict[RRType, str] = {"A": "127.0.0.1", "AAAA": "::1"}


class LookupFailedError(ResolverdError):
    """Nothing was learned of a name: nobody answered, or with an error."""


@dataclass(frozen=True, slots=True)
class Found:
    """Addresses of one family in a stable order, good for `ttl` seconds.

    None of them is an answer too: `absence` says which, NXDOMAIN or NODATA.
    """

    addresses: tuple[str, ...]
    ttl: float
    absence: str = ""


@dataclass(frozen=True, slots=True)
class SystemLookup:
    """Asks as this host is configured to; `nameservers` and `port` are for other wishes.

    `timeout` bounds a whole lookup, in seconds.
    """

    nameservers: Sequence[str] = ()
    port: int = 53
    timeout: float = 5.0
    hosts: Path = field(default=Path("/etc/hosts"))
    hosts_ttl: float = 60.0
    resolv_conf: Path = field(default=Path("/etc/resolv.conf"))

    async def __call__(self, hostname: str, rrtype: RRType) -> Found:
        """The addresses of `hostname`. Raises LookupFailedError with a short reason."""
        by_hand = await self._in_hosts(hostname)
        if not by_hand and is_local_name(hostname):
            by_hand = tuple(_LOOPBACK.values())
        if by_hand:
            same = tuple(a for a in by_hand if (":" in a) == (rrtype == "AAAA"))
            return Found(same, self.hosts_ttl, "" if same else "NODATA")
        try:
            name = dns.name.from_text(normal_host(hostname), None)
            until = asyncio.get_running_loop().time() + self.timeout
            return await _search(self._resolver(), name, rrtype, until)
        except dns.exception.Timeout as error:
            raise LookupFailedError(f"no answer within {self.timeout:g} s") from error
        except dns.exception.DNSException as error:
            raise LookupFailedError(_reason(error)) from error

    def _resolver(self) -> dns.asyncresolver.Resolver:
        import dns.asyncresolver

        if not self.nameservers:
            return dns.asyncresolver.Resolver(str(self.resolv_conf))
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = list(self.nameservers)
        resolver.port = self.port
        resolver.domain = dns.name.root
        return resolver

    async def _in_hosts(self, hostname: str) -> tuple[str, ...]:
        """Addresses that the hosts file gives; one that cannot be read gives none, as in libc."""
        name = key_of(self.hosts)
        try:
            _, content = await THREADS.call(lambda step: read_regular(name, MAX_TEXT, step))
        except OSError:
            return ()
        text = content.decode("utf-8", "replace")
        wanted = normal_host(hostname).rstrip(".")
        found = [
            words[0]
            for line in text.splitlines()
            if (words := line.partition("#")[0].split())
            and wanted in (word.rstrip(".").lower() for word in words[1:])
        ]
        return in_order([address for address in found if is_address(address)])


def _reason(error: dns.exception.DNSException) -> str:
    """What dnspython calls it, unless each nameserver sent too long an answer."""
    from resolverd.health.lookup_backend import MAX_MESSAGE, LongAnswerError

    errors = error.kwargs.get("errors") or ()
    if errors and all(isinstance(attempt[3], LongAnswerError) for attempt in errors):
        return f"an answer of more than {MAX_MESSAGE} octets"
    return type(error).__name__


def candidates(
    name: dns.name.Name, search: Iterable[dns.name.Name], ndots: int
) -> tuple[dns.name.Name, ...]:
    """The absolute names that `name` may stand for, in the order of resolv.conf(5)."""
    if name.is_absolute():
        return (name,)
    dots = len(name) - 1
    searched = []
    for suffix in search:
        try:
            searched.append(name.concatenate(suffix.derelativize(dns.name.root)))
        except dns.name.NameTooLong:
            continue
    absolute = name.concatenate(dns.name.root)
    ordered = [absolute, *searched] if dots >= ndots else [*searched, absolute]
    return tuple(dict.fromkeys(ordered))


async def _search(
    resolver: dns.asyncresolver.Resolver, name: dns.name.Name, rrtype: RRType, until: float
) -> Found:
    """What the first candidate that has addresses, of either family, says of `rrtype`.

    One that cannot be asked is passed over, as the system's library does; but where none of the
    others has addresses, nothing is known. Raises DNSException.
    """
    domains = resolver.search or [resolver.domain]
    names = candidates(name, domains, 1 if resolver.ndots is None else resolver.ndots)
    failed: dns.exception.DNSException | None = None
    absent: Found | None = None
    for candidate in names:
        try:
            found = await _ask(resolver, candidate, rrtype, until)
            if found.addresses:
                return found
            if found.absence == "NODATA" and len(names) > 1:
                other: RRType = "A" if rrtype == "AAAA" else "AAAA"
                if (await _ask(resolver, candidate, other, until)).addresses:
                    return found
        except dns.exception.Timeout:
            raise
        except dns.exception.DNSException as error:
            failed = failed or error
            continue
        absent = _kept(absent, found)
    if failed is not None or absent is None:
        raise failed or dns.exception.DNSException
    return absent


async def _ask(
    resolver: dns.asyncresolver.Resolver, name: dns.name.Name, rrtype: RRType, until: float
) -> Found:
    """What is said of one absolute name. Raises DNSException."""
    from resolverd.health.lookup_backend import BoundedBackend

    left = until - asyncio.get_running_loop().time()
    if left <= 0:
        raise dns.exception.Timeout
    backend: Any = BoundedBackend()
    try:
        answer = await resolver.resolve(
            name, rrtype, raise_on_no_answer=False, lifetime=left, backend=backend
        )
    except dns.resolver.NXDOMAIN as error:
        response: dns.message.Message = error.kwargs["responses"][name]
        return Found((), float(_negative_ttl(response)), "NXDOMAIN")
    addresses = in_order([str(record.address) for record in answer.rrset or ()])
    ttl = answer.chaining_result.minimum_ttl
    return Found(addresses, float(ttl), "" if addresses else "NODATA")


def _negative_ttl(response: dns.message.Message) -> int:
    """From the SOA, or a short one where there is none (RFC 2308 §5)."""
    assert isinstance(response, dns.message.QueryMessage)
    return response.resolve_chaining().minimum_ttl


def _kept(one: Found | None, other: Found) -> Found:
    """Of two absences, NODATA where either is: one of the names exists; and the shorter TTL."""
    if one is None:
        return other
    absence = "NODATA" if "NODATA" in (one.absence, other.absence) else "NXDOMAIN"
    return Found((), min(one.ttl, other.ttl), absence)


def in_order(addresses: Iterable[str]) -> tuple[str, ...]:
    """Numeric order: a nameserver that rotates its answers has not changed them."""

    def number(address: str) -> tuple[int, int]:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        return parsed.version, int(parsed)

    return tuple(sorted(set(addresses), key=number))
