"""One probe of kind http over a plain socket: an exchange, its deadline, and what it says.

Where the response is odd a task reads on (`plain_client.read_on`), within what is left of the time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from resolverd.health.outcome import Condition, Outcome
from resolverd.health.probes.direct_attempt import DirectAttempt
from resolverd.health.probes.known_response import MAX_KNOWN, KnownResponse
from resolverd.health.probes.plain_client import PlainClient, read_on, response_of
from resolverd.health.probes.run import Ended, Seen, failure, outcome_of

if TYPE_CHECKING:
    from resolverd.health.probes.http import HttpAsk

MAX_READ = 64 * 1024
_NO_CONDITION = Condition.NONE


class HttpAttempt(DirectAttempt):
    """Begins at once; `tell(self, outcome)` is called later, and not once it is cancelled."""

    _known: Seen | None = None  # what the response says, where it is the one before again

    def __init__(
        self, ask: HttpAsk, client: PlainClient, address: str, within: float, tell: Ended
    ) -> None:
        assert ask.plain is not None
        super().__init__(client, ask.plain, MAX_READ, ask.wants, within, within, tell)
        self._ask = ask
        self.begin(address)

    def ended(self) -> None:
        """There is a response, or none, or one for a task to read."""
        if self.odd:
            self.go_on(self._rest)
            return
        if self.error is not None:
            self.failed(self.error)
            return
        try:
            seen = self._known or self._judged()
        except Exception as error:  # noqa: BLE001 - told apart by whoever hears of it
            self.failed(error)
            return
        self._cancelled = True
        self._deadline.cancel()
        latency = time.monotonic() - self.began
        self._told(
            self,
            Outcome(True, seen.reason, latency, _NO_CONDITION, True, None, False, self.connect),
        )

    def failed(self, error: Exception) -> None:
        """What an exchange shows that brought no good response."""
        trace = self.trace()
        try:
            seen, responded = failure(error, trace, self._within)
        except Exception as defect:  # noqa: BLE001 - of ours, and shown whole by whoever hears of it
            self.end_with(defect)
        else:
            self.end_with(outcome_of(seen, trace, self.began, ok=False, responded=responded))

    def _take(self, data: bytes | memoryview) -> None:
        """As of all exchanges, but a response that is known is not parsed again."""
        known = self._ask.known
        if known is not None and not self._reads and known[0].again(bytes(data)):
            self._known = known[1]
            self._end()
        else:
            super()._take(data)

    def _judged(self) -> Seen:
        """What the response says. Raises where that is no good, and where there is none."""
        head, octets = self.head, self.received
        if head is None:
            return self._ask.judged(*response_of(self))
        seen = self._ask.judged(head.status, self.body)
        if self._reads == 1 and isinstance(octets, bytes) and len(octets) <= MAX_KNOWN:
            self._ask.known = KnownResponse(octets, head.end), seen
        return seen

    async def _rest(self) -> Seen:
        response = await read_on(self)
        return self._ask.judged(response.status, response.body)
