"""The `vllm` kind: an endpoint serves when its engine is seen to make progress, or a token.

    one look

    /metrics ──► another process than before, or not known? ──► /v1/models, /version
        │                                                             │ not as expected:
        ▼                                                             ▼ wrong-model
    counters moved since the last look, new requests are taken, and it is known who it is?
        │ no                                    │ yes
        ▼                                       ▼
    budget left for a canary? ── no: holds      serves, and no canary is sent
        │ yes
        ▼
    canary ──► a token: serves ──► an error: `judgement` tells what it means
        │ no token in time
        ▼
    /metrics once more ──► moved: busy, which serves ──► still, or not to be had: hung

Everything ends within the timeout, of which each step may use up to its share (`_BY`). Looks may
overlap: each compares its page with the latest that any look has read, and totals only grow, so
growth between the two is progress whoever read them. What a canary of our own adds is no progress.

A page whose counters stood still over a canary that brought a token is stale, a cache's perhaps:
load is then unknown. It is unknown also where the engine hangs, for it then looks idle.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace
from typing import NamedTuple, NoReturn

import aiohttp

from resolverd.config.probe import Probe
from resolverd.health.identity import Identity
from resolverd.health.outcome import Canaries, Condition
from resolverd.health.probes import canary, progress
from resolverd.health.probes.budget import TokenBudget
from resolverd.health.probes.credential import CredentialError
from resolverd.health.probes.door import Door
from resolverd.health.probes.identify import Expected, mismatch, read_identity
from resolverd.health.probes.judgement import judge, needs_health
from resolverd.health.probes.reasons import heard_by, reason_of
from resolverd.health.probes.run import Ask, ProbeFailedError, Seen, was_answered, was_heard
from resolverd.health.probes.tools import Tools
from resolverd.health.probes.vllm_metrics import Page, read_page
from resolverd.health.readings import Readings

# Shares of the timeout by whose end each step is over.
_METRICS, _IDENTITY, _CANARY, _END = 0.35, 0.5, 0.85, 0.95
# Seconds after which a server is asked again who it is.
_IDENTITY_LASTS = 60.0


def prepare(url: str, settings: Probe, tools: Tools) -> Ask:
    """Asks the vLLM server at `url`. Raises ValueError when `url` is not an HTTP URL."""
    return Vllm(url, settings, tools)


class Sight(NamedTuple):
    """A page of metrics, and how many canaries had been sent and answered when it was read."""

    page: Page
    sent: int
    answered: int


class Vllm:
    """One server, and what the next look compares with."""

    def __init__(self, url: str, settings: Probe, tools: Tools) -> None:
        self.door = Door(url, settings, tools)
        self.timeout = settings.timeout
        self.expected = Expected(
            settings.model, settings.max_model_len, settings.version, settings.fingerprint
        )
        self.settings = settings
        self.ask_for(canary.TOKENS)
        self.budget = TokenBudget(settings.canary_tokens_per_hour, time.monotonic())
        self.canaries = Canaries()
        self.sight: Sight | None = None
        self.identity: Identity | None = None
        self.identified = -math.inf
        self.doubted = False  # whether the last look saw no server that serves

    async def __call__(self) -> Seen:
        """One look. Raises ProbeFailedError."""
        return await _Look(self).take()

    def ask_for(self, tokens: int) -> None:
        """Let canaries ask for so many tokens from now on."""
        settings, self.tokens = self.settings, tokens
        self.body = canary.request_body(settings.model, settings.canary_prompt, tokens)
        self.cost = canary.cost(settings.canary_prompt, tokens)

    def ask_for_more(self) -> bool:
        """Let canaries ask for the most that the settings allow; False where they do already."""
        more = self.settings.canary_max_tokens > self.tokens
        if more:
            self.ask_for(self.settings.canary_max_tokens)
        return more

    async def read_metrics(self, until: float) -> Sight | None:
        """The page of now, which is then what later looks compare theirs with."""
        text = await self.door.metrics(until)
        if text is None:
            return None
        self.sight = Sight(read_page(text), self.canaries.sent, self.canaries.answered)
        return self.sight

    def own_since(self, sight: Sight) -> progress.Own:
        """What our canaries have added since."""
        answered = self.canaries.answered - sight.answered
        unfinished = max(0, self.canaries.sent - sight.sent - answered)
        return progress.Own(answered, self.cost, unfinished, self.tokens)


class _Look:
    """One look at a server; `readings` are what is known of its load so far."""

    def __init__(self, server: Vllm) -> None:
        self.server = server
        self.began = asyncio.get_running_loop().time()
        self.at = time.monotonic()
        self.readings = Readings(self.at)
        self.sight: Sight | None = None

    async def take(self) -> Seen:
        """Look. Raises ProbeFailedError, whatever goes wrong."""
        try:
            seen = await self._steps()
        except CredentialError as wrong:
            self._fail(str(wrong), Condition.MISCONFIGURED, heard=True)
        except (aiohttp.ClientError, OSError) as wrong:
            self._fail(reason_of(wrong), heard=was_heard() or heard_by(wrong))
        self.server.doubted = False
        return seen

    async def _steps(self) -> Seen:
        server, before = self.server, self.server.sight
        self.sight = now = await server.read_metrics(self._until(_METRICS))
        if now is None or before is None:
            if now is not None:
                self.readings = _readings(now.page, self.at)
            await self._identify(anew=False)
            return await self._send_canary()
        old, new, own = before.page, now.page, server.own_since(before)
        anew = progress.restarted(old, new)
        away = 0.0 if anew else progress.turned_away(old, new)
        if anew or not progress.stale(old, new, own):
            self.readings = _readings(new, self.at, shedding=away > 0)
        await self._identify(anew)
        proven = not anew and progress.moved(old, new, own) and progress.accepts(old, new)
        if not proven or not self._known():
            return await self._send_canary()
        if away:
            return self._seen(f"makes progress, turned away {away:g} requests", Condition.BUSY)
        return self._seen("makes progress")

    async def _identify(self, anew: bool) -> None:
        """Ask who it is, where that is not known well enough; raises where it is somebody else."""
        server, expected = self.server, self.server.expected
        if anew or server.doubted:
            server.identity = None
        if server.identity is None or self.at - server.identified >= _IDENTITY_LASTS:
            await self._ask_identity()
        if server.identity is None:
            if expected.max_model_len or expected.version:
                self._fail("does not tell who it is")
        elif wrong := mismatch(server.identity, expected):
            condition, reason = wrong
            self._fail(reason, condition)

    async def _ask_identity(self) -> None:
        server, until = self.server, self._until(_IDENTITY)
        status, models = await server.door.models(until)
        if status in (401, 403):
            condition, reason = judge(canary.Answer(status), None)
            self._fail(reason, condition)
        if status != 200:
            return  # a canary will tell more
        version = await server.door.version(until)
        told = read_identity(models, version, server.expected.model)
        if told is not None:
            fingerprint = server.identity.fingerprint if server.identity else ""
            server.identity = replace(told, fingerprint=fingerprint)
            server.identified = self.at

    def _known(self) -> bool:
        """Whether it is known who it is, as far as somebody wants to know."""
        identity = self.server.identity
        return identity is not None and bool(
            identity.fingerprint or not self.server.expected.fingerprint
        )

    async def _send_canary(self) -> Seen:
        server = self.server
        if not server.budget.spend(server.cost, time.monotonic()):
            self._fail("the hourly budget of tokens for canaries is spent", Condition.UNPROVEN)
        server.canaries = server.canaries.one_sent(server.cost)
        answer = await server.door.complete(server.body, self._until(_CANARY))
        if canary.wants_more(answer) and server.ask_for_more():
            answer = await self._send_again(answer)
        if answer.complete and answer.ttft is not None:
            server.canaries = server.canaries.one_answered(answer.ttft)
            return self._token(answer, answer.ttft)
        if answer.late:
            return await self._no_token(answer)
        health = await server.door.health(self._until(_END)) if needs_health(answer) else None
        condition, reason = judge(answer, health)
        reason = server.door.credential.hide(reason)
        if condition is not Condition.SHEDDING:
            self._fail(reason, condition)
        self.readings = replace(self.readings, shedding=True)
        return self._seen(reason, condition)

    async def _send_again(self, refused: canary.Answer) -> canary.Answer:
        """Ask once more, for more tokens; what refuses these too goes on being asked for few."""
        server = self.server
        if server.budget.spend(server.cost, time.monotonic()):
            server.canaries = server.canaries.one_sent(server.cost)
            answer = await server.door.complete(server.body, self._until(_CANARY))
            if not canary.wants_more(answer):
                return answer
            refused = answer
        server.ask_for(canary.TOKENS)
        return refused

    def _token(self, answer: canary.Answer, ttft: float) -> Seen:
        server, expected = self.server, self.server.expected
        known = server.identity or Identity(models=(expected.model,))
        server.identity = replace(known, fingerprint=answer.fingerprint or known.fingerprint)
        if wrong := mismatch(server.identity, expected):
            condition, reason = wrong
            self._fail(reason, condition)
        if expected.fingerprint and not server.identity.fingerprint:
            self._fail("does not tell its fingerprint")
        return self._seen(f"token in {1000 * ttft:.0f} ms")

    async def _no_token(self, answer: canary.Answer) -> Seen:
        """The canary's time is over: busy, hung, or not there at all."""
        before = self.sight
        after = await self.server.read_metrics(self._until(_END))
        part = "no end after the first token" if answer.stalled else "no token"
        waited = f"{part} in {_CANARY * self.server.timeout:.2g} s"
        if not was_answered():
            self._fail(f"timed out after {self.server.timeout:g} s")
        own = self.server.own_since(before) if before else progress.NOTHING
        if not (before and after and progress.moved(before.page, after.page, own)):
            self.readings = Readings(self.at)
            self._fail(f"{waited}, and no progress", Condition.HUNG)
        shedding = self.readings.shedding
        self.readings = _readings(after.page, time.monotonic(), shedding=shedding)
        return self._seen(f"{waited}, but makes progress", Condition.BUSY)

    def _until(self, share: float) -> float:
        return self.began + share * self.server.timeout

    def _seen(self, reason: str, condition: Condition = Condition.NONE) -> Seen:
        server = self.server
        return Seen(reason, condition, self.readings, server.identity, server.canaries)

    def _fail(
        self, reason: str, condition: Condition = Condition.NONE, *, heard: bool | None = None
    ) -> NoReturn:
        """`heard` None leaves it to what was heard until now."""
        server = self.server
        server.doubted = True
        seen = Seen(reason, condition, self.readings, server.identity, server.canaries)
        raise ProbeFailedError.of(seen, heard=was_heard() if heard is None else heard)


def _readings(page: Page, at: float, *, shedding: bool = False) -> Readings:
    return Readings(
        at=at,
        running=page.running,
        waiting=page.waiting,
        kv_usage=page.kv_usage,
        tokens=page.tokens,
        started=page.started,
        ttft=page.ttft,
        responses=page.responses or {},
        shedding=shedding,
    )
