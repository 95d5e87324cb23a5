"""The `openai` kind: any server or gateway of OpenAI's API serves when it answers a canary whole.

    one probe

    /v1/models, at first, after trouble, and every minute ──► lists others than ours: wrong-model
        │                               (a server that has no list is believed by its canary)
        ▼
    another edge's canary of late got an answer, and it is not this edge's turn? ──► yes: serves
        │ no
        ▼
    canary, to the API that the server has: completions, chat, responses, embeddings or pooling
        │                         before it the page of its load, or beside it where that is late
        ├──► a whole answer: serves
        ├──► no answer in time ──► the page shows work: busy, which serves ──► none: hung
        └──► anything else: `openai_classify` tells what it means

No counters are needed: a server without a load page is judged by its canaries alone, and its load
is unknown. Where there is one it is waited for as long as the canary's answer, for some servers
(llama.cpp) answer neither while they read a long prompt. Which API the server has is found
by asking, and remembered from the first whole answer; so is how many tokens it wants to be asked
for. What a canary costs is taken from its budget before it is sent, each one of several too.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import NoReturn

import aiohttp

from resolverd.health.canary_turns import Proof
from resolverd.health.identity import Identity
from resolverd.health.inference import Canaries, InferenceReadings
from resolverd.health.kinds.openai import OpenAIProbe
from resolverd.health.load_pages import LoadPage
from resolverd.health.outcome import Condition
from resolverd.health.probes import api, canary
from resolverd.health.probes.answer import Answer
from resolverd.health.probes.budget import TokenBudget
from resolverd.health.probes.credential import CredentialError
from resolverd.health.probes.identify import Expected, mismatch, read_identity
from resolverd.health.probes.load_page import LoadPageReader
from resolverd.health.probes.openai_classify import BELIEVED, classify, is_full
from resolverd.health.probes.reasons import is_response, reason_of
from resolverd.health.probes.run import Ask, ProbeFailedError, Seen, has_responded, was_answered
from resolverd.health.probes.tools import Tools
from resolverd.health.probes.trace import current_trace
from resolverd.health.probes.vllm_client import VllmClient
from resolverd.health.readings import LoadReadings
from resolverd.health.untrusted_json import parse_json
from resolverd.patience.timeout import PatientTimeout

# Shares of the timeout by whose end each step is over.
_IDENTITY, _PAGE, _CANARY, _END = 0.3, 0.35, 0.9, 0.95
# Seconds after which a server is asked again who it is.
_IDENTITY_LASTS = 60.0
# Seconds after which an edge of several asks by itself in any case: its key, and its way there,
# show in its own canaries alone. So often each of many edges does, together.
_CHECK_EVERY = 60.0


def prepare(url: str, settings: OpenAIProbe, tools: Tools) -> Ask:
    """Asks the server at `url`, whose path may end in /v1. ValueError when it is no HTTP URL."""
    return OpenAIServer(url.rstrip("/").removesuffix("/v1"), settings, tools)


class OpenAIServer:
    """One server, and what is remembered of it from probe to probe."""

    def __init__(self, url: str, settings: OpenAIProbe, tools: Tools) -> None:
        self.settings = settings
        self.client = VllmClient(url, settings, tools)
        self.page_reader = LoadPageReader(self.client, settings, tools)
        self.expected = Expected(
            settings.model, settings.max_model_len, fingerprint=settings.fingerprint
        )
        self.budget = TokenBudget(settings.canary_tokens_per_hour, time.monotonic())
        self.canaries = Canaries()
        self.known: api.Request | None = None  # what was answered whole
        self.with_token = 0  # canaries that brought one
        self.proved_at = -math.inf
        self.identity: Identity | None = None
        self.identified_at = -math.inf
        self.lists_nobody = False
        self.turn = tools.turn
        self.asked_at = (
            -math.inf
        )  # when the last canary was answered whole, and nothing failed since

    async def __call__(self) -> Seen:
        """One probe. Raises ProbeFailedError."""
        return await _ProbeAttempt(self).run()

    def requests(self) -> list[api.Request]:
        """What to ask, in this order, until an answer is not one of an API that is not there."""
        choice = self.settings.canary
        names = list(api.PATHS) if choice == "auto" else [choice]
        asked = [api.Request(name, canary.TOKENS) for name in names]
        return asked if self.known is None else [self.known, *asked]

    def rests_on(self, now: float) -> Proof | None:
        """The canary, another edge's perhaps, for which a probe needs none of its own now."""
        turn = self.turn
        if turn is None or now - self.asked_at >= turn.checks_every(_CHECK_EVERY):
            return None
        return turn.rests_on(now, self.settings.interval)

    def compare(self, page: LoadPage | None, now: float) -> bool:
        """Whether the page shows work that no canary explains: ours, or one of a fleet's edges."""
        settings, turn = self.settings, self.turn
        cost = canary.cost(settings.canary_prompt, settings.canary_max_tokens)
        others, untold = (0, 0) if turn is None else (turn.told_of, turn.untold)
        return self.page_reader.compare(page, cost, self.with_token + others, now, untold=untold)

    @property
    def models(self) -> frozenset[str]:
        """The names under which its load page may tell of our model."""
        identity, model = self.identity, self.settings.model
        ours = identity.models if identity and identity.root == model else ()
        return frozenset((model, *ours))


