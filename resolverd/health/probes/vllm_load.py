"""What pages of metrics tell of an endpoint's load; pure."""

from __future__ import annotations

from resolverd.health.probes.metrics_reader import Reading
from resolverd.health.readings import LoadReadings


def load_of(reading: Reading, at: float, *, shedding: bool, several: bool) -> LoadReadings:
    """The load of now: requests of all pages added up, the mean use of their KV caches.

    Totals of several processes cannot be compared from one reading to the next: they are unknown.
    """
    pages = [part.sample.page for part in reading.parts]
    shares = [page.kv_usage for page in pages if page.kv_usage is not None]
    readings = LoadReadings(
        at=at,
        running=_sum([page.running for page in pages]),
        waiting=_sum([page.waiting for page in pages]),
        kv_usage=sum(shares) / len(shares) if shares else None,
        shedding=shedding,
    )
    if several or len(pages) != 1:
        return readings
    return LoadReadings(
        at=at,
        running=readings.running,
        waiting=readings.waiting,
        kv_usage=readings.kv_usage,
        tokens=pages[0].tokens,
        started=pages[0].started,
        ttft=pages[0].ttft,
        responses=pages[0].responses or {},
        shedding=shedding,
        completed=pages[0].completed,
        ttft_total=pages[0].ttft_total,
        queue_total=pages[0].queue_total,
    )


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
