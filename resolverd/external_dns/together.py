"""Which endpoints a zone can be served with together; pure, but for the loader that is asked.

One that the zone would be refused for keeps nothing else out. Where two cannot stand together, the
one that was kept before stays: nobody takes a name away by asking for something beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dns.name import Name

from resolverd.external_dns.endpoint import Endpoint
from resolverd.external_dns.fragment import Endpoints, Key
from resolverd.external_dns.records import rdatas_of


class Fault(NamedTuple):
    """An error that a zone with some endpoints has, and whose line it names; `keys` may be none."""

    keys: Sequence[Key]
    reason: str


class UnservableError(ValueError):
    """A zone that has an error whatever of external-dns's is in it."""


Ask = Callable[[Endpoints], Sequence[Fault]]
"""What is wrong with the zone with these endpoints."""

Kept = dict[Key, Endpoint]
Reasons = dict[Key, str]


def kept_together(wanted: Endpoints, known: Endpoints, ask: Ask) -> tuple[Kept, Reasons]:
    """Those of `wanted` with which the zone can be served, and why each of the others is left out.

    `known` are those that are kept now. Raises UnservableError.
    """
    kept, left_out = _beside_one_another(wanted, known)
    while faults := ask(kept):
        fresh = {key: each for key, each in kept.items() if known.get(key) != each}
        blamed = _blamed_of(faults, fresh)
        if not blamed and fresh:
            standing = {key: each for key, each in kept.items() if key not in fresh}
            if not ask(standing):
                kept, more = _added(standing, fresh, ask)
                return kept, left_out | more
        blamed = blamed or {key: fault.reason for fault in faults for key in fault.keys}
        if not blamed:
            if reasons := ask({}):
                raise UnservableError(reasons[0].reason)
            kept, more = _added({}, kept, ask)
            return kept, left_out | more
        kept = {key: each for key, each in kept.items() if key not in blamed}
        left_out |= blamed
    return kept, left_out


def _beside_one_another(wanted: Endpoints, known: Endpoints) -> tuple[Kept, Reasons]:
    """A CNAME stands alone, and with one target (RFC 2181 §10.1), of whatever set."""
    kept, left_out = dict(wanted), {}
    for keys in _by_owner(wanted).values():
        # What was there before, then what is no CNAME, then the first of the sets.
        first, *others = sorted(keys, key=lambda key: (key not in known, key.type == "CNAME", key))
        for key in others:
            if "CNAME" not in (first.type, key.type):
                continue
            if first.type != key.type:
                left_out[key] = f"it cannot stand beside the {first.type} of that name"
            elif rdatas_of(wanted[key]) != rdatas_of(wanted[first]):
                left_out[key] = "a CNAME has one target, and another set of that name has one"
            if key in left_out:
                del kept[key]
    return kept, left_out


def _by_owner(endpoints: Endpoints) -> Mapping[Name, list[Key]]:
    found: dict[Name, list[Key]] = {}
    for key in endpoints:
        found.setdefault(key.owner, []).append(key)
    return found


def _blamed_of(faults: Sequence[Fault], fresh: Endpoints) -> Reasons:
    """Those that are `fresh` of whom faults speak, or that came to a name of which they do."""
    by_owner = _by_owner(fresh)

    def found() -> Iterator[tuple[Key, str]]:
        for fault in faults:
            own = [key for key in fault.keys if key in fresh]
            beside = [key for each in fault.keys for key in by_owner.get(each.owner, ())]
            for key in own or beside:
                yield key, fault.reason

    return dict(found())


def _added(kept: Kept, more: Endpoints, ask: Ask) -> tuple[Kept, Reasons]:
    """`kept`, with which the zone can be served, and those of `more` with which it still can.

    By halves, for no fault says which.
    """
    together = kept | dict(more)
    faults = ask(together)
    if not faults:
        return together, {}
    if len(more) == 1:
        return kept, dict.fromkeys(more, faults[0].reason)
    keys = sorted(more)
    left_out: Reasons = {}
    for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
        kept, reasons = _added(kept, {key: more[key] for key in half}, ask)
        left_out |= reasons
    return kept, left_out
