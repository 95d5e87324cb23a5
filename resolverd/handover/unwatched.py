"""The Snapshot that a standby answers from: the last one, with promises that nobody keeps cut.

A standby does not probe. So no answer may be kept for longer than the shortest TTL of its
service, which holds whatever is found next; nor addresses of a hostname past their source's
TTL, of which at least a second is left.
"""

from __future__ import annotations

from dataclasses import replace

from resolverd.snapshot.model import RegionRecords, Snapshot

_SOURCE_TTL = 1


def unwatched(snapshot: Snapshot) -> Snapshot:
    """`snapshot` with every steered TTL at its service's `failover_ttl`, or below it."""
    plan, steering = snapshot
    statuses = {
        service: {
            region: replace(status, min_until_flip=0.0, answer_min_until_flip=0.0)
            for region, status in regions.items()
        }
        for service, regions in steering.statuses.items()
    }
    records = {
        service: {region: _shortened(rrsets) for region, rrsets in regions.items()}
        for service, regions in steering.records.items()
    }
    return Snapshot(
        plan, replace(steering, statuses=statuses, records=records, cached={}, decided={})
    )


def _shortened(records: RegionRecords) -> RegionRecords:
    return records._replace(
        a_ttl=None if records.a_ttl is None else _SOURCE_TTL,
        aaaa_ttl=None if records.aaaa_ttl is None else _SOURCE_TTL,
    )
