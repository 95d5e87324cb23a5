"""The `vllm` kind: an endpoint serves when its engine is seen to make progress, or a token.

    one probe

    /metrics ──► another process than before, or not known? ──► /v1/models, /version
        │                                                             │ not as expected:
        ▼                                                             ▼ wrong-model
    counters of one process moved since the last probe, new requests are taken, it is known who
    it is, and no canary is due?
        │ no                                    │ yes
        ▼                                       ▼
    did another edge's canary of late            serves, and no canary is sent
    get an answer? ── yes: serves
        │ no, or it is this edge's turn
        ▼
    budget left for a canary? ── no: holds
        │ yes
        ▼
    canary ──► a whole answer: serves ──► an error: `classify` tells what it means
        │ none in time
        ▼
    /metrics once more ──► moved: busy, which serves ──► still, or not to be had: hung

Everything ends within the timeout, of which each step may use up to its share; where no counters
can be read, a canary whose headers came has `canary_timeout`. Probes may overlap: each compares its
page with the latest that any probe has read of the same process (`backing`), and totals only grow,
so growth between the two is progress whoever read them. What a canary of our own adds is none.

Where some canaries fail and others succeed, or some engines stand still while others work, a part
of what stands behind the URL serves nobody: it is degraded. A page whose counters stood still over
a canary that brought a token is stale, a cache's perhaps: load is then unknown. It is unknown also
where the engine hangs, for it then looks idle.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NoReturn

import aiohttp

from resolverd.health.identity import Identity
from resolverd.health.inference import InferenceReadings
from resolverd.health.offers import READABLE, Processes
from resolverd.health.outcome import Condition
from resolverd.health.probes import canary
from resolverd.health.probes.classify import classify, needs_health
from resolverd.health.probes.credential import CredentialError
from resolverd.health.probes.identify import Listing, read_listing
from resolverd.health.probes.metrics_reader import Reading
from resolverd.health.probes.reasons import is_response, reason_of
from resolverd.health.probes.run import ProbeFailedError, Seen, has_responded, was_answered
from resolverd.health.probes.trace import current_trace
from resolverd.health.probes.vllm_load import load_of
from resolverd.health.probes.vllm_server import Server
from resolverd.health.readings import LoadReadings

# Shares of the timeout by whose end each step is over.
METRICS_SHARE, _IDENTITY, _CANARY, _END = 0.35, 0.5, 0.85, 0.95
# Failures that may be those of a part of what stands behind the URL.
_PARTIAL = frozenset({Condition.NONE, Condition.HUNG})

_NOTHING = Reading()


class VllmProbing:
    """One probe of a server.

    `began` and `at` are when it began, by the running loop's and by the monotonic clock, unless
    that is now; `first` is what reads the first page, where that has been asked for already: it is
    given the time of the loop by which it has to end.
    """

    # Of the class, until one has its own: one is made with each look at a page.
    _known_load: LoadReadings | None = None
    reading, turned_away = _NOTHING, 0.0
    sent = proven = False
    longer: float | None = None  # until when a canary may take that began to be answered

    def __init__(
        self,
        server: Server,
        began: float | None = None,
        at: float | None = None,
        first: Callable[[float], Awaitable[Reading]] | None = None,
    ) -> None:
        self.server = server
        self.began = asyncio.get_running_loop().time() if began is None else began
        self.at = time.monotonic() if at is None else at
        self._first = first or server.read_metrics

    @property
    def load(self) -> LoadReadings:
        """What is known of the load so far."""
        if self._known_load is None:
            self._known_load = LoadReadings(self.at)
        return self._known_load

    @load.setter
    def load(self, load: LoadReadings) -> None:
        self._known_load = load

    def glance(self, reading: Reading, *, moved: bool) -> Seen | None:
        """What the one page proves by itself; None where anything else has to be asked.

        `moved` is whether an engine did by it (`Server.moved`).
        """
        server, identity = self.server, self.server.identity
        if reading.replaced or identity is None or server.needs_identity(self.at):
            return None
        if server.unexpected(identity) or server.loss(time.monotonic())[0]:
            return None
        self._take(reading)
        if server.canary_due(self.at):
            return None
        proves = moved and server.accepts(reading) and self._known()
        return self._progress() if proves else self._rested()

    async def run(self) -> Seen:
        """Probe once. Raises ProbeFailedError, whatever goes wrong."""
        try:
            seen = await self._guarded()
        except ProbeFailedError as failed:
            seen = self._partial(failed)
        self.server.recheck_identity = False
        return self._degraded(seen)

    async def _guarded(self) -> Seen:
        try:
            return await self._steps()
        except CredentialError as error:
            self._fail(str(error), Condition.MISCONFIGURED, responded=True)
        except (aiohttp.ClientError, OSError) as error:
            self._fail(reason_of(error), responded=has_responded() or is_response(error))

    def _partial(self, failed: ProbeFailedError) -> Seen:
        """What a failure means: that of a part of many serves on; raises it otherwise."""
        server, now = self.server, time.monotonic()
        if not self.sent or not failed.responded or failed.seen.condition not in _PARTIAL:
            raise failed
        server.canary_log.add(now, answered=False)
        if not server.canary_log.partly_serves(now):
            raise failed
        return failed.seen._replace(condition=Condition.NONE, again=True)

    def _degraded(self, seen: Seen) -> Seen:
        """What was seen, and how much of it is lost."""
        server = self.server
        share, how = server.loss(time.monotonic())
        if not share or seen.condition not in (Condition.NONE, Condition.BUSY):
            return seen
        self.load = self.load._replace(lost=share)
        condition = seen.condition or Condition.DEGRADED
        reason = f"{how}; {seen.reason}"
        seen = self._seen(reason, condition)._replace(again=seen.again)
        if server.settings.degraded == "down":
            raise ProbeFailedError.of(seen._replace(condition=Condition.DEGRADED), responded=True)
        return seen

    async def _steps(self) -> Seen:
        server = self.server
        now = await self._first(self._until(METRICS_SHARE))
        if server.metrics.workers and server.metrics.lost_workers == server.metrics.workers:
            self._fail(f"none of {server.metrics.workers} workers answers: {server.metrics.why}")
        self._take(now)
        await self._identify(anew=now.replaced)
        self.proven = self._proves(now)
        if server.canary_due(self.at):
            return await self._send_canary()
        if self.proven:
            return self._progress()
        return self._rested() or await self._send_canary()

    def _take(self, reading: Reading) -> None:
        """This is the first page."""
        self.reading, self.turned_away = reading, reading.turned_away
        if reading.parts and not self.server.stale(reading):
            self.load = self._load(reading, shedding=self.turned_away > 0)

    def _proves(self, reading: Reading) -> bool:
        """Whether it proves that the server works, which is who it should be."""
        return not reading.replaced and self.server.proves(reading) and self._known()

    def _rested(self) -> Seen | None:
        """What a canary of late proves of a server that is idle; None where it needs another."""
        server = self.server
        proof = server.rests_on(self.at) if self._known() and not self.reading.replaced else None
        if proof is None:
            return None
        server.looked(self.at, page=False)
        server.lives(proof.at)
        return self._seen("idle, and answered a canary of the fleet")

    def _progress(self) -> Seen:
        self.server.looked(self.at, page=True)
        if away := self.turned_away:
            return self._seen(f"makes progress, turned away {away:g} requests", Condition.BUSY)
        return self._seen("makes progress")

    async def _identify(self, *, anew: bool) -> None:
        """Ask who it is, where that is not known well enough; raises where it is somebody else."""
        server, expected = self.server, self.server.expected
        if anew or server.recheck_identity:
            server.identity = None
        if server.needs_identity(self.at):
            await self._ask_identity(self._until(_IDENTITY))
        if server.identity is None:
            if expected.max_model_len or expected.version:
                self._fail("does not tell who it is")
        else:
            self._match(server.identity)

    def _match(self, identity: Identity) -> None:
        if unexpected := self.server.unexpected(identity):
            condition, reason = unexpected
            self._fail(reason, condition)

    async def _ask_identity(self, until: float) -> None:
        server = self.server
        status, models = await server.client.models(until)
        if status in (401, 403):
            server.key = "refused"
            condition, reason = classify(canary.Answer(status), None)
            self._fail(reason, condition)
        if status != 200:
            server.listing = Listing(names=server.listing.names)
            return  # a canary will tell more
        version = await server.client.version(until)
        listing = read_listing(models, version, server.expected.model)
        server.listing = listing if listing.names else replace(listing, names=server.listing.names)
        if listing.identity is not None:
            fingerprint = server.identity.fingerprint if server.identity else ""
            server.identity = replace(listing.identity, fingerprint=fingerprint)
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
            if self.proven:
                return self._progress()
            self._fail("the hourly budget of tokens for canaries is spent", Condition.UNPROVEN)
        await server.skip(self._until(_IDENTITY))
        answer = await self._canary()
        if canary.wants_more(answer) and server.ask_for_more():
            answer = await self._send_again(answer)
        if answer.status in (200, 401, 403):
            outcome = "accepted" if answer.status == 200 else "refused"
            server.key = outcome if server.settings.credential or outcome == "refused" else "none"
        if answer.complete and answer.ttft is not None:
            server.answered(answer.ttft, time.monotonic())
            return self._token(answer, answer.ttft)
        return await (self._no_token(answer) if answer.late else self._judged(answer))

    async def _canary(self) -> canary.Answer:
        """Send one; it has more time where nothing else can tell a slow server from a dead one."""
        server = self.server
        self.sent = True
        server.canary_sent(time.monotonic())
        if not any(part.sample.page.of_vllm for part in self.reading.parts):
            self.longer = self._until_of(_END, server.settings.longest)
        until = self._until(_CANARY)
        return await server.client.complete(server.body, until, until_after_headers=self.longer)

    async def _send_again(self, refused: canary.Answer) -> canary.Answer:
        """Ask once more, for more tokens; what refuses these too goes on being asked for few."""
        server = self.server
        if server.budget.spend(server.cost, time.monotonic()):
            answer = await self._canary()
            if not canary.wants_more(answer):
                return answer
            refused = answer
        server.ask_for(canary.TOKENS)
        return refused

    async def _judged(self, answer: canary.Answer) -> Seen:
        """An answer that is none, with what else has to be known of who gave it."""
        server, until = self.server, self._until(_END)
        health = await server.client.health(until) if needs_health(answer) else None
        if answer.status not in (401, 403) and self.at > server.identified:
            await self._ask_identity(until)  # a gateway's list tells whether anybody is left
        condition, reason = classify(answer, health, server.known())
        reason = server.client.credential.hide(reason)
        if condition is not Condition.SHEDDING:
            self._fail(reason, condition)
        return self._shedding(reason)

    def _shedding(self, reason: str) -> Seen:
        """It says that it is full, which is believed only of what has lived of late."""
        server = self.server
        if not server.alive(time.monotonic()):
            self.load = LoadReadings(self.at)
            self._fail(f"{reason}, and no proof of life", Condition.NO_PROOF)
        self.load = self.load._replace(shedding=True)
        if not server.lived:
            self._fail(f"{reason}, and no proof of life yet", Condition.SHEDDING)
        return self._seen(reason, Condition.SHEDDING)

    def _token(self, answer: canary.Answer, ttft: float) -> Seen:
        server, expected = self.server, self.server.expected
        known = server.identity or Identity(models=(expected.model,))
        server.identity = replace(known, fingerprint=answer.fingerprint or known.fingerprint)
        self._match(server.identity)
        if expected.fingerprint and not server.identity.fingerprint:
            self._fail("does not tell its fingerprint")
        return self._seen(f"token in {1000 * ttft:.0f} ms")

    async def _no_token(self, answer: canary.Answer) -> Seen:
        """The canary's time is over: busy, hung, or not there at all."""
        server, settings = self.server, self.server.settings
        waited, end = _CANARY * settings.timeout, self._until(_END)
        if self.longer is not None and answer.status == 200:
            waited = max(waited, _END * settings.longest)
            end = max(end, self._until_of(0.99, settings.longest))
        after = await server.read_metrics(end)
        after = after.since(self.reading)
        part = "no end after the first token" if answer.stalled else "no token"
        said = f"{part} in {waited:.2g} s"
        if not was_answered():
            self._fail(f"timed out after {settings.timeout:g} s")
        if not server.moved(after):
            self.load = LoadReadings(self.at)
            self._fail(f"{said}, and {self._no_progress(after)}", Condition.HUNG)
        shedding = self.load.shedding
        self.load = self._load(after, shedding=shedding)
        one_engine = server.metrics.processes is Processes.ONE and server.metrics.engines <= 1
        if not one_engine and not after.waiting:
            # No queue explains it, so it may be one of several that hangs.
            server.canary_log.add(now := time.monotonic(), answered=False)
            if server.canary_log.failing_share(now):
                return self._seen(f"{said}, but makes progress")._replace(again=True)
        if self.proven and one_engine:
            return self._progress()
        return self._seen(f"{said}, but makes progress", Condition.BUSY)

    def _no_progress(self, after: Reading) -> str:
        """Why there is none: seen, or not to be seen."""
        if self.server.metrics.why != READABLE:
            return f"progress cannot be seen: /metrics {self.server.metrics.why}"
        if not any(after.pairs()):
            return "progress cannot be seen: /metrics is not known to be of one process"
        return "no progress"

    def _load(self, reading: Reading, *, shedding: bool) -> LoadReadings:
        several = self.server.metrics.processes is not Processes.ONE
        return load_of(reading, self.at, shedding=shedding, several=several)

    def _until(self, share: float) -> float:
        return self._until_of(share, self.server.settings.timeout)

    def _until_of(self, share: float, seconds: float) -> float:
        return self.began + current_trace().late + share * seconds

    def _seen(self, reason: str, condition: Condition = Condition.NONE) -> Seen:
        server = self.server
        readings = InferenceReadings(self.load, server.identity, server.canaries, server.offers())
        return Seen(reason, condition, readings)

    def _fail(
        self, reason: str, condition: Condition = Condition.NONE, *, responded: bool | None = None
    ) -> NoReturn:
        """`responded` None leaves it to what came back until now."""
        self.server.recheck_identity = True
        seen = self._seen(reason, condition)
        raise ProbeFailedError.of(
            seen, responded=has_responded() if responded is None else responded
        )
