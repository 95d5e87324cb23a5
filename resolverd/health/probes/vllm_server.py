"""One endpoint of kind vllm as its probes know it: what the next probe compares with."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from resolverd.health.canary_turns import Proof
from resolverd.health.identity import Identity
from resolverd.health.inference import Canaries
from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.offers import Offers, Processes
from resolverd.health.outcome import Condition
from resolverd.health.probes import canary, progress
from resolverd.health.probes.backing import MetricsSample
from resolverd.health.probes.budget import TokenBudget
from resolverd.health.probes.canary_log import CanaryLog
from resolverd.health.probes.classify import Known
from resolverd.health.probes.identify import Expected, Listing, mismatch
from resolverd.health.probes.metrics_reader import MetricsReader, Reading
from resolverd.health.probes.tools import Tools
from resolverd.health.probes.vllm_client import Begun, VllmClient
from resolverd.health.probes.vllm_metrics import Page

# Seconds between canaries of a server whose counters prove that it works: its key, and a worker
# that hangs among several, show only there. More often where it is not known to be one process.
_CHECK_EVERY, _CHECK_SEVERAL_EVERY = 60.0, 15.0
# Canaries after which what has always been one process is taken for one.
_SETTLED = 32
# Seconds after which a server is asked again who it is.
_IDENTITY_LASTS = 60.0
# So many intervals may pass without proof of life before an answer that it is full is not believed.
_LIFE_LASTS = 1.5


class Asked(NamedTuple):
    """A request for the page below the URL: since when, in seconds of the monotonic clock, after
    which canaries; and what waits for the response.
    """

    at: float
    canaries: Canaries
    begun: Begun


class _Compared(NamedTuple):
    """Who a server said it is, by which listing, and what of that is not as expected."""

    identity: Identity
    listing: Listing
    unexpected: tuple[Condition, str] | None


class Server:
    """One server, or several behind one URL."""

    def __init__(self, url: str, settings: VllmProbe, tools: Tools) -> None:
        self.client = VllmClient(url, settings, tools)
        self.metrics = MetricsReader(self.client, settings, tools)
        self.settings, self.turn = settings, tools.turn
        self.expected = Expected(
            settings.model, settings.max_model_len, settings.version, settings.fingerprint
        )
        self.ask_for(canary.TOKENS)
        self.canaries, self.canary_log = Canaries(), CanaryLog()
        self.budget = TokenBudget(settings.canary_tokens_per_hour, time.monotonic())
        self.listing = Listing()
        self.identity: Identity | None = None
        self.identified = -math.inf
        self.recheck_identity = False  # whether the last probe saw no server that serves
        self.of_vllm = False  # whether its last page was vLLM's
        self.key = "unknown" if settings.credential else "none"
        self._named: tuple[Listing, frozenset[str]] | None = None
        self._offers, self._compared = Offers(), _Compared(Identity(), Listing(), None)
        self._known_since = time.monotonic()
        self._alive_at = self._asked_at = -math.inf

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

    @property
    def names(self) -> frozenset[str]:
        """The names by which the model's samples in a page of metrics may go."""
        if self._named is None or self._named[0] is not self.listing:
            self._named = self.listing, self.listing.names | {self.expected.model}
        return self._named[1]

    async def read_metrics(self, until: float, asked: Asked | None = None) -> Reading:
        """The pages of now, which are then what later probes compare theirs with.

        `asked` is a request for the page below the URL that is under way already.
        """
        at, sent = (asked.at, asked.canaries) if asked else (time.monotonic(), self.canaries)
        begun = asked.begun if asked else None
        reading = await self.metrics.read(until, at, sent.sent, sent.answered, self.names, begun)
        self._note(reading, at)
        return reading

    def take_page(self, page: Page, at: float, sent: Canaries) -> tuple[Reading, bool]:
        """As `read_metrics`, of the page below the URL, which has been read already.

        It was asked for `at` that time, after so many canaries. Also whether an engine `moved` by
        that reading.
        """
        reading = self.metrics.take(page, at, sent.sent, sent.answered)
        return reading, self._note(reading, at)

    def _note(self, reading: Reading, at: float) -> bool:
        """What the reading of now says of the server; whether an engine `moved`."""
        if reading.parts:
            self.of_vllm = reading.parts[0].sample.page.of_vllm
        if moved := self.moved(reading):
            self.lives(at)
        return moved

    def canary_delta(self, sample: MetricsSample) -> progress.Own:
        """What our canaries can have added since."""
        answered = self.canaries.answered - sample.answered
        if not answered and self.canaries.sent == sample.sent:
            return progress.NOTHING  # as after most probes
        unfinished = max(0, self.canaries.sent - sample.sent - answered)
        return progress.Own(answered, self.cost, unfinished, self.tokens)

    def moved(self, reading: Reading) -> bool:
        """Whether an engine made a step that no canary explains."""
        for part in reading.parts:
            before, page = part.before, part.sample.page
            if before is not None and progress.moved(before.page, page, self.canary_delta(before)):
                return True
        return False

    def proves(self, reading: Reading) -> bool:
        """Whether an engine made such a step, and its server takes new requests."""
        for part in reading.parts:
            before, page = part.before, part.sample.page
            if (
                before is not None
                and progress.moved(before.page, page, self.canary_delta(before))
                and progress.accepts(before.page, page)
            ):
                return True
        return False

    def accepts(self, reading: Reading) -> bool:
        """Whether the one page of `reading` tells that its server takes new requests."""
        (part,) = reading.parts
        return part.before is not None and progress.accepts(part.before.page, part.sample.page)

    def stale(self, reading: Reading) -> bool:
        """Whether a page does not show a canary that the one process behind it answered."""
        answered = self.canaries.answered
        for part in reading.parts:
            before, page = part.before, part.sample.page
            if (
                before is not None
                and before.answered != answered  # as after few probes
                and self.metrics.processes is Processes.ONE
                and progress.stale(before.page, page, self.canary_delta(before))
            ):
                return True
        return False

    def lives(self, at: float) -> None:
        """It has given proof of life."""
        self._alive_at = max(self._alive_at, at)

    @property
    def lived(self) -> bool:
        """Whether it ever gave proof of life."""
        return self._alive_at > -math.inf

    def alive(self, at: float) -> bool:
        """Whether it did of late, or has not been asked for long enough to tell."""
        return at - max(self._alive_at, self._known_since) <= _LIFE_LASTS * self.settings.interval

    def unexpected(self, identity: Identity) -> tuple[Condition, str] | None:
        """What of `identity` is not as expected, if anything (`mismatch`)."""
        compared, listing = self._compared, self.listing
        if compared.identity is not identity or compared.listing is not listing:
            serves = listing.serves if listing.identity is not None else None
            unexpected = mismatch(identity, self.expected, serves=serves)
            self._compared = compared = _Compared(identity, listing, unexpected)
        return compared.unexpected

    def needs_identity(self, at: float) -> bool:
        """Whether it has to be asked who it is."""
        if self.identity is None or self.recheck_identity:
            return True
        return at - self.identified >= _IDENTITY_LASTS

    def canary_due(self, at: float) -> bool:
        """Whether a canary is to be sent although counters prove that it works."""
        one = self.metrics.processes is Processes.ONE
        every = _CHECK_EVERY if one else _CHECK_SEVERAL_EVERY
        if self.turn is not None:
            every = self.turn.checks_every(every)
        return self.recheck_identity or self.canary_log.doubtful(at) or at - self._asked_at >= every

    def rests_on(self, at: float) -> Proof | None:
        """The canary, another edge's perhaps, for which a probe that began `at` needs none."""
        return None if self.turn is None else self.turn.rests_on(at, self.settings.interval)

    def looked(self, at: float, *, page: bool) -> None:
        """A probe that began `at` needed no canary; its `page` showed why, or it rested on one."""
        if self.turn is not None:
            self.turn.looked(at, page=page, interval=self.settings.interval)

    def answered(self, ttft: float, at: float) -> None:
        """A canary was answered whole."""
        self.canaries = self.canaries.one_answered(ttft)
        self.canary_log.add(at, answered=True)
        self.lives(at)
        if self.turn is not None:
            self.turn.answered(at)

    async def skip(self, until: float) -> None:
        """Ask for something more before a canary, now and then.

        A probe makes so many requests each time that a round robin over two servers would give
        every page to be read by one and every canary to the other. The sequence of Thue and Morse
        has no period that could do that. Gateways pass some paths on and answer others themselves,
        so there are two of them. One that has long been one process is asked seldom.
        """
        count, one = self.canaries.sent, self.metrics.processes is Processes.ONE
        settled = one and count >= _SETTLED and not self.canary_log.doubtful(time.monotonic())
        if settled and count % 8:
            return
        if count.bit_count() % 2:
            await self.read_metrics(until)
        if (count >> 1).bit_count() % 2:
            await self.client.models(until)

    def canary_sent(self, at: float) -> None:
        """Count one more."""
        self._asked_at = at
        self.canaries = self.canaries.one_sent(self.cost)

    def known(self) -> Known:
        """What is known of who answers."""
        alone = self.metrics.processes is Processes.ONE and not self.metrics.workers
        listing = self.listing
        return Known(
            vllm_alone=alone and self.of_vllm,
            listed=False if listing.empty else (listing.serves or None),
            completed=self.canaries.answered > 0,
        )

    def loss(self, at: float) -> tuple[float, str]:
        """The share that serves nobody while the rest does, and how that shows; 0 where none."""
        failing, stuck = self.canary_log.failing_share(at), self.metrics.stuck()
        share = max(failing, stuck.share)
        if not share:
            return 0.0, ""
        if share == failing:
            failed, sent = self.canary_log.counts(at)
            return share, f"{failed} of the last {sent} canaries failed"
        if lost := self.metrics.lost_workers:
            return share, f"{lost} of {self.metrics.workers} workers do not answer"
        return share, f"{stuck.hung} of {stuck.engines} engines make no progress"

    def offers(self) -> Offers:
        """What it lets a probe know: the same object for as long as that is the same."""
        offers = Offers(
            self.metrics.why,
            self.metrics.processes,
            self.metrics.engines,
            self.listing.identity is not None,
            self.identity.version if self.identity else "",
            self.key,
        )
        if offers != self._offers:
            self._offers = offers
        return self._offers
