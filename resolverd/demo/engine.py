"""The made-up engine behind a simulated server: it makes tokens, counts them, and can stop.

The model "generates" a fixed sentence that names its region, one word per token, so that
whoever asks sees which region answered. While a fault stops it nothing moves, and none of its
counters does either: it then looks like the idlest of all.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable

from resolverd.demo.exposition import Workload
from resolverd.demo.faults import Fault

# Time per token of a lone request; more makes canaries slower, and the demo with them.
TOKEN_SECONDS = 0.02
# Size of the KV cache; less shows a higher kv_cache_usage for the same requests.
KV_CACHE_TOKENS = 100_000
# VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS: after that long a worker counts as lost.
EXECUTE_SECONDS = 300.0
# How long a completion waits for its turn in a crowded engine.
QUEUE_SECONDS = 20.0
# What a crowd of other clients makes of an engine: as many requests as a batch takes, more
# that wait for a place, and a full cache. The batch makes one token each per step.
CROWD_RUNNING, CROWD_WAITING, CROWD_KV_CACHE = 256, 40, 0.99
CROWD_STEP_SECONDS, CROWD_TOKENS, CROWD_PROMPT = 0.05, 200, 400


class EngineDeadError(Exception):
    """The engine has died, and every request with it; the message is vLLM's."""

    def __init__(self) -> None:
        super().__init__(
            "EngineCore encountered an issue. See stack trace (above) for the root cause."
        )


class Engine:
    """One engine of `region`; `work` is what it has done since it started.

    `on_death` is called when it gives a hung worker up, `execute_seconds` after the first
    request that met it.
    """

    def __init__(
        self, region: str, on_death: Callable[[], None], execute_seconds: float = EXECUTE_SECONDS
    ) -> None:
        self.region = region
        self.work = Workload(started_at=time.time())
        self._on_death, self._execute_seconds = on_death, execute_seconds
        self._fault: Fault | None = None
        self._changed = asyncio.Event()
        self._crowd_at = 0.0

    def set_fault(self, fault: Fault | None) -> None:
        """Let `fault` be what is wrong with it from now on, or nothing."""
        self.catch_up()
        before, self._fault = self._fault, fault
        crowds = int(fault is not None and fault.crowds) - int(before is not None and before.crowds)
        self.work.running += crowds * CROWD_RUNNING
        self.work.waiting += crowds * CROWD_WAITING
        self.work.kv_cache = max(0.0, self.work.kv_cache + crowds * CROWD_KV_CACHE)
        self._crowd_at = time.monotonic()
        self.work.awake = fault is not Fault.ASLEEP
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def restart(self) -> None:
        """Begin anew, with all counters at zero and nothing wrong."""
        self._fault = None
        self.work = Workload(started_at=time.time())
        self.set_fault(None)

    def catch_up(self) -> None:
        """Count what a crowd of other clients has had of it until now."""
        if self._fault is None or not self._fault.crowds:
            return
        steps = int((time.monotonic() - self._crowd_at) / CROWD_STEP_SECONDS)
        self._crowd_at += steps * CROWD_STEP_SECONDS
        finished = steps * CROWD_RUNNING // CROWD_TOKENS
        self.work.generation_tokens += steps * CROWD_RUNNING
        self.work.prompt_tokens += finished * CROWD_PROMPT
        self.work.iteration_tokens.observe(CROWD_RUNNING, steps)
        self.work.first_token.observe(QUEUE_SECONDS, finished)
        self.work.finished["length"] += finished
        self.work.respond("/v1/completions", "POST", 200, finished)
        if self._fault is not Fault.SATURATED:
            self.work.rejected += steps
            late = self._fault is Fault.SHEDDING_LATE
            self.work.respond("/v1/completions", "POST", 200 if late else 503, steps)

    async def generate(self, prompt: int, max_tokens: int) -> AsyncIterator[str]:
        """`max_tokens` words for a prompt of `prompt` tokens. Raises EngineDeadError."""
        begun = time.monotonic()
        await self._until_free()
        work = self.work
        work.running += 1
        work.kv_cache += prompt / KV_CACHE_TOKENS
        work.prompt_tokens += prompt
        made = 0
        try:
            sentence = itertools.cycle(f" This answer was made in {self.region}.".split(" ")[1:])
            for word in itertools.islice(sentence, max_tokens):
                await asyncio.sleep(TOKEN_SECONDS)
                await self._until_running()
                if not made:
                    work.first_token.observe(time.monotonic() - begun)
                work.iteration_tokens.observe(1 if made else 1 + prompt)
                work.generation_tokens += 1
                work.kv_cache += 1 / KV_CACHE_TOKENS
                made += 1
                yield f" {word}"
        finally:
            work.running -= 1
            work.finished["length" if made == max_tokens else "abort"] += 1
            work.kv_cache = max(0.0, work.kv_cache - (prompt + made) / KV_CACHE_TOKENS)
            if not work.running:
                work.kv_cache = 0.0  # what rounding has left

    async def _until_free(self) -> None:
        """Wait for a place in the batch, which may never come."""
        await self._until_running()
        if self._fault is Fault.SATURATED:
            self.work.waiting += 1
            try:
                async with asyncio.timeout(QUEUE_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                await self._until_running()
            finally:
                self.work.waiting -= 1
            await self._until_running()

    async def _until_running(self) -> None:
        """Wait until nothing stops it. Raises EngineDeadError when it dies meanwhile."""
        while self._fault is not None and self._fault.stops_engine:
            hangs = self._fault is Fault.HUNG_WORKER
            try:
                async with asyncio.timeout(self._execute_seconds if hangs else None):
                    await self._changed.wait()
            except TimeoutError:
                self._on_death()
        if self._fault is Fault.DEAD:
            raise EngineDeadError
