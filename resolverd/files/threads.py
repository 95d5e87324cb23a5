"""Work on files in threads that can be left behind, since a hanging file system cannot be left.

A call that waits for a dead NFS server or FUSE process cannot be interrupted, only killed with
the process. So such calls are made in daemon threads; work says before each call which path it is
about, and whoever waits for it gives up once one call takes longer than the limit. While a thread
hangs at a path, all of the same directory are refused at once, and once too many threads hang, all
are: what hangs costs a bounded number of threads.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from resolverd.precedence import work_in_background

# Loaded by whoever has an event loop: a start reads its databases before that.
if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
Step = Callable[[str], None]
"""Called with the path that is about to be touched, a directory's with a slash at its end.

Raises HangingError if others hang in the same directory.
"""

STEP_LIMIT = 5.0
"""Seconds that one call may take. A smaller limit refuses files of a disk that has to spin up; a
larger one delays a start, and a reload, for as long as the limit."""

MAX_HANGING = 8
"""Threads that may hang before all work on files is refused; each costs a stack until it ends."""


class HangingError(TimeoutError):
    """A file, or the file system that it lies on, does not answer."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(errno.ETIMEDOUT, message, path)


class NoThreadError(OSError):
    """No thread can be started (TasksMax= of a unit): the work was not begun, and never will be."""

    def __init__(self) -> None:
        super().__init__(errno.EAGAIN, "no thread can be started")


class _LeftBehindError(Exception):
    """Ends work that nobody waits for any more."""


class _Job:
    """One piece of work: where it is, since when (monotonic seconds), and what came of it."""

    def __init__(self, work: Callable[[Step], Any], finished: Callable[[], object]) -> None:
        self.work, self.finished = work, finished
        self.path, self.since = "", time.monotonic()
        self.done = self.left_behind = self.late = False
        self.result: Any = None
        self.error: BaseException | None = None

    def outcome(self) -> Any:
        """What the work returned, or raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.result


class FileThreads:
    """Threads for work on files; `limit` is in seconds and for each call."""

    def __init__(self, limit: float = STEP_LIMIT, max_hanging: int = MAX_HANGING) -> None:
        self.limit, self._max_hanging = limit, max_hanging
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def run(self, work: Callable[[Step], T]) -> T:
        """What `work` returns. Not for an event loop.

        Raises HangingError, NoThreadError, or what it raises.
        """
        finished = threading.Lock()  # half the time of an Event, for thousands of files
        finished.acquire()
        job = self._submit(work, finished.release)
        while not finished.acquire(timeout=self._remaining(job)):
            self._give_up_if_late(job)
        result: T = job.outcome()
        return result

    def run_with(self, descriptor: int, work: Callable[[Step, int], T]) -> T:
        """`run`, with a descriptor of the work's own for the same file, which is closed after it.

        With the caller's a thread that is left behind would go on with whatever came after that.
        """
        own = os.dup(descriptor)

        def owning(step: Step) -> T:
            try:
                return work(step, own)
            finally:
                os.close(own)

        try:
            return self.run(owning)
        except NoThreadError:
            os.close(own)
            raise

    async def call(self, work: Callable[[Step], T]) -> T:
        """`run` for an event loop, which goes on meanwhile."""
        import asyncio

        loop, finished = asyncio.get_running_loop(), asyncio.Event()
        job = self._submit(work, lambda: _post(loop, finished.set))
        try:
            while not finished.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._remaining(job)):
                        await finished.wait()
                if not finished.is_set():
                    self._give_up_if_late(job)
        except asyncio.CancelledError:
            self._leave(job)
            raise
        result: T = job.outcome()
        return result

    @property
    def hanging(self) -> tuple[str, ...]:
        """The paths at which threads hang now, sorted."""
        return tuple(sorted(set(self._hanging())))

    def refuses(self, path: str) -> bool:
        """Whether work at `path` is refused now: something hangs beside it, or too much does."""
        try:
            self._refuse_where_others_hang(path)
        except HangingError:
            return True
        return False

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[_Job]] = []
        self._left: set[_Job] = set()

    def _submit(self, work: Callable[[Step], Any], finished: Callable[[], object]) -> _Job:
        job = _Job(work, finished)
        with self._lock:
            queue = self._idle.pop() if self._idle else None
        if queue is None:
            queue = SimpleQueue()
            thread = threading.Thread(target=self._serve, args=(queue,), name="files", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise NoThreadError from error
        queue.put(job)
        return job

    def _serve(self, queue: SimpleQueue[_Job]) -> None:
        while True:
            self._perform(queue.get())
            with self._lock:
                self._idle.append(queue)

    def _perform(self, job: _Job) -> None:
        try:
            job.result = job.work(lambda path: self._step(job, path))
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for it
            job.error = error
        with self._lock:
            job.done = True
            self._left.discard(job)
        job.finished()

    def _step(self, job: _Job, path: str) -> None:
        if job.left_behind:
            raise _LeftBehindError
        if self._left:
            self._refuse_where_others_hang(path)
        job.path, job.since = path, time.monotonic()

    def _refuse_where_others_hang(self, path: str) -> None:
        directory = os.path.dirname(path)  # noqa: PTH120 - text alone
        hanging = self._hanging()
        for other in hanging:
            if os.path.dirname(other) == directory:  # noqa: PTH120
                raise HangingError(path, f"it is not tried while {other} does not answer")
        if len(hanging) >= self._max_hanging:
            raise HangingError(path, f"it is not tried while {len(hanging)} files do not answer")

    def _hanging(self) -> list[str]:
        """Where each thread hangs; work that was cancelled does not before the limit."""
        with self._lock:
            return [job.path for job in self._left if job.late or self._remaining(job) <= 0]

    def _remaining(self, job: _Job) -> float:
        return max(0.0, job.since + self.limit - time.monotonic())

    def _give_up_if_late(self, job: _Job) -> None:
        """Raises HangingError if `job` has been at one path for longer than the limit."""
        if self._remaining(job) > 0 or not self._leave(job):
            return
        job.late = True
        raise HangingError(job.path, f"it does not answer within {self.limit:g} s")

    def _leave(self, job: _Job) -> bool:
        """Wait for `job` no longer; False if it is done."""
        with self._lock:
            if not job.done:
                job.left_behind = True
                self._left.add(job)
            return not job.done


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin `work` in a daemon thread of its own; who calls the result has what comes of it."""
    from concurrent.futures import Future

    future: Future[T] = Future()
    context = copy_context()

    def body() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for it
            future.set_exception(error)

    threading.Thread(target=body, name="beside", daemon=True).start()
    return future.result


async def detached(work: Callable[[], T], *, background: bool = True) -> T:
    """What `work` returns, from a daemon thread of its own, which a cancelled caller leaves behind.

    Unlike `asyncio.to_thread`'s, no thread is waited for when the process ends. It stands behind
    the event loop, and behind what answers, unless somebody waits for it: `background` False.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def end(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def body() -> None:
        if background:
            work_in_background()
        try:
            result = context.run(work)
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            outcome: tuple[T | None, BaseException | None] = (None, error)
        else:
            outcome = (result, None)
        _post(loop, lambda: end(*outcome))

    threading.Thread(target=body, name="load", daemon=True).start()
    return await future


def _post(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(call)
