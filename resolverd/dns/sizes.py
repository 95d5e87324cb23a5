"""How many octets a message over TCP can hold (RFC 1035 §4.2.2).

What does not fit in there is truncated for ever, so no zone and no configuration may hold it, and
no look-up may bring it.
"""

from __future__ import annotations

from resolverd.dns.limits import MAX_CHAIN, MAX_MESSAGE, MAX_NAME

_HEADER = 12
_QUESTION = MAX_NAME + 4
_OPT = 11
_NSID = 4 + 4 * 64  # server.nsid has 64 characters, of four octets each at most
_SUBNET = 4 + 4 + 16
_ERROR = 4 + 2 + 128
ENVELOPE = _HEADER + _QUESTION + _OPT + _NSID + _SUBNET + _ERROR
"""Everything of a response that is no answer: header, question, and an OPT record with NSID, client
subnet and extended error."""

MAX_ANSWER = MAX_MESSAGE - ENVELOPE
"""Room for the records of an answer."""

# A DNAME and the CNAME made from it, whose owners are pointers into the name before.
_MAX_STEP = 2 * (2 + 10 + MAX_NAME)
MAX_CHAIN_OCTETS = (MAX_CHAIN - 1) * _MAX_STEP
"""What the aliases of an answer take at most."""

MAX_ADDRESSES = {4: 3_500, 6: 2_000}
"""Addresses that any answer has room for behind the longest chain, by IP version: records of 16 and
of 28 octets."""
