"""What asks a vLLM server again and again: without a task where its page of metrics may do.

nothing but the page to be asked for, in the clear ──► `VllmAttempt`: a socket, no task
else                                               ──► `VllmProbing` in a task, as ever
"""

from __future__ import annotations

import time

from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.probes.expected_page import PageExpectation
from resolverd.health.probes.run import Attempt, Ended, Seen
from resolverd.health.probes.tools import Tools
from resolverd.health.probes.vllm import VllmProbing
from resolverd.health.probes.vllm_attempt import VllmAttempt
from resolverd.health.probes.vllm_server import Server


class VllmAsk:
    """Asks the vLLM server at `url`. Raises ValueError when `url` is not an HTTP URL."""

    def __init__(self, url: str, settings: VllmProbe, tools: Tools) -> None:
        self.server = Server(url, settings, tools)
        self._client = tools.plain
        self._expectation = PageExpectation()

    async def __call__(self) -> Seen:
        """Ask once. Raises ProbeFailedError, whatever goes wrong."""
        return await VllmProbing(self.server).run()

    def begin(self, within: float, ended: Ended) -> Attempt | None:
        """Ask once, directly; None where more has to be asked than the page, or not so."""
        server, client, now = self.server, self._client, time.monotonic()
        if client is None or not server.metrics.at_url:
            return None
        if server.needs_identity(now) or server.canary_due(now):
            return None
        page = server.client.plain_page()
        if page is None:
            return None
        expected = None
        if client.pages is not None:
            expected = self._expectation.page(server.metrics.layout, server.names, *page)
        return VllmAttempt(server, client, page, expected, within, ended)
