"""Names in NATS: subjects, keys and buckets of a fleet; pure.

A name becomes one token of a subject or key: letters, digits, ``-`` and ``_`` stay, every other
octet of its UTF-8 form is ``=XX``, and the empty name is ``==``. So two names never meet, no name
holds a wildcard or a dot, and what is kept can be read with NATS' own tools.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(rb"[A-Za-z0-9_-]")
_ESCAPE = re.compile(r"=([0-9A-F]{2})")
_TOKEN = re.compile(r"(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+")
_EMPTY = "=="


def token(text: str) -> str:
    """`text` as one token of a subject or key."""
    if not text:
        return _EMPTY
    return "".join(
        chr(octet) if _PLAIN.fullmatch(bytes((octet,))) else f"={octet:02X}"
        for octet in text.encode()
    )


def untoken(token: str) -> str:
    """The text that `token` made this of. Raises ValueError for what it never makes."""
    if token == _EMPTY:
        return ""
    if not _TOKEN.fullmatch(token):
        raise ValueError(f'"{token}" is no token')
    octets = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), token)
    return octets.encode("latin-1").decode()


def key(*parts: str) -> str:
    """A key of the bucket: the first part as it is, the others as tokens."""
    return ".".join((parts[0], *map(token, parts[1:])))


def key_parts(key: str) -> tuple[str, ...]:
    """The parts that `key` was made of. Raises ValueError for one that `key` never makes."""
    first, *others = key.split(".")
    return (first, *map(untoken, others))


def subject(fleet: str, *parts: str) -> str:
    """A subject of the fleet called `fleet`: `subject("resolverd", "observations", "fra1")`."""
    return ".".join(("resolverd", fleet, parts[0], *map(token, parts[1:])))


def api_prefix(domain: str) -> str:
    """What subjects of JetStream's API begin with, in a domain or without one."""
    return f"$JS.{domain}.API" if domain else "$JS.API"


def bucket(fleet: str) -> str:
    """The bucket of what the fleet keeps."""
    return f"resolverd-{fleet}"


def sets_bucket(fleet: str) -> str:
    """The object store of what is too large for a key."""
    return f"resolverd-{fleet}-sets"


def permission_of(subject: str, fleet: str, domain: str) -> str:
    """The permission that lets an edge use `subject`, as docs/fleet.md names those it needs.

    Upper and lower case are one, as NATS' errors come in lower case from nats-py. A subject that no
    edge needs is its own.
    """
    needed = [
        f"resolverd.{fleet}.>",
        f"$KV.{bucket(fleet)}.>",
        f"$O.{sets_bucket(fleet)}.>",
        *dict.fromkeys((f"{api_prefix(domain)}.>", "$JS.API.>")),
        "_INBOX.>",
    ]
    folded = subject.lower()
    return next((each for each in needed if folded.startswith(each[:-1].lower())), subject)
