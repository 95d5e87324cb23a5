"""Where an HTTP/1.1 response ends, by its own head (RFC 9112 §6.3). Pure: octets in, octets out.

A head is everything from the status line up to the blank line, lines ended by CRLF or LF. What a
server sends after the end of its response belongs to no response that a probe asked for.
"""

from __future__ import annotations

import re

# curl's limit on all headers of one response (lib/http.h).
MAX_HEAD = 300 * 1024

_BLANK_LINE = re.compile(rb"\n\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d")
_NO_BODY = re.compile(rb"HTTP/1\.[01] (?:204|304)")
_CHUNKED = re.compile(rb"^transfer-encoding:[^\r\n]*\bchunked[ \t]*\r?$", re.I | re.M)
_LENGTH = re.compile(rb"^content-length:([^\r\n]*)\r?\n", re.I | re.M)
# More digits than this no body of ours has; the parser refuses what does not fit 64 bits.
_DIGITS = re.compile(rb"[0-9]{1,18}")


def end_of_head(text: bytes | bytearray, start: int = 0) -> int | None:
    """Where in `text` the head ends whose blank line is found from `start` on; None if none is."""
    found = _BLANK_LINE.search(text, start)
    return found.end() if found else None


def is_interim(head: bytes) -> bool:
    """Whether another head follows: a 1xx response (RFC 9110 §15.2), but for 101, the last."""
    return _INTERIM.match(head) is not None


def framed(head: bytes, *, headers_only: bool = False) -> tuple[bytes, int | None]:
    """`head` with one word on the length of the body, and that length in octets.

    Where chunks are announced, any Content-Length yields to them; the same length said twice is
    said once (RFC 9110 §8.6). The length is None where only the parser can tell (chunks, a body up
    to the end of the connection, lengths that contradict each other). `headers_only` is for the
    answer to a HEAD, which has no body whatever its headers say.
    """
    if _CHUNKED.search(head):
        head, length = _LENGTH.sub(b"", head), None
    else:
        head, length = _one_length(head)
    return (head, 0) if headers_only or _NO_BODY.match(head) else (head, length)


def _one_length(head: bytes) -> tuple[bytes, int | None]:
    lines = _LENGTH.findall(head)
    said = {token.strip() for line in lines for token in line.split(b",")}
    if len(said) != 1 or not _DIGITS.fullmatch(length := said.pop()):
        return head, None
    if len(lines) > 1 or b"," in lines[0]:
        first = _LENGTH.search(head)
        assert first is not None
        once = b"Content-Length: " + length + b"\r\n"
        head = head[: first.start()] + once + _LENGTH.sub(b"", head[first.start() :])
    return head, int(length)
