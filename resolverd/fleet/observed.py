"""What one edge tells the others: a message of JSON, written and strictly read; pure.

    {"format": 1, "edge": "fra1", "run": "5f0c…", "place": [50.1, 8.7], "at": 1789.5, "clock": 81.2,
     "valid": 5, "whole": true,
     "targets": {"eu-1": {"state": "up", "of": "9f2c41aa", "connect_ms": 1.2, …}, …}}

`at` is Unix time, and for people alone. `clock` is a reading of the sender's monotonic clock, from
which its readers tell how long a message was under way and how long ago something was; `run` is new
with each process, for its clock may begin anew. `of` is a digest of what is asked, so that an edge
with another configuration says nothing of a target of the same name.

A message that is `whole` has all targets, one that is not only those that changed since the last.
`targets` stands last: while nothing changes, its octets are those of the message before, and are
not read again. What is not as written here is refused whole, keys that are not known aside: a newer
edge may say more.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from resolverd.health.untrusted_json import parse_json
from resolverd.health.verdict import State

FORMAT = 1
# Octets of one message, which is NATS' own default; its targets; and characters of one text.
MAX_OCTETS, MAX_TARGETS, MAX_TEXT = 1024 * 1024, 10_000, 160
_TARGETS = b',"targets":'
_STATES = {state.value: state for state in State}
# What a number may be: milliseconds of a day, and seconds of a thousand years.
_MAX_MS, _MAX_SECONDS = 86_400_000.0, 4e10


class Head(NamedTuple):
    """Who says it, and when; see above. `place` is latitude and longitude in degrees."""

    edge: str
    run: str
    place: tuple[float, float]
    at: float
    clock: float
    valid: float
    whole: bool = True


class Observed(NamedTuple):
    """What an edge knows of one target.

    `since` is when that began to be so, in Unix seconds and for people; `asked`, a reading of its
    own `clock`, when a canary of its own was last answered whole. `late` tells that a probe takes
    unusually long. None and empty are unknown.
    """

    state: State
    of: str
    reason: str = ""
    connect_ms: float | None = None
    ttft_ms: float | None = None
    saturation: float | None = None
    since: float | None = None
    asked: float | None = None
    late: bool = False

    @property
    def serves(self) -> bool | None:
        """Whether that edge answers with it; None where it does not know yet."""
        return None if self.state is State.UNKNOWN else self.state.serves

    @property
    def vote(self) -> bool | None:
        """What it says of the target; None where it is about to find out, one way or the other."""
        return {State.UP: True, State.DOWN: False}.get(self.state)


def digest_of(url: str, model: str) -> str:
    """Of what is asked, without what may be secret in it."""
    parts = urlsplit(url)
    asked = (parts.scheme, parts.hostname, parts.port, parts.path, model)
    return hashlib.blake2b(repr(asked).encode(), digest_size=4).hexdigest()


def fragment(observed: Observed) -> str:
    """One target as JSON; what is unknown is left out."""
    value: dict[str, Any] = {"state": observed.state.value, "of": observed.of}
    if observed.reason:
        value["reason"] = _printable(observed.reason)
    for name in ("connect_ms", "ttft_ms", "saturation", "since", "asked"):
        number = getattr(observed, name)
        if number is not None:
            value[name] = round(number, 3)
    if observed.late:
        value["late"] = True
    return json.dumps(value, separators=(",", ":"))


def write_targets(fragments: Mapping[str, str]) -> bytes:
    """The last part of a message, of what `fragment` made of each target."""
    inner = ",".join(f"{json.dumps(id_)}:{text}" for id_, text in fragments.items())
    return _TARGETS + b"{" + inner.encode() + b"}}"


def write_message(head: Head, targets: bytes) -> bytes:
    """A whole message; `targets` as `write_targets` made it."""
    value = {
        "format": FORMAT,
        "edge": head.edge,
        "run": head.run,
        "place": list(head.place),
        "at": round(head.at, 3),
        "clock": round(head.clock, 4),
        "valid": head.valid,
        "whole": head.whole,
    }
    return json.dumps(value, separators=(",", ":")).encode()[:-1] + targets


class RefusedError(ValueError):
    """A message that is not as it has to be; the text says in what."""


def split(payload: bytes) -> tuple[Head, bytes]:
    """Who says it, and the octets of what is said of targets. Raises RefusedError."""
    if len(payload) > MAX_OCTETS:
        raise RefusedError(f"it has {len(payload)} octets, more than {MAX_OCTETS}")
    first, found, targets = payload.partition(_TARGETS)
    if not found or not targets.endswith(b"}}"):
        raise RefusedError("it does not end with its targets")
    return _head(_object(parse_json(first + b"}"), "it")), targets[:-1]


def read_targets(
    octets: bytes, known: Mapping[str, tuple[Any, Observed]]
) -> dict[str, tuple[Any, Observed]]:
    """Each target as JSON value and as read; of those that say what `known` says, the same objects.

    Raises RefusedError.
    """
    value = _object(parse_json(octets), "targets")
    if len(value) > MAX_TARGETS:
        raise RefusedError(f"it has {len(value)} targets, more than {MAX_TARGETS}")
    return dict(_each(value, known))


def _each(
    value: Mapping[str, Any], known: Mapping[str, tuple[Any, Observed]]
) -> Iterable[tuple[str, tuple[Any, Observed]]]:
    for id_, one in value.items():
        before = known.get(id_)
        if before is not None and before[0] == one:
            yield id_, before
        else:
            yield _text(id_, "a target's id"), (one, _observed(_object(one, id_[:MAX_TEXT])))


def _head(value: Mapping[str, Any]) -> Head:
    if value.get("format") != FORMAT:
        raise RefusedError(f"its format is not {FORMAT}")
    place, whole = value.get("place"), value.get("whole")
    if not isinstance(whole, bool):
        raise RefusedError("whole is neither true nor false")
    if not isinstance(place, list) or len(place) != 2:
        raise RefusedError("place is not a latitude and a longitude")
    return Head(
        _text(value.get("edge"), "edge"),
        _text(value.get("run"), "run"),
        (_number(place[0], "place", -90, 90), _number(place[1], "place", -180, 180)),
        _number(value.get("at"), "at", 0, _MAX_SECONDS),
        _number(value.get("clock"), "clock", 0, _MAX_SECONDS),
        _number(value.get("valid"), "valid", 0, 3600),
        whole,
    )


def _observed(value: Mapping[str, Any]) -> Observed:
    state = value.get("state")
    if not isinstance(state, str) or state not in _STATES:
        raise RefusedError("state is none of a target's")
    late = value.get("late", False)
    if not isinstance(late, bool):
        raise RefusedError("late is neither true nor false")
    return Observed(
        _STATES[state],
        _text(value.get("of"), "of"),
        _text(value.get("reason", ""), "reason", empty=True),
        _optional(value, "connect_ms", _MAX_MS),
        _optional(value, "ttft_ms", _MAX_MS),
        _optional(value, "saturation", 1000.0),
        _optional(value, "since", _MAX_SECONDS),
        _optional(value, "asked", _MAX_SECONDS),
        late,
    )


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusedError(f"{what} is no JSON object, or too large")
    return value


def _text(value: Any, what: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not (value or empty):
        raise RefusedError(f"{what} is no text of up to {MAX_TEXT} characters")
    if not value.isprintable():
        raise RefusedError(f"{what} has characters that cannot be shown")
    return value


def _optional(value: Mapping[str, Any], name: str, most: float) -> float | None:
    found = value.get(name)
    return None if found is None else _number(found, name, 0, most)


def _number(value: Any, what: str, least: float, most: float) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not least <= value <= most or math.isnan(value):
        raise RefusedError(f"{what} is no number from {least:g} to {most:g}")
    return float(value)


def _printable(text: str) -> str:
    """`text` as a reader takes it."""
    return "".join(c if c.isprintable() else " " for c in text[:MAX_TEXT])
