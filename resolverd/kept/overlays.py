"""What is laid over what probes say, in kept documents; times there are Unix times.

    "ended": {"eu-west": 1764321000.0}
    "mismatches": {"eu-west-1": {"difference": ["max_model_len", "2048", "4096"],
                                 "since": 1764321000.0, "url": "http://192.0.2.10:8000"}}

When the last override of a key ended; and servers that most of their peers contradict, or did
until then, where `difference` is null. `shift` makes of a time in memory one in the document, or
the other way, in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resolverd.health.identity import Difference
from resolverd.health.mismatch import KeptMismatch, PeerMismatch
from resolverd.kept.values import number, text


def ends_written(ends: Mapping[str, float], shift: float) -> dict[str, Any]:
    """When overrides ended, by what they were on."""
    return {key: at + shift for key, at in ends.items()}


def ends_read(record: Any, shift: float, now: float) -> dict[str, float]:
    """What `ends_written` wrote; none is later than `now`. Raises as `kept.values` does."""
    return {text(key): min(number(at) + shift, now) for key, at in record.items()}


def mismatches_written(mismatches: Mapping[str, KeptMismatch], shift: float) -> dict[str, Any]:
    """Mismatches by target."""
    return {
        target: {
            "difference": None if known.difference is None else list(known.difference),
            "since": known.changed_at + shift,
            "url": url,
        }
        for target, (known, url) in mismatches.items()
    }


def mismatches_read(record: Any, shift: float, now: float) -> dict[str, KeptMismatch]:
    """What `mismatches_written` wrote, as `ends_read` has it."""
    return {text(target): _mismatch(own, shift, now) for target, own in record.items()}


def _mismatch(record: Any, shift: float, now: float) -> KeptMismatch:
    since, difference = min(number(record["since"]) + shift, now), None
    if record["difference"] is not None:
        field, value, majority = map(text, record["difference"])
        difference = Difference(field, value, majority)
    return KeptMismatch(PeerMismatch(difference, since), text(record["url"]))
