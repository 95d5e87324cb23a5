"""One server's load page, and whether it shows work: what was read, when, and from which path."""

from __future__ import annotations

import math
import time
from collections.abc import Collection

from resolverd.health.kinds.openai import OpenAIProbe, asks_load
from resolverd.health.load_pages import LoadPage, format_of, read_page
from resolverd.health.probes.bounds import in_charged_turns
from resolverd.health.probes.tools import Tools
from resolverd.health.probes.vllm_client import VllmClient, client_of_page

# Where servers have it: most; LiteLLM, which redirects from there; TensorRT-LLM; llama.cpp without
# its --metrics.
PATHS = ("/metrics", "/metrics/", "/prometheus/metrics", "/slots")
# Seconds after which a server without one is asked again.
_ABSENT_FOR = 60.0
# Statuses of a server, or of a gateway before it, that is full or fails, whether it has one or not.
_UNKNOWN_WHETHER = frozenset({408, 429, *range(500, 600)} - {501})
# Seconds for which work that was seen is taken to go on: llama.cpp answers nothing, this page
# neither, while it reads a batch of a prompt.
WORK_LASTS = 8.0


class LoadPageReader:
    """Reads the page of one server and remembers the last."""

    def __init__(self, client: VllmClient, settings: OpenAIProbe, tools: Tools) -> None:
        self._client = client
        self._paths: tuple[str, ...] = PATHS
        if settings.metrics_url:
            self._client, path = client_of_page(settings.metrics_url, settings, tools)
            self._paths = (path,)
        self._format = format_of(settings.load) or settings.load_page
        self._wanted = asks_load(settings)
        self._path: str | None = None
        self._absent_until = -math.inf
        self.absent = False
        """Whether the server was last known to have none; silence does not tell."""
        self._last: tuple[LoadPage, int] | None = None
        self._worked_at = -math.inf

    async def read(self, models: Collection[str], until: float) -> LoadPage | None:
        """The page of now; None where there is none to be had, or none that is known."""
        if not self._wanted or time.monotonic() < self._absent_until:
            return None
        absent = self._path is None
        for path in self._paths if self._path is None else (self._path,):
            status, text = await self._client.page(path, until)
            if status is None:
                return None  # in no time: whether it is there is not known
            page = None
            if status == 200:
                page = await in_charged_turns(read_page(text, format_=self._format, models=models))
            if page is not None:
                self._path, self.absent = path, False
                return page
            absent = absent and status not in _UNKNOWN_WHETHER
        self.absent = self.absent or absent
        if self._path is None:
            self._absent_until = time.monotonic() + _ABSENT_FOR
        return None

    def compare(
        self, page: LoadPage | None, cost: float, answered: int, now: float, *, untold: int = 0
    ) -> bool:
        """Whether work was done since the page before, or was seen to be a moment ago.

        `answered` is how many canaries, of at most `cost` tokens each, have had a token so far:
        what they made is no sign of anybody else's work. So many more may have that nobody told of.
        """
        if page is not None:
            if self._last is not None:
                before, then = self._last
                own = cost * (answered - then + 1 + untold) if answered > then or untold else 0.0
                if page.worked_since(before, own):
                    self._worked_at = now
            self._last = page, answered
        return now - self._worked_at <= WORK_LASTS
