"""What pages of metrics tell of an endpoint's load; pure."""

from __future__ import annotations

from resolverd.health.probes.metrics_reader import Reading
from resolverd.health.probes.vllm_page import Page
from resolverd.health.readings import LoadReadings


def load_of(reading: Reading, at: float, *, shedding: bool, several: bool) -> LoadReadings:
    """The load of now: requests of all pages added up, the mean use of their KV caches.

    Totals of several processes cannot be compared from one reading to the next: they are unknown.
    """
    if not several and len(reading.parts) == 1:
        return _load_of_one(reading.parts[0].sample.page, at, shedding=shedding)
    pages = [part.sample.page for part in reading.parts]
    shares = [page.kv_usage for page in pages if page.kv_usage is not None]
    return LoadReadings(
        at=at,
        running=_sum([page.running for page in pages]),
        waiting=_sum([page.waiting for page in pages]),
        kv_usage=sum(shares) / len(shares) if shares else None,
        shedding=shedding,
    )


def _load_of_one(page: Page, at: float, *, shedding: bool) -> LoadReadings:
    """The same of the one page of one process, whose totals can be compared."""
    # Positional, for this is made with each probe.
    return LoadReadings(
        at,
        page.running,
        page.waiting,
        page.kv_usage,
        page.tokens,
        page.started,
        page.ttft,
        page.responses or {},
        shedding,
        0.0,
        page.completed,
        page.ttft_total,
        page.queue_total,
    )


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