class _ProbeAttempt:
    """One probe of a server."""

    def __init__(self, server: OpenAIServer) -> None:
        self.server = server
        self.began = asyncio.get_running_loop().time()
        self.load = LoadReadings(time.monotonic())

    async def run(self) -> Seen:
        """Raises ProbeFailedError, whatever goes wrong."""
        page = asyncio.create_task(self._read_page())
        try:
            await self._identify()
            await self._wait_for(page, _IDENTITY)  # so that it counts no canary of this probe
            return await self._canary(page)
        except CredentialError as error:
            self._fail(str(error), Condition.MISCONFIGURED, responded=True)
        except (aiohttp.ClientError, OSError) as error:
            self._fail(reason_of(error), responded=has_responded() or is_response(error))
        finally:
            page.cancel()
            await asyncio.gather(page, return_exceptions=True)

    async def _read_page(self) -> LoadPage | None:
        """Where it cannot be read its load is unknown; whether it serves is for the canary."""
        try:
            return await self.server.page_reader.read(self.server.models, self._until(_END))
        except (CredentialError, aiohttp.ClientError, OSError):
            return None

    async def _wait_for(self, page: asyncio.Task[LoadPage | None], share: float) -> None:
        with suppress(TimeoutError):
            async with PatientTimeout(self._until(share)):
                await asyncio.wait([page])

    async def _identify(self) -> None:
        """Ask who it is, where that is not known well enough; raises where it is somebody else."""
        server, now = self.server, time.monotonic()
        if server.identity is None or now - server.identified_at >= _IDENTITY_LASTS:
            status, body = await server.client.models(self._until(_IDENTITY))
            if status == 200:
                identity = read_identity(body, None, server.settings.model)
                listed = parse_json(body)
                server.lists_nobody = isinstance(listed, dict) and listed.get("data") == []
                server.identity, server.identified_at = identity, now
        if server.identity is None or _names_any(server.identity, server.settings.model):
            return
        unexpected = mismatch(server.identity, server.expected)
        if unexpected is not None and unexpected[0] is Condition.WRONG_MODEL:
            self._fail(unexpected[1], unexpected[0])

    async def _rested(self, proof: Proof, page: asyncio.Task[LoadPage | None]) -> Seen:
        """A canary of late proves that it serves; its load is what the page tells."""
        server, now = self.server, time.monotonic()
        await self._wait_for(page, _PAGE)
        read = _read(page)
        server.compare(read, now)
        self.load = self._readings(read, now)
        server.proved_at = max(server.proved_at, proof.at)
        if server.turn is not None:
            server.turn.looked(now, page=False, interval=server.settings.interval)
        return self._seen("answered a canary of the fleet")

    async def _canary(self, page: asyncio.Task[LoadPage | None]) -> Seen:
        server = self.server
        proof = server.rests_on(time.monotonic())
        if proof is not None:
            return await self._rested(proof, page)
        answer = await self._ask()
        now = time.monotonic()
        # Where no answer came the page has until the end of the probe to show work.
        await self._wait_for(page, _END if answer.late else _PAGE)
        if answer.ttft is not None:
            server.with_token += 1
        read = _read(page)
        works = server.compare(read, now)
        self.load = self._readings(read, now)
        if works or answer.complete:
            server.proved_at = now
        if answer.complete and answer.ttft is not None:
            return self._served(answer, answer.ttft)
        if answer.late:
            return await self._late(answer, works)
        health = await server.client.health(self._until(_END)) if is_full(answer) else None
        condition, reason = classify(
            answer,
            believed=now - server.proved_at <= BELIEVED,
            health=health,
            lists_nobody=server.lists_nobody,
        )
        reason = server.client.credential.hide(reason)
        if condition is not Condition.SHEDDING:
            self._fail(reason, condition)
        self.load = self._readings(read, now, shedding=True)
        return self._seen(reason, condition)

    async def _ask(self) -> Answer:
        """Send canaries until one is answered by an API that the server has."""
        server, first = self.server, None
        for request in server.requests():
            answer = await self._send(request)
            more = api.for_more(request, answer, server.settings.canary_max_tokens)
            if more is not None and "token" in answer.detail.lower():
                request, answer = more, await self._send(more)
            if answer.complete:
                server.known = request
                return answer
            first = _telling(first, answer)
            if not (api.is_absent(answer) or (server.known is None and api.may_be_another(answer))):
                return answer
        return first or Answer()

    async def _send(self, request: api.Request) -> Answer:
        server, settings = self.server, self.server.settings
        cost = canary.cost(settings.canary_prompt, request.tokens)
        if not server.budget.spend(cost, time.monotonic()):
            self._fail("the hourly budget of tokens for canaries is spent", Condition.UNPROVEN)
        server.canaries = server.canaries.one_sent(cost)
        body = request.body(settings.model, settings.canary_prompt)
        return await server.client.complete(body, self._until(_CANARY), path=request.path())

    def _served(self, answer: Answer, ttft: float) -> Seen:
        server, expected = self.server, self.server.expected
        server.canaries = server.canaries.one_answered(ttft)
        server.asked_at = now = time.monotonic()
        if server.turn is not None:
            server.turn.answered(now)
        if answer.fingerprint:
            known = server.identity or Identity(models=(expected.model,))
            server.identity = Identity(
                known.models, known.root, known.max_model_len, known.version, answer.fingerprint
            )
        if expected.fingerprint and answer.fingerprint != expected.fingerprint:
            fingerprint = answer.fingerprint or "not told"
            self._fail(
                f"fingerprint is {fingerprint}, not {expected.fingerprint}", Condition.WRONG_MODEL
            )
        kind = server.known.api if server.known else ""
        return self._seen(f"answer in {1000 * ttft:.0f} ms ({kind})")

    async def _late(self, answer: Answer, works: bool) -> Seen:
        part = "no end after the first token" if answer.stalled else "no answer"
        waited = f"{part} in {_CANARY * self.server.settings.timeout:.2g} s"
        if not works:
            self.load = LoadReadings(self.load.at)  # one that hangs looks idle
            # llama.cpp sends no headers before its first token, but its web server answers.
            if was_answered() or await self.server.client.health(self._until(_END)) is not None:
                self._fail(waited, Condition.HUNG)
            self._fail(f"timed out after {self.server.settings.timeout:g} s")
        return self._seen(f"{waited}, but its load page shows work", Condition.BUSY)

    def _readings(
        self, page: LoadPage | None, now: float, *, shedding: bool = False
    ) -> LoadReadings:
        if page is None:
            absent = self.server.page_reader.absent
            return LoadReadings(now, shedding=shedding, tells_no_load=absent)
        return LoadReadings(
            at=now,
            running=page.running,
            waiting=page.waiting,
            kv_usage=page.kv_usage,
            tokens=page.tokens,
            started=page.started,
            shedding=shedding,
            tells_no_load=page.waiting is None and page.kv_usage is None,
        )

    def _until(self, share: float) -> float:
        return self.began + current_trace().late + share * self.server.settings.timeout

    def _seen(self, reason: str, condition: Condition = Condition.NONE) -> Seen:
        server = self.server
        readings = InferenceReadings(self.load, server.identity, server.canaries)
        return Seen(reason, condition, readings)

    def _fail(
        self, reason: str, condition: Condition = Condition.NONE, *, responded: bool | None = None
    ) -> NoReturn:
        """`responded` None leaves it to what came back until now."""
        server = self.server
        seen = self._seen(reason, condition)
        server.identified_at = server.asked_at = -math.inf
        raise ProbeFailedError.of(
            seen, responded=has_responded() if responded is None else responded
        )


def _read(page: asyncio.Task[LoadPage | None]) -> LoadPage | None:
    """What is read of it so far."""
    return page.result() if page.done() and not page.cancelled() else None


def _telling(first: Answer | None, answer: Answer) -> Answer:
    """Of the refusals of several APIs the one that tells most: any, before an API not there."""
    if first is None or (api.is_absent(first) and not api.is_absent(answer)):
        return answer
    return answer if not first.detail and answer.detail and api.is_absent(first) else first


def _names_any(identity: Identity, model: str) -> bool:
    """Whether a list names no model in particular: a gateway's pattern, or "unknown".

    sglang-router lists a worker whose model it could not find out as "unknown".
    """
    return any(
        name == "unknown" or ("*" in name and fnmatchcase(model, name)) for name in identity.models
    )
