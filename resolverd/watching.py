"""A reload after every edit of a file that was read, once the edit is finished.

Tables of round-trip times are weighed again by themselves where they have aged, by a reload too.

The files are scanned every `POLL` seconds, and soon after a notification; `settling` decides when
they have rested for `server.settle`. What was found is handed to the reload, which adopts nothing
else. Nothing that a file system does ends this: what cannot be scanned is an event, and is scanned
again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

from resolverd import log
from resolverd.adoption import Adoption
from resolverd.files.notifications import Notifications
from resolverd.files.reading import SECRETS, THREADS, Reads
from resolverd.files.scanning import Scan, Scanner
from resolverd.files.settling import EditState, PendingEdit, differing, edit_state
from resolverd.files.threads import HangingError

POLL = 2.0
"""Seconds between scans while nothing is notified: how late an edit is seen without inotify."""

# Seconds between scans at least, and as a multiple of what the last one took: scans take at most a
# twentieth of the time.
_GAP, _REST = 0.1, 20.0
# Seconds after which a failed watch is tried again.
_WATCH_AGAIN = 60.0
# Seconds for which an edit may be unsettled before that is an event, and between such events.
_LONG, _LONG_AGAIN = 30.0, 300.0
# Seconds between reloads at least that no edit asked for, because tables have aged.
_WEIGH_AGAIN = 60.0


class Watching:
    """The files of what `adoption` serves, watched by `keep`; `hanging` do not answer."""

    def __init__(self, adoption: Adoption) -> None:
        self.enabled, self.settle = True, 0.0
        self._adoption = adoption
        self._scanner = Scanner()
        self._pending: PendingEdit | None = None
        self._pending_reported_at = 0.0
        self._attempt: Reads | None = None
        self._tried: dict[str, str] = {}
        self._hint = asyncio.Event()
        self._notified, self._polling = False, ""
        self._watch_again = self._weigh_again = 0.0
        self._gap = _GAP
        self._log = log.get("edits")

    @property
    def method(self) -> str:
        """How edits are noticed: ``inotify``, ``polling``, or ``""`` where they are not."""
        if not self.enabled:
            return ""
        return "inotify" if self._notified else "polling"

    @property
    def unsettled(self) -> Sequence[str]:
        """The files, sorted, that differ from what is served and have not settled yet."""
        return differing(self._pending.found, self._tried) if self._pending else []

    @property
    def hanging(self) -> Sequence[str]:
        """The paths at which threads hang now: their file system does not answer."""
        return (*THREADS.hanging, *SECRETS.hanging)

    async def keep(self) -> None:
        """Watch and reload until cancelled. Raises nothing else: a defect is an event."""
        notifications = Notifications(self._hint.set, self._note_watch)
        hanging: tuple[str, ...] = ()
        defect = ""
        try:
            while True:
                pause = POLL
                try:
                    pause = await self._scan_and_reload(notifications)
                    defect = ""
                except HangingError:
                    pause = _GAP  # the next scan leaves out what hangs
                except Exception as error:  # noqa: BLE001 - answers do not need this task
                    if repr(error) != defect:
                        self._log.error("edits.defect", exc_info=error)
                    defect = repr(error)
                hanging = self._report_hanging(hanging)
                await self._pause(pause)
        finally:
            notifications.close()

    async def _scan_and_reload(self, notifications: Notifications) -> float:
        """Scan once, and reload if an edit is finished; seconds until the next round at most."""
        server = (await self._adoption.settled()).config.server
        self.enabled, self.settle = server.watch, server.settle
        if not self.enabled:
            self._pending = None
            notifications.close()
            return POLL
        attempt = self._adoption.attempt
        began = time.monotonic()
        scan = await self._scan(attempt)
        now = time.monotonic()
        self._follow(notifications, scan, now)
        self._note_attempt(attempt, scan)
        self._pending, edit = edit_state(self._pending, scan.files, self._tried, now, self.settle)
        self._report_pending(now)
        if edit is EditState.SETTLED and not await self._adopt(scan):
            return _GAP
        if edit is not EditState.SETTLED:
            await self._weigh_aged(scan, now)
        self._gap = max(_GAP, _REST * (now - began))
        poll = max(POLL, self._gap)
        if self._pending is None:
            return poll
        return min(poll, max(_GAP, self._pending.since + self.settle - time.monotonic()))

    async def _scan(self, attempt: Reads) -> Scan:
        served = self._adoption.inputs.reads
        if attempt is not self._attempt:
            self._scanner.learn(attempt)
        names = {**served.seen, **attempt.seen}
        globs = served.globs | attempt.globs
        return await THREADS.call(lambda step: self._scanner.scan(names, globs, step))

    def _note_attempt(self, attempt: Reads, scan: Scan) -> None:
        """Reckon with a reload since the last scan, whoever asked for it."""
        if attempt is self._attempt:
            return
        self._attempt = attempt
        if unsettled := attempt.unsettled():
            self._scanner.reread_always(unsettled)
            return
        self._scanner.reread_on_change()
        if attempt.asked_for:
            # A file that it no longer read is not known to hold what it held, once it is back.
            self._tried = {}
        self._tried |= {path: seen.content for path, seen in attempt.seen.items()}
        self._tried |= attempt.unlisted
        for path in attempt.matched - attempt.seen.keys():
            # Read under another name, or not meant: what it holds made no difference.
            if path in scan.files:
                self._tried[path] = scan.files[path].content

    async def _adopt(self, scan: Scan) -> bool:
        """Whether that was an edit: False if the load met what had not settled."""
        settled = {path: seen.content for path, seen in scan.files.items()}
        await self._adoption.reload(settled=settled)
        if self._adoption.attempt.unsettled():
            self._pending = self._pending and self._pending._replace(since=time.monotonic())
            return False
        self._tried, self._pending = settled, None
        return True

    async def _weigh_aged(self, scan: Scan, now: float) -> None:
        """Reload where no file has changed and the tables have aged."""
        due = self._adoption.inputs.tables.is_due(time.time())
        if due and self._pending is None and now >= self._weigh_again:
            self._weigh_again = now + _WEIGH_AGAIN
            await self._adopt(scan)

    def _follow(self, notifications: Notifications, scan: Scan, now: float) -> None:
        if self._notified or now >= self._watch_again:
            self._watch_again = now + _WATCH_AGAIN
            notifications.follow(scan.directories)

    def _note_watch(self, reason: str) -> None:
        """Directories are watched; or, with a reason, are scanned only."""
        if reason and reason != self._polling:
            self._log.warning("edits.polling", reason=reason, interval_seconds=POLL)
        elif self._polling and not reason:
            self._log.info("edits.notified")
        self._notified, self._polling = not reason, reason

    def _report_pending(self, now: float) -> None:
        if self._pending is None:
            self._pending_reported_at = 0.0
        elif (
            now - max(self._pending.began, self._pending_reported_at - _LONG + _LONG_AGAIN) >= _LONG
        ):
            self._pending_reported_at = now
            self._log.warning(
                "edits.unsettled",
                files=list(self.unsettled),
                seconds=round(now - self._pending.began),
                settle_seconds=self.settle,
            )

    def _report_hanging(self, before: tuple[str, ...]) -> tuple[str, ...]:
        hanging = (*THREADS.hanging, *SECRETS.hanging)
        for path in sorted({*hanging} - {*before}):
            self._log.error("edits.hanging", file=path, limit_seconds=THREADS.limit)
        for path in sorted({*before} - {*hanging}):
            self._log.info("edits.answering", file=path)
        return hanging

    async def _pause(self, seconds: float) -> None:
        """Until something is noticed, but no scan follows another at once."""
        gap = min(self._gap, seconds)
        await asyncio.sleep(gap)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds - gap):
                await self._hint.wait()
        self._hint.clear()
