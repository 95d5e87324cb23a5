"""A cluster followed into its fragment, once or until a signal.

    a change ─► a moment, in which a burst of changes ends ─► written, held or refused

What was refused or held is looked at again after a while: files may have been mended meanwhile.
Before a fragment is believed to have lost everything, the API server is asked for everything.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from resolverd import log
from resolverd.errors import ExitCode, ResolverdError
from resolverd.kube.entry_points import LeftOut
from resolverd.kube.watch import Watched
from resolverd.kube.writing import Outcome, Writer
from resolverd.signals import PROCESS
from resolverd.systemd import Supervisor

# Seconds in which a burst of changes ends: a controller writes several conditions, one by one.
SETTLE = 0.5
# Seconds until it is looked at again: what was refused, held or failed; and all else, for zones may
# have given a hostname to a service.
_MEND, _LOOK = 30.0, 600.0


class Following:
    """Follows `watched` into what `writer` writes; `tell` is given each outcome that is news."""

    def __init__(self, watched: Watched, writer: Writer, tell: Callable[[Outcome], None]) -> None:
        self._watched, self._writer, self._tell = watched, writer, tell
        self._changed = asyncio.Event()
        self._last: Outcome | None = None
        self._left_out: frozenset[LeftOut] = frozenset()
        self._failing = ""
        self._log = log.get("kube")

    async def run(self, supervisor: Supervisor) -> ExitCode:
        """Follow until SIGTERM."""
        stopping = asyncio.Event()
        PROCESS.follow(asyncio.get_running_loop(), stopping.set, self._watched.list_again)
        supervisor.ready("listing the cluster")
        work: list[asyncio.Task[None]] = [
            asyncio.create_task(self._watched.follow(self._changed.set)),
            asyncio.create_task(self._keep(supervisor)),
        ]
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([*work, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in work:
                if task.done():  # by a defect: the service manager begins it again
                    task.result()
        finally:
            supervisor.stopping()
            for task in work:
                task.cancel()
            stopped.cancel()
            await asyncio.gather(*work, stopped, return_exceptions=True)
        return ExitCode.OK

    async def _keep(self, supervisor: Supervisor) -> None:
        while True:
            if self._watched.lists:
                self._changed.clear()
                await self._take()
                supervisor.status(self._status)
            pause = _LOOK if self._sound else _MEND
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), pause)
                await asyncio.sleep(SETTLE)

    async def _take(self) -> None:
        """One look: everything is listed anew before all of the fragment is believed to be lost."""
        lists = self._watched.lists
        try:
            outcome = await self._writer.take(self._watched.cluster)
            if outcome.state == "held" and (self._last is None or self._last.state != "held"):
                self._watched.list_again()
                while self._watched.lists == lists:
                    self._changed.clear()
                    await self._changed.wait()
                outcome = await self._writer.take(self._watched.cluster)
        except ResolverdError as error:
            if str(error) != self._failing:
                self._log.error("kube.unwritable", reason=str(error))
            self._failing = str(error)
            return
        self._failing = ""
        self._report(outcome)

    def _report(self, outcome: Outcome) -> None:
        for each in sorted(set(outcome.left_out) - self._left_out):
            self._log.warning(
                "kube.left_out", kube_object=each.object, reason=each.reason, hint=each.hint
            )
        self._left_out = frozenset(outcome.left_out)
        last = self._last
        news = last is None or (outcome.state, outcome.problems) != (last.state, last.problems)
        doubted = outcome.problems and (last is None or outcome.problems != last.problems)
        self._last = outcome
        if outcome.state == "written":
            endpoints = len(outcome.fragment.endpoints) if outcome.fragment else 0
            self._log.info("kube.written", endpoint_count=endpoints)
        if outcome.state in ("written", "unchanged"):
            if doubted:
                self._log.warning("kube.doubtful", reason=_reason(outcome))
        elif outcome.state == "held" and news:
            self._log.error("kube.held", reason=_reason(outcome))
        elif outcome.state == "refused" and news:
            self._log.error("kube.refused", reason=_reason(outcome))
        if news or outcome.state == "written":
            self._tell(outcome)

    @property
    def _sound(self) -> bool:
        return not self._failing and (
            self._last is not None and self._last.state in ("written", "unchanged")
        )

    @property
    def _status(self) -> str:
        if self._failing or self._last is None:
            return self._failing or "listing the cluster"
        endpoints = len(self._last.fragment.endpoints) if self._last.fragment else 0
        return f"{endpoints} endpoints, {self._last.state}"


def _reason(outcome: Outcome) -> str:
    return "\n".join(map(str, outcome.problems))
