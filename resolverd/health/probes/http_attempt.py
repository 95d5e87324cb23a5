"""One probe of kind http over a plain socket: an exchange, its deadline, and what it says.

Where the response is odd a task reads on (`plain_client.read_on`), within what is left of the time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from resolverd.health.outcome import Condition, Outcome
from resolverd.health.patience import Patience, first_step
from resolverd.health.probes.known_response import MAX_KNOWN, KnownResponse
from resolverd.health.probes.plain_client import PlainClient, note, read_on, response_of
from resolverd.health.probes.plain_exchange import Exchange
from resolverd.health.probes.run import Ended, Seen, failure, outcome_of, run_task
from resolverd.health.probes.trace import Trace

if TYPE_CHECKING:
    from resolverd.health.probes.http import HttpAsk

MAX_READ = 64 * 1024
_NO_CONDITION = Condition.NONE


class HttpAttempt(Exchange):
    """Begins at once; `tell(self, outcome)` is called later, and not once it is cancelled."""

    task: asyncio.Task[Outcome] | None = None
    _cancelled = False
    _patience: Patience | None = None
    _known: Seen | None = None  # what the response says, where it is the one before again

    def __init__(
        self, ask: HttpAsk, client: PlainClient, address: str, within: float, tell: Ended
    ) -> None:
        assert ask.plain is not None
        super().__init__(client.poller, ask.plain, MAX_READ, ask.wants)
        self._ask, self._within, self._tell = ask, within, tell
        self._timers = client.timers
        self._deadline = client.timers.after(first_step(within), self.began, self._look)
        try:
            self.start(address)
        except OSError as error:
            asyncio.get_running_loop().call_soon(self._fail, error)

    def cancel(self) -> None:
        """End it; nobody is told any more."""
        self._cancelled = True
        self._deadline.cancel()
        self.close()  # unless the task has the socket, which may not have begun
        if self.task is not None:
            self.task.cancel()

    def ended(self) -> None:
        """There is a response, or none, or one for a task to read."""
        if self.odd:
            self._deadline.cancel()
            self._read_on()
            return
        try:
            seen = self._known or self._judged()
        except Exception as error:  # noqa: BLE001 - told apart by whoever hears of it
            self._fail(error)
            return
        self._cancelled = True
        self._deadline.cancel()
        latency = time.monotonic() - self.began
        self._tell(
            self,
            Outcome(True, seen.reason, latency, _NO_CONDITION, True, None, False, self.connect),
        )

    def _take(self, data: bytes) -> None:
        """As of all exchanges, but a response that is known is not parsed again."""
        known = self._ask.known
        if known is not None and not self._reads and known[0].again(data):
            self._known = known[1]
            self._end()
        else:
            super()._take(data)

    def _judged(self) -> Seen:
        """What the response says. Raises where that is no good, and where there is none."""
        head, octets = self.head, self.received
        if head is None or self.error is not None:
            return self._ask.judged(*response_of(self))
        seen = self._ask.judged(head.status, self.body)
        if self._reads == 1 and isinstance(octets, bytes) and len(octets) <= MAX_KNOWN:
            self._ask.known = KnownResponse(octets, head.end), seen
        return seen

    def _look(self) -> None:
        """Whether time is left; what has come before the end of it is read before it is over."""
        patience = self._patience
        if patience is None:
            patience = self._patience = Patience(self.began, self._within)
        if patience.goes_on(time.monotonic()):
            self._deadline = self._timers.at(patience.due, self._look)
            return
        self.poller.catch_up()
        if not self.odd:
            self._fail(TimeoutError())

    def _fail(self, error: Exception) -> None:
        if self._cancelled:
            return
        trace = self._trace()
        try:
            seen, responded = failure(error, trace, self._within)
        except Exception as defect:  # noqa: BLE001 - of ours, and shown whole by whoever hears of it
            self._end_with(defect)
        else:
            self._end_with(outcome_of(seen, trace, self.began, ok=False, responded=responded))

    def _read_on(self) -> None:
        async def rest() -> Seen:
            response = await read_on(self)
            return self._ask.judged(response.status, response.body)

        trace, patience = self._trace(), self._patience or Patience(self.began, self._within)
        patience.goes_on(time.monotonic())
        trace.late = patience.late
        self.task = asyncio.create_task(run_task(rest, self._within, began=self.began, trace=trace))
        self.task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[Outcome]) -> None:
        if not task.cancelled():
            self._end_with(task.exception() or task.result())

    def _trace(self) -> Trace:
        trace = Trace()
        note(trace, self)
        return trace

    def _end_with(self, outcome: Outcome | BaseException) -> None:
        self.cancel()
        if isinstance(outcome, Outcome | Exception):
            self._tell(self, outcome)
