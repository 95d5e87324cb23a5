"""The `tcp` kind: an endpoint serves when it completes a TCP handshake."""

from __future__ import annotations

import asyncio
import time

from yarl import URL

from resolverd.health.kinds.tcp import TcpProbe
from resolverd.health.probes.run import Ask, Seen
from resolverd.health.probes.tools import Tools
from resolverd.health.probes.trace import current_trace, note_connected
from resolverd.patience.timeout import PatientTimeout


def prepare(url: str, settings: TcpProbe, tools: Tools) -> Ask:
    """Asks the host and port of `url`: ``tcp://host:port``, or an HTTP URL's.

    Raises ValueError when `url` has no host or no port.
    """
    parsed = URL(url)
    host, port = parsed.host, parsed.port
    if not host or not port:
        raise ValueError(f'"{url}" names no host and port; write tcp://host:port')

    async def ask() -> Seen:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        addresses = await tools.addresses(host)
        if not addresses:
            raise OSError("name not resolved: no address known")
        for turn, address in enumerate(addresses):
            others = len(addresses) - turn - 1
            began = time.monotonic()
            try:
                # A silent address leaves the later ones an equal share of what is left.
                now = loop.time()
                left = begun + settings.timeout + current_trace().late - now
                async with PatientTimeout(now + left / (others + 1)):
                    _, writer = await asyncio.open_connection(address, port)
            except OSError:
                if not others:
                    raise
                continue
            note_connected(began)
            writer.transport.abort()
            break
        return Seen("connected")

    return ask
