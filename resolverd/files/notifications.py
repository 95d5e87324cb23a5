"""Notifications of changes in directories, by inotify(7), where that can be had.

It only says when to scan: what it does not notice, or cannot watch, the next scan finds. The
watch runs in a daemon thread, for even adding one to a directory that hangs does not return.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence

import watchfiles

# Milliseconds without a further change that end a burst, and the longest that a burst may last. A
# burst is one scan: smaller figures cost scans, larger ones delay an edit.
QUIET_MS, BURST_MS = 50, 500
# Milliseconds of quiet after which a watch is known to work.
_PROOF_MS = 500
# Watches that have been stopped and do not end; with more than these, edits are polled for.
_MAX_ENDING = 3

Directories = Mapping[str, tuple[int, int]]


class _Watch:
    """One watch in a thread of its own. `over` is set when the thread has ended."""

    def __init__(self) -> None:
        self.stop, self.over = threading.Event(), threading.Event()


class Notifications:
    """Calls `changed` in the running loop whenever something happens in the directories.

    `watched` is called there with ``""`` once they are watched, or with why they cannot be.
    """

    def __init__(self, changed: Callable[[], None], watched: Callable[[str], None]) -> None:
        self._changed, self._watched = changed, watched
        self._loop = asyncio.get_running_loop()
        self._directories: Directories = {}
        self._watch: _Watch | None = None
        self._ending: list[_Watch] = []

    @property
    def working(self) -> bool:
        """Whether a watch is under way; it may not have been proved yet."""
        return self._watch is not None and not self._watch.over.is_set()

    def follow(self, directories: Directories) -> None:
        """Watch these from now on; nothing while earlier watches hang."""
        if directories == self._directories and self.working:
            return
        self.close()
        self._ending = [watch for watch in self._ending if not watch.over.is_set()]
        if len(self._ending) > _MAX_ENDING:
            return
        self._directories, watch = directories, _Watch()
        thread = threading.Thread(
            target=self._run, args=(watch, sorted(directories)), name="inotify", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            self._watched(str(error))
        else:
            self._watch = watch

    def close(self) -> None:
        """End the watch without waiting for its thread; `follow` begins another."""
        if self._watch is not None:
            self._watch.stop.set()
            self._ending.append(self._watch)
        self._watch, self._directories = None, {}

    def _run(self, watch: _Watch, directories: Sequence[str]) -> None:
        try:
            # A directory that may be entered but not listed can be scanned, but not watched.
            listed = [path for path in directories if os.access(path, os.R_OK, effective_ids=True)]
            changes = watchfiles.watch(
                *listed,
                watch_filter=None,
                debounce=BURST_MS,
                step=QUIET_MS,
                stop_event=watch.stop,
                rust_timeout=_PROOF_MS,
                yield_on_timeout=True,
                recursive=False,
                raise_interrupt=False,
            )
            proved = False
            for burst in changes:
                if not proved:
                    self._post(lambda: self._watched(""))
                proved = True
                if burst:
                    self._post(self._changed)
        except Exception as error:  # noqa: BLE001 - whatever it is, scanning goes on
            reason = str(error)
            if not watch.stop.is_set():
                self._post(lambda: self._watched(reason))
        finally:
            watch.over.set()

    def _post(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(call)
