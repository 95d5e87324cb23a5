"""One probe under way over a plain socket: an exchange, its deadline, and what goes on in a task.

Most probes have nothing to wait for but the one socket, and need no task. Where there is more to
wait for a task goes on from what has come, within what is left of the time (`go_on`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from resolverd.health.outcome import Outcome
from resolverd.health.probes.plain_client import PlainClient, note
from resolverd.health.probes.plain_exchange import Exchange
from resolverd.health.probes.plain_request import PlainRequest
from resolverd.health.probes.run import Ended, Seen, run_task
from resolverd.health.probes.trace import Trace
from resolverd.patience.steps import Patience, first_step


class DirectAttempt(Exchange):
    """Begins at once; `tell(self, outcome)` is called later, and not once it is cancelled.

    The probe may take `within` seconds, of which the exchange has `wait`. To be overridden:
    `ended`, which tells the outcome or goes on; and what becomes of an exchange that failed.
    """

    task: asyncio.Task[Outcome] | None = None
    _cancelled = _over = False
    _patience: Patience | None = None

    def __init__(
        self,
        client: PlainClient,
        request: PlainRequest,
        limit: int,
        wants: Callable[[int], bool] | None,
        within: float,
        wait: float,
        tell: Ended,
    ) -> None:
        super().__init__(client.poller, request, limit, wants)
        self._within, self._wait, self._told = within, wait, tell
        self._client, self._timers = client, client.timers
        self._deadline = client.timers.after(first_step(wait), self.began, self._look)

    def begin(self, address: str) -> None:
        """Connect to `address`; that this host cannot is told later, like any other failure."""
        try:
            self.start(address)
        except OSError as error:
            self.fail_to_begin(error)

    def failed(self, error: Exception) -> None:
        """The exchange has brought nothing: it could not begin, or its time is up."""
        raise NotImplementedError

    def cancel(self) -> None:
        """End it; nobody is told any more."""
        self._cancelled = True
        self._deadline.cancel()
        self.close()  # unless the task has the socket, which may not have begun
        if self.task is not None:
            self.task.cancel()

    def tell(self, outcome: Outcome) -> None:
        """This is what the probe saw; the exchange is over."""
        self._cancelled = True
        self._deadline.cancel()
        self._told(self, outcome)

    def end_with(self, outcome: Outcome | BaseException) -> None:
        """The same, whatever is still under way; or it is a defect of ours."""
        self.cancel()
        if isinstance(outcome, Outcome | Exception):
            self._told(self, outcome)

    def go_on(self, rest: Callable[[], Awaitable[Seen]]) -> None:
        """Let a task do the rest of the probe, in the time that is left of it."""
        assert self.task is None, "the rest is done once"
        self._deadline.cancel()
        trace, patience = self.trace(), self._patience or Patience(self.began, self._wait)
        if not self._over:
            patience.goes_on(time.monotonic())
        trace.late = patience.late
        self.task = asyncio.create_task(run_task(rest, self._within, began=self.began, trace=trace))
        self.task.add_done_callback(self._task_ended)

    def trace(self) -> Trace:
        """What the exchange has shown so far."""
        trace = Trace()
        note(trace, self)
        return trace

    def fail_to_begin(self, error: OSError) -> None:
        """Tell later that this host cannot even begin."""
        asyncio.get_running_loop().call_soon(self._tell_failure, error)

    def _tell_failure(self, error: OSError) -> None:
        if not self._cancelled:
            self.failed(error)

    def _look(self) -> None:
        """Whether time is left; what has come before the end of it is read before it is over."""
        patience = self._patience
        if patience is None:
            patience = self._patience = Patience(self.began, self._wait)
        if patience.goes_on(time.monotonic()):
            self._deadline = self._timers.at(patience.due, self._look)
            return
        behind = self._client.behind
        self._client.catch_up()
        if self.task is not None or self._cancelled:
            return
        if behind and self.look() and patience.again(time.monotonic()):
            self._deadline = self._timers.at(patience.due, self._look)
            return
        self._over = True
        if self.task is None and not self._cancelled:
            self.failed(TimeoutError())

    def _task_ended(self, task: asyncio.Task[Outcome]) -> None:
        if not task.cancelled():
            self.end_with(task.exception() or task.result())
