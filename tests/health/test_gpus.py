"""GPU utilisation from Prometheus pages: read on a schedule of its own, unknown when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import structlog
from aiohttp import web

from resolverd.health.gpus import GpuPage, GpuWatch, gpu_values
from resolverd.turns import at_once

METRIC = "DCGM_FI_DEV_GPU_UTIL"
PAGE = f"""\
# HELP {METRIC} GPU utilization (in %).
# TYPE {METRIC} gauge
{METRIC}{{gpu="0",modelName="NVIDIA H100 {{80GB}}",Hostname="a b"}} 90
{METRIC}{{gpu="1"}} 70.0 1700000000000
{METRIC}_OTHER{{gpu="1"}} 1
DCGM_FI_DEV_FB_USED{{gpu="0"}} 1000
"""


@pytest.mark.parametrize(
    ("page", "full", "expected"),
    [
        pytest.param(PAGE, 100.0, (0.9, 0.7), id="percent"),
        pytest.param(f"{METRIC} 0.25\n", 1.0, (0.25,), id="a ratio, without labels"),
        pytest.param(f"{METRIC} 101\n", 100.0, (1.0,), id="above full"),
        pytest.param(f"{METRIC} NaN\n{METRIC} x\n{METRIC} -1\n", 100.0, (), id="no number"),
        pytest.param("", 100.0, (), id="nothing"),
    ],
)
def test_the_metric_is_found_by_its_whole_name(
    page: str, full: float, expected: tuple[float, ...]
) -> None:
    assert at_once(gpu_values(page.encode(), METRIC, full)) == pytest.approx(expected)


class Exporter:
    """A page that answers with `status` and `text`, or never while it `hangs`."""

    def __init__(self) -> None:
        self.status, self.text, self.hangs, self.url = 200, PAGE, False, ""

    async def answer(self, _request: web.Request) -> web.Response:
        if self.hangs:
            await asyncio.Event().wait()
        return web.Response(status=self.status, text=self.text)


@pytest.fixture
async def exporter() -> AsyncIterator[Exporter]:
    made = Exporter()
    app = web.Application()
    app.router.add_get("/metrics", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/metrics"
    yield made
    await runner.cleanup()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def _watched(
    clock: Callable[[], float], pages: list[GpuPage], then: Callable[[GpuWatch], Awaitable[None]]
) -> None:
    watch = GpuWatch(clock, every=0.01)
    watch.replace(pages)
    try:
        await then(watch)
    finally:
        await watch.stop()


async def test_pages_are_read_and_averaged_over_gpus(exporter: Exporter) -> None:
    pages = [GpuPage(exporter.url, METRIC, 100.0), GpuPage(exporter.url, METRIC, 200.0)]

    async def both(watch: GpuWatch) -> None:
        await _until(lambda: all(watch.utilisation([page]) is not None for page in pages))
        assert watch.utilisation(pages) == pytest.approx((0.9 + 0.7 + 0.45 + 0.35) / 4)
        watch.replace(pages[:1])
        assert watch.utilisation(pages[1:]) is None

    await _watched(lambda: 0.0, pages, both)


async def test_a_page_that_fails_is_known_for_a_while_and_then_unknown(exporter: Exporter) -> None:
    now = [0.0]
    page = GpuPage(exporter.url, METRIC, 100.0)

    async def failing(watch: GpuWatch) -> None:
        await _until(lambda: watch.utilisation([page]) == pytest.approx(0.8))
        exporter.status = 500
        await _until(lambda: any(event["event"] == "gpus.failing" for event in events))
        now[0] = 45.0
        assert watch.utilisation([page]) == pytest.approx(0.8)
        now[0] = 46.0
        assert watch.utilisation([page]) is None
        exporter.status = 200
        await _until(lambda: watch.utilisation([page]) is not None)

    with structlog.testing.capture_logs() as events:
        await _watched(lambda: now[0], [page], failing)
    names = [event["event"] for event in events]
    assert names == ["gpus.failing", "gpus.recovered"], "one event each, however often it fails"


async def test_a_page_that_hangs_or_lacks_the_metric_delays_no_other(exporter: Exporter) -> None:
    hung = GpuPage("http://127.0.0.1:1/metrics", METRIC, 100.0)
    other = GpuPage(exporter.url, "nvidia_smi_utilization_gpu_ratio", 1.0)
    good = GpuPage(exporter.url, METRIC, 100.0)

    async def good_one(watch: GpuWatch) -> None:
        await _until(lambda: watch.utilisation([hung, other, good]) == pytest.approx(0.8))
        assert watch.utilisation([hung, other]) is None

    await _watched(lambda: 0.0, [hung, other, good], good_one)
