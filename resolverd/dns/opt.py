"""The OPT record of a response, as the reference engine writes it (RFC 6891).

dnslib writes it, which no other engine has to load.
"""

from __future__ import annotations

from functools import lru_cache

from dnslib import EDNS0, EDNSOption
from dnslib.label import DNSBuffer

from resolverd.dns.codes import CLIENT_SUBNET, EXTENDED_ERROR, NSID
from resolverd.dns.edns import Edns, ExtendedError


def encode_opt(
    edns: Edns,
    *,
    payload: int,
    rcode: int = 0,
    scope: int = 0,
    nsid: bytes = b"",
    error: ExtendedError | None = None,
) -> bytes:
    """The OPT record of a response: options in the order NSID, ECS, EDE.

    `payload` is what this server accepts, `rcode` the whole twelve-bit RCODE, `scope` the
    SCOPE PREFIX-LENGTH in bits for the echoed client subnet.
    """
    options = []
    if edns.wants_nsid and nsid:
        options.append((NSID, nsid))
    if edns.subnet is not None:
        echoed = edns.subnet.option
        given = scope if edns.subnet.prefix is not None else 0
        options.append((CLIENT_SUBNET, echoed[:3] + given.to_bytes(1, "big") + echoed[4:]))
    if error is not None:
        options.append((EXTENDED_ERROR, error.code.to_bytes(2, "big") + error.text.encode()))
    return _record(payload, rcode >> 4, edns.dnssec_ok, tuple(options))


@lru_cache(maxsize=65536)  # resolvers ask again and again for the same client prefixes
def _record(
    payload: int, high: int, dnssec_ok: bool, options: tuple[tuple[int, bytes], ...]
) -> bytes:
    """An OPT record; `high` is the upper part of the RCODE."""
    buffer = DNSBuffer()
    EDNS0(
        udp_len=payload,
        ext_rcode=high,
        flags="do" if dnssec_ok else "",
        opts=[EDNSOption(code, content) for code, content in options],
    ).pack(buffer)
    return bytes(buffer.data)
