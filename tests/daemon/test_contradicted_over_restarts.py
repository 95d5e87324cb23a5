"""A server that its peers contradict: it comes back neither by their death nor by a restart."""

from __future__ import annotations

import json
from pathlib import Path

from inference_regions import CHAT, address_of, inference_regions
from live_daemon import addresses, ask, running, until

from resolverd.kept.keeper import NAME


async def test_the_wrong_model_is_served_by_neither_a_death_nor_a_restart(tmp_path: Path) -> None:
    """After which the others answer, with tokens, but do not tell who they are."""
    async with inference_regions(tmp_path) as regions:
        a, b, c = regions.servers
        a.max_model_len = 2048
        regions.write()
        async with running(regions.config) as daemon:
            await until(lambda: "a-1" in _contradicted(tmp_path))
            assert addresses(await ask(daemon, CHAT)) == {address_of("b")}
            b.completion, b.metrics, b.health = 503, False, 503
            await until(lambda: not daemon.verdicts["b-1"].serves)
            await daemon.republish()
            assert addresses(await ask(daemon, CHAT)) == {address_of("c")}
        b.completion, b.metrics, b.health = "token", True, 200
        b.models_status = c.models_status = 503
        async with running(regions.config) as daemon:
            assert addresses(await ask(daemon, CHAT)) & {address_of("b"), address_of("c")}
            await until(lambda: "a-1" in daemon.monitor.identities())
            await daemon.republish()
            assert address_of("a") not in addresses(await ask(daemon, CHAT))
            a.max_model_len = 4096
            a.started += 1

            async def back() -> bool:
                return addresses(await ask(daemon, CHAT)) == {address_of("a")}

            await until(back)


def _contradicted(folder: Path) -> dict[str, object]:
    path = folder / "state" / NAME
    found: dict[str, object] = json.loads(path.read_text())["mismatches"] if path.exists() else {}
    return found
