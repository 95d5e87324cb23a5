"""What decisions of sticky services have rested on, as a part of what `document.py` writes.

    {"chat": {"segments": [{"since": 1764321000.0, "serving": ["eu-west", "us-east"],
                            "shares": {"eu-west": [0.1, 0.0, 0]}, "trickle": 0.0,
                            "spill_off": ["eu-west"]}],
              "positions": [{"bins": [0.02, …], "heavy": {"<word>": [0.07, 0.2]}}]}}

A share is what is sent on, what is taken, and the place in `positions` of what stands for draws, or
null: three values, for an older release that is rolled back to reads no others. `spill_off` are
those of its regions that an operator had out of spilling; older documents are without. Segments of
the client map before are left out, since no process has that map after this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resolverd.kept.values import number, placed, placed_read, ratio, text
from resolverd.policy.share import Positions
from resolverd.policy.sticky import SEGMENTS, Segment, SegmentShare


def histories_written(histories: Mapping[str, tuple[Segment, ...]]) -> dict[str, Any]:
    """The document's part, by service."""
    return {service: _written(segments) for service, segments in histories.items()}


def histories_read(record: Any) -> dict[str, tuple[Segment, ...]]:
    """What `histories_written` wrote. Raises ValueError, or what looking into others raises."""
    return {text(service): _read(own) for service, own in record.items()}


def _written(segments: tuple[Segment, ...]) -> dict[str, Any]:
    places: dict[int, int] = {}
    met: list[Positions] = []

    def place(positions: Positions | None) -> int | None:
        if positions is None:
            return None
        if id(positions) not in places:
            places[id(positions)] = len(met)
            met.append(positions)
        return places[id(positions)]

    kept = [
        {
            "since": segment.since,
            "serving": sorted(segment.serving),
            "shares": {
                region: [share.spill_ratio, share.accept_ratio, place(share.positions)]
                for region, share in segment.shares.items()
            },
            "trickle": segment.trickle,
            "spill_off": sorted(r for r, share in segment.shares.items() if share.spill_off),
        }
        for segment in segments
        if not segment.earlier
    ]
    return {"segments": kept, "positions": [placed(positions) for positions in met]}


def _read(record: Any) -> tuple[Segment, ...]:
    positions = [placed_read(own) for own in record["positions"]]
    segments = tuple(_segment(own, positions) for own in record["segments"])
    begun = [segment.since for segment in segments]
    if len(segments) > SEGMENTS or begun != sorted(begun):
        raise ValueError("it is damaged: a history is too long, or out of order")
    return segments


def _segment(record: Any, positions: list[Positions]) -> Segment:
    off = {text(region) for region in record.get("spill_off", [])}
    shares = {text(region): _share(share, positions) for region, share in record["shares"].items()}
    if not off <= shares.keys():
        raise ValueError("it is damaged: a region without a share is out of spilling")
    return Segment(
        number(record["since"]),
        frozenset(text(region) for region in record["serving"]),
        {region: own._replace(spill_off=region in off) for region, own in shares.items()},
        ratio(record["trickle"]),
    )


def _share(record: Any, positions: list[Positions]) -> SegmentShare:
    spill_ratio, accept_ratio, place = record
    share = SegmentShare(ratio(spill_ratio), ratio(accept_ratio))
    if place is None:
        return share
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(positions):
        raise ValueError(f"it is damaged: {place!r} is no place of positions")
    return share._replace(positions=positions[place])
