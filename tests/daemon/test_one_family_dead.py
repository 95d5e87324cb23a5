"""An endpoint reached over one address family alone: the other's addresses are not handed out."""

from __future__ import annotations

from typing import Any

import dns.message
from aiohttp import web
from harness.config import address_of, ipv6_of
from harness.programs import free_port
from live_daemon import PROBES, Endpoint, Files, addresses, ask, good_config, running, until

from resolverd.admin.state import state_of
from resolverd.daemon import Daemon

CHAT = "chat.inference.example"
REGION = "ap-northeast"


async def _listen(runner: web.AppRunner, address: str, port: int) -> web.TCPSite:
    site = web.TCPSite(runner, address, port)
    await site.start()
    return site


async def _answered(daemon: Daemon, qtype: str) -> tuple[set[str], dns.message.Message]:
    message = await ask(daemon, CHAT, qtype=qtype)
    return addresses(message), message


def _shown(daemon: Daemon) -> dict[str, Any]:
    """What the state has of each endpoint's families."""
    return {
        endpoint["name"]: endpoint["families"]
        for region in state_of(daemon)["regions"]
        for endpoint in region["endpoints"]
    }


async def test_aaaa_is_withheld_while_only_ipv6_fails_and_given_again_after(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    async def well(_: web.Request) -> web.Response:
        return web.Response()

    application = web.Application()
    application.router.add_get("/health", well)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await _listen(runner, "127.0.0.1", port)
    site = await _listen(runner, "::1", port)
    endpoints[REGION].url = f"http://edge.localhost:{port}"  # both loopback addresses (RFC 6761)
    slower = PROBES.replace('"50ms"', '"300ms"').replace('"100ms"', '"300ms"')
    files.config.write_text(good_config(endpoints).replace(PROBES, slower))
    try:
        async with running(files.config) as daemon:
            assert (await _answered(daemon, "AAAA"))[0] == {ipv6_of(REGION)}
            await site.stop()
            ttls: list[int] = []

            async def withheld() -> bool:
                found, message = await _answered(daemon, "AAAA")
                ttls.extend(rrset.ttl for rrset in message.answer)
                return not found

            await until(withheld)
            found, message = await _answered(daemon, "A")
            assert found == {address_of(REGION)}
            assert ttls[-1] == 2  # low before it was withheld, and
            assert message.answer[0].ttl == 2  # while it may come back
            nodata = (await _answered(daemon, "AAAA"))[1]
            assert [rrset.ttl for rrset in nodata.authority] == [2]
            refused = {
                "ok": False,
                "reason": "connection refused",
                "withheld": True,
                "held_until": None,
            }
            await until(lambda: _shown(daemon)[f"{REGION}-1"]["ipv6"] == refused)
            assert _shown(daemon)["us-east-1"] is None
            await _listen(runner, "::1", port)

            async def given() -> bool:
                return (await _answered(daemon, "AAAA"))[0] == {ipv6_of(REGION)}

            await until(given)
    finally:
        await runner.cleanup()
