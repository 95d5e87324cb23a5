"""The HTTP/1.1 responses that most servers send, read by patterns; pure: octets in, values out.

Just what RFC 9112 has a server send, and of that the common part: a head whose lines end in CRLF,
of visible ASCII, and a body with one Content-Length, in a few chunks without extensions and
trailers, or none by its status. Of everything else, be it valid or malformed, `read_head` and
`read_body` say `ODD` and no more: it is read anew, from its first octet, by the parser that all
other responses have (`protocol`). So what a response means is decided in one place.

`tests/health/test_plain_response.py` compares the two.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final, NamedTuple

# What is read of one response here; a longer one is odd, and so is one of more chunks.
MAX_HEAD = 16 * 1024
MAX_PLAIN = 1024 * 1024
MAX_CHUNKS = 64


class _Sign(Enum):
    ODD = auto()
    MORE = auto()


ODD: Final = _Sign.ODD
MORE: Final = _Sign.MORE
Unread = _Sign
Received = bytes | bytearray | memoryview
"""Octets as they have come; what of them is kept has to be copied from the last two."""


class PlainHead(NamedTuple):
    """`length` of the body in octets, None for one in chunks, which begins at `end`."""

    status: int
    end: int
    length: int | None


_HEAD = re.compile(
    rb"HTTP/1\.[01] ([2-5][0-9][0-9])(?: [\t\x20-\x7e]*+)?\r\n"
    rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e]*+\r\n)*+)\r\n"
)
# A head of which more is to come, as far as that can be told of one that is not odd.
_BEGUN = re.compile(rb"(?:[^\r\n]++\r\n)*+[^\r\n]*+\r?")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_SIZE_BEGUN = re.compile(rb"[0-9A-Fa-f]{0,8}\r?")
_LENGTH_FIELD, _CODING_FIELD = b"\ncontent-length:", b"\ntransfer-encoding:"
_UPGRADE_FIELD = b"\nupgrade:"
_MAX_DIGITS = 18
_BEGINNING, _CRLF, _LAST_CHUNK = b"HTTP/1.", b"\r\n", b"\r\n0\r\n\r\n"


def read_head(received: Received, *, headers_only: bool) -> PlainHead | Unread:
    """The head of a response that begins so; `headers_only` is for the answer to a HEAD."""
    found = _HEAD.match(received)
    if found is None or found.end() > MAX_HEAD:
        begun = received[: len(_BEGINNING)] == _BEGINNING[: len(received)]
        coming = begun and len(received) < MAX_HEAD and _BEGUN.fullmatch(received)
        return MORE if coming and b"\r\n\r\n" not in bytes(received) else ODD
    length = _length(b"\n" + found[2].lower())
    status = int(found[1])
    if headers_only or status in (204, 304):
        return ODD if length is ODD else PlainHead(status, found.end(), 0)
    return ODD if isinstance(length, Unread) else PlainHead(status, found.end(), length)


def _length(fields: bytes) -> int | Unread | None:
    """What headers say of the body's length, None for one in chunks; MORE where they say nothing,
    and so no more than that it goes on to the connection's end.

    `fields` are lines, each begun by a line feed, in small letters.
    """
    length, coding = fields.find(_LENGTH_FIELD), fields.find(_CODING_FIELD)
    if (length >= 0 and coding >= 0) or _UPGRADE_FIELD in fields:
        return ODD
    if length >= 0:
        value = _value(fields, length + len(_LENGTH_FIELD))
        known = value.isdigit() and len(value) <= _MAX_DIGITS
        return int(value) if known and fields.find(_LENGTH_FIELD, length + 1) < 0 else ODD
    if coding >= 0:
        value = _value(fields, coding + len(_CODING_FIELD))
        again = fields.find(_CODING_FIELD, coding + 1) >= 0
        return None if value == b"chunked" and not again else ODD
    return MORE


def _value(fields: bytes, at: int) -> bytes:
    return fields[at : fields.index(b"\r", at)].strip(b" \t")


def read_body(received: Received, head: PlainHead, limit: int) -> bytes | Unread:
    """The body, or its first `limit` octets."""
    if head.length is None:
        return _from_chunks(received, head.end, limit)
    wanted = min(head.length, limit)
    if len(received) - head.end < wanted:
        return MORE
    if isinstance(received, bytes):
        return received[head.end : head.end + wanted]
    with memoryview(received) as whole:
        return bytes(whole[head.end : head.end + wanted])


def place_of_body(received: Received, head: PlainHead) -> tuple[int, int] | None:
    """Where a body begins and ends that is all there, in one piece; None where it is not.

    So it is with a length, or in one chunk, as servers write what they have made at once.
    """
    begin, length = head.end, head.length
    if length is None:
        size = _SIZE.match(received, begin)
        if size is None:
            return None
        begin, length = size.end(), int(size[1], 16)
        if not length or received[begin + length :] != _LAST_CHUNK:
            return None
    return (begin, begin + length) if len(received) - begin >= length else None


def _from_chunks(received: Received, at: int, limit: int) -> bytes | Unread:
    """Each chunk is found by the size of the one before; none is looked at octet by octet."""
    parts: list[bytes] = []
    length = 0
    while length < limit:
        size = _SIZE.match(received, at)
        if size is None:
            return MORE if _SIZE_BEGUN.fullmatch(received, at) else ODD
        begin, octets = size.end(), int(size[1], 16)
        at = begin + octets + len(_CRLF)
        ending = received[begin + octets : at]
        if ending != _CRLF[: len(ending)] or len(parts) == MAX_CHUNKS:
            return ODD
        if len(received) < at and length + len(received) - begin < limit:
            return MORE
        if not octets:
            if len(received) > at:
                return ODD
            break
        parts.append(bytes(received[begin : begin + octets]))
        length += octets
    return b"".join(parts)[:limit]
