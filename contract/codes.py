"""Numbers of the IANA DNS registries that the code speaks of by name.

The RR types that stand here are told apart in counts and in the log, in the order of their numbers;
all the others together are "other".
"""

from __future__ import annotations

from typing import NamedTuple

from contract.render import python_module, quoted, rust_const, rust_group, rust_module


class Code(NamedTuple):
    """A number of a registry, by its name there."""

    number: int
    name: str
    doc: str


class Codes(NamedTuple):
    """All of them; each sorted by number."""

    types: tuple[Code, ...]
    rcodes: tuple[Code, ...]
    options: tuple[Code, ...]
    extended_errors: tuple[Code, ...]


CODES = Codes(
    types=(
        Code(1, "A", "an IPv4 address (RFC 1035 §3.4.1)"),
        Code(2, "NS", "a name server (RFC 1035 §3.3.11)"),
        Code(5, "CNAME", "an alias (RFC 1035 §3.3.1)"),
        Code(6, "SOA", "the start of a zone (RFC 1035 §3.3.13)"),
        Code(12, "PTR", "a name (RFC 1035 §3.3.12)"),
        Code(13, "HINFO", "a host, and the answer to ANY (RFC 8482 §4.2)"),
        Code(15, "MX", "a mail exchange (RFC 1035 §3.3.9)"),
        Code(16, "TXT", "text (RFC 1035 §3.3.14)"),
        Code(28, "AAAA", "an IPv6 address (RFC 3596 §2.1)"),
        Code(33, "SRV", "a service's location (RFC 2782)"),
        Code(35, "NAPTR", "a rewrite rule (RFC 3403 §4)"),
        Code(39, "DNAME", "an alias of all names below (RFC 6672)"),
        Code(41, "OPT", "EDNS (RFC 6891 §6.1)"),
        Code(43, "DS", "a delegation's signer, which the parent answers for (RFC 4035 §3.1.4.1)"),
        Code(46, "RRSIG", "a signature (RFC 4034 §3)"),
        Code(48, "DNSKEY", "a zone's key (RFC 4034 §2)"),
        Code(52, "TLSA", "a certificate's association (RFC 6698)"),
        Code(64, "SVCB", "a service binding (RFC 9460)"),
        Code(65, "HTTPS", "a service binding of HTTP (RFC 9460)"),
        Code(99, "SPF", "a sender policy (RFC 7208 §3.1)"),
        Code(251, "IXFR", "an incremental zone transfer (RFC 1995)"),
        Code(252, "AXFR", "a zone transfer (RFC 5936)"),
        Code(255, "ANY", "any type (RFC 8482)"),
        Code(257, "CAA", "a certification authority's authorization (RFC 8659)"),
    ),
    rcodes=(
        Code(0, "NOERROR", "no error (RFC 1035 §4.1.1)"),
        Code(1, "FORMERR", "a query that breaks the grammar (RFC 1035 §4.1.1)"),
        Code(2, "SERVFAIL", "a failure of the server (RFC 1035 §4.1.1)"),
        Code(3, "NXDOMAIN", "no such name (RFC 1035 §4.1.1)"),
        Code(4, "NOTIMP", "an OPCODE that is not implemented (RFC 1035 §4.1.1)"),
        Code(5, "REFUSED", "not for this client, or not from this server (RFC 1035 §4.1.1)"),
        Code(6, "YXDOMAIN", "a name too long after a DNAME (RFC 6672 §2.2)"),
        Code(16, "BADVERS", "an EDNS version that is not known (RFC 6891 §6.1.3)"),
    ),
    options=(
        Code(3, "NSID", "the name server's identifier (RFC 5001)"),
        Code(8, "CLIENT_SUBNET", "the client's subnet, ECS (RFC 7871 §6)"),
        Code(15, "EXTENDED_ERROR", "an extended error, EDE (RFC 8914 §2)"),
    ),
    extended_errors=(
        Code(0, "OTHER", "explained by its text alone"),
        Code(18, "PROHIBITED", "not for this client"),
        Code(20, "NOT_AUTHORITATIVE", "no zone here holds the name"),
    ),
)


def python(codes: Codes) -> str:
    """`resolverd/dns/codes.py`."""
    named = "".join(f"    {code.name}: {quoted(code.name)},\n" for code in codes.types)
    rcodes = "".join(f"    {code.name}: {quoted(code.name)},\n" for code in codes.rcodes)
    errors = "".join(f"    {code.name} = {code.number}\n" for code in codes.extended_errors)
    return python_module(
        "codes",
        "Numbers of the IANA DNS registries that the code speaks of by name.\n\n"
        "RR types (RFC 1035 and later), RCODEs (RFC 6895 §2.3), options of EDNS, extended errors\n"
        "and the one class served.",
        (
            "from collections.abc import Mapping",
            "from enum import IntEnum",
            "from typing import Final",
        ),
        (
            _finals(codes.types),
            f"TYPE_NAMES: Final[Mapping[int, str]] = {{\n{named}}}\n"
            '"""Types that are told apart in counts and logs; all the others are "other"."""',
            _finals(codes.rcodes),
            f"RCODE_NAMES: Final[Mapping[int, str]] = {{\n{rcodes}}}",
            _finals(codes.options),
            "CLASS_IN: Final = 1\n\n\nclass EdeCode(IntEnum):\n"
            f'    """INFO-CODEs of RFC 8914 §4 that resolverd gives."""\n\n{errors.rstrip()}',
        ),
    )


def rust(codes: Codes) -> str:
    """`native/src/wire/codes.rs`."""
    return rust_module(
        "codes",
        "Numbers of the IANA DNS registries that the code speaks of by name.",
        (
            _numbers("rtype", "RR types.", codes.types),
            _numbers("rcode", "RCODEs (RFC 6895 §2.3).", codes.rcodes),
            _numbers("option", "Options of EDNS.", codes.options),
            rust_const("CLASS_IN", "u16", 1, "The one class served."),
        ),
    )


def _finals(codes: tuple[Code, ...]) -> str:
    return "\n".join(f"{code.name}: Final = {code.number}" for code in codes)


def _numbers(name: str, doc: str, codes: tuple[Code, ...]) -> str:
    lines = (
        rust_const(code.name, "u16", code.number, f"{code.doc[0].upper()}{code.doc[1:]}.", 4)
        for code in codes
    )
    return rust_group(name, doc, lines)
