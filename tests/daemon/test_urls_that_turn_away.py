"""An edit of a URL after which nothing is learned: every request is turned away."""

from __future__ import annotations

from pathlib import Path

import pytest
from inference_regions import CHAT, address_of, inference_regions
from live_daemon import addresses, ask, running, until


@pytest.mark.parametrize(
    ("status", "metrics"),
    [(503, False), (401, True)],
    ids=["a gateway with nobody behind it", "a key that is not taken"],
)
async def test_what_was_known_at_the_url_before_stands_no_longer_than_the_new_one_is_untried(
    tmp_path: Path, status: int, metrics: bool
) -> None:
    async with inference_regions(tmp_path, 4) as regions:
        regions.servers[3].completion, regions.servers[3].metrics = status, metrics
        regions.write()
        async with running(regions.config) as daemon:
            assert addresses(await ask(daemon, CHAT)) == {address_of("a")}
            regions.write([regions.urls[3], *regions.urls[1:3]])
            assert await daemon.reload()
            assert daemon.verdicts["a-1"].unknown

            async def elsewhere() -> bool:
                return addresses(await ask(daemon, CHAT)) == {address_of("b")}

            await until(elsewhere)
            assert daemon.world.verdicts["a-1"].unknown
