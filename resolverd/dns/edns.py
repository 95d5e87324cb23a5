"""EDNS(0): the OPT pseudo-record, client subnet, name server identifier, extended errors.

RFC 6891 (OPT), RFC 7871 (client subnet), RFC 5001 (NSID), RFC 8914 (extended DNS errors).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from resolverd.dns.codes import CLIENT_SUBNET, NSID, EdeCode
from resolverd.dns.prefix import Bits, Prefix

DO = 0x8000

_OPTION = struct.Struct("!HH")
_SUBNET = struct.Struct("!HBB")


class OptionError(ValueError):
    """An EDNS option that breaks its RFC; the argument names the kind, for counters."""


class ExtendedError(NamedTuple):
    """An extended DNS error: its INFO-CODE and EXTRA-TEXT."""

    code: EdeCode
    text: str


class ClientSubnet(NamedTuple):
    """An ECS option: its octets as they came, and the prefix they name.

    `prefix` is None where the client opted out (SOURCE PREFIX-LENGTH 0, RFC 7871 §7.1.2).
    """

    option: bytes
    prefix: Prefix | None


@dataclass(slots=True)
class Edns:
    """What a query's OPT record says; `payload` in octets as offered."""

    payload: int
    version: int
    dnssec_ok: bool
    subnet: ClientSubnet | None = None
    wants_nsid: bool = False


def parse_options(edns: Edns, rdata: bytes) -> None:
    """Fill `edns` from the options of an OPT record; unknown options are ignored.

    Raises OptionError when lengths do not add up or the client subnet is malformed.
    """
    at, end = 0, len(rdata)
    while at < end:
        if end - at < 4:
            raise OptionError("edns_option_short")
        code, length = _OPTION.unpack_from(rdata, at)
        at += 4
        if end - at < length:
            raise OptionError("edns_option_short")
        if code == CLIENT_SUBNET:
            if edns.subnet is not None:
                raise OptionError("ecs_repeated")
            edns.subnet = parse_subnet(rdata[at : at + length])
        elif code == NSID:
            edns.wants_nsid = True
        at += length


def parse_subnet(option: bytes) -> ClientSubnet:
    """Read an ECS option's data (RFC 7871 §6).

    The address must have exactly the octets that SOURCE PREFIX-LENGTH needs, zero bits
    after it, and SCOPE must be 0 in a query. Family 0 with length 0, which dig sends for
    ``+subnet=0``, is an opt-out like any other. Raises OptionError otherwise.
    """
    if len(option) < 4:
        raise OptionError("ecs_short")
    family, source, scope = _SUBNET.unpack_from(option)
    bits = _FAMILY_BITS.get(family)
    if family == 0 and source == 0 and scope == 0 and len(option) == 4:
        return ClientSubnet(option, None)
    if bits is None:
        raise OptionError("ecs_family")
    if source > bits or scope != 0:
        raise OptionError("ecs_length")
    octets = len(option) - 4
    if octets != (source + 7) // 8:
        raise OptionError("ecs_address")
    if source == 0:
        return ClientSubnet(option, None)
    address = int.from_bytes(option[4:], "big") << (bits - 8 * octets)
    if address & ((1 << (bits - source)) - 1):
        raise OptionError("ecs_trailing_bits")
    return ClientSubnet(option, Prefix(bits, address, source))


_FAMILY_BITS: dict[int, Bits] = {1: 32, 2: 128}
