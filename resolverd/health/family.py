"""Address families, and what a probe saw over each of them; plain values."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Family(StrEnum):
    """IPv4 or IPv6: what the A and the AAAA records of an endpoint lead to."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


class FamilyResult(NamedTuple):
    """Whether an endpoint was reached over one family, and why not; see `Outcome`."""

    ok: bool
    reason: str
    responded: bool = True


class FamilyState(NamedTuple):
    """What is known of one family of an endpoint that is asked over both.

    `ok`: whether the last probe reached it. `held_until` is as `Verdict.held_until`.
    """

    ok: bool
    reason: str
    held_until: float | None


def family_of(address: str) -> Family:
    """The family of an address in text form."""
    return Family.IPV6 if ":" in address else Family.IPV4


def families_of(addresses: Iterable[str]) -> frozenset[Family]:
    """The families that occur among `addresses`."""
    return frozenset(family_of(address) for address in addresses)
