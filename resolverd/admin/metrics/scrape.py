"""What Prometheus scrapes: every family that is declared, with its samples of the moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from resolverd.admin.metrics.family import Family
from resolverd.admin.metrics.registry import FAMILIES
from resolverd.admin.metrics.values import Values
from resolverd.admin.served import Served
from resolverd.engine.interface import last_counted


async def exposition(served: Served, accept: str) -> tuple[bytes, str]:
    """The whole page and its content type, in the format that `accept` asks for.

    Counters are the last ones where a worker hangs: what else it says is wanted then. Raises
    EngineError when a worker is gone.
    """
    values = Values(served, await last_counted(served.engine), time.monotonic(), time.time())
    return await page_of(FAMILIES, values, accept)


async def page_of(families: Iterable[Family], values: object, accept: str) -> tuple[bytes, str]:
    """The page of some families, and of this process, in the format that `accept` asks for."""
    registry = CollectorRegistry()
    registry.register(_Collected([family.collect(values) for family in families]))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    # Of thousands of regions the text takes longer than all else, and needs nothing of the daemon.
    return await asyncio.to_thread(encode, registry), content_type


class _Collected(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
