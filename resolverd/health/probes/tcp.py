"""The `tcp` kind: an endpoint serves when it completes a TCP handshake."""

from __future__ import annotations

import asyncio
import time

from yarl import URL

from resolverd.health.kinds.tcp import TcpProbe
from resolverd.health.probes.run import Ask, Seen
from resolverd.health.probes.tools import Tools
from resolverd.health.probes.trace import note_connected
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
        addresses = await tools.addresses(host)
        if not addresses:
            raise OSError("name not resolved: no address known")
        last = len(addresses) - 1
        for turn, address in enumerate(addresses):
            began = time.monotonic()
            try:
                # A silent address leaves the later ones an equal share of the timeout.
                share = settings.timeout / len(addresses)
                async with PatientTimeout(asyncio.get_running_loop().time() + share):
                    _, writer = await asyncio.open_connection(address, port)
            except OSError:
                if turn == last:
                    raise
                continue
            note_connected(began)
            writer.transport.abort()
            break
        return Seen("connected")

    return ask
