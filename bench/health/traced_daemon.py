"""The daemon with what holds its loop timed: `python -m bench.health.traced_daemon FILE serve …`.

At its end FILE has, as JSON, with all times in monotonic seconds:

    spans   [begin, seconds, of these CPU, name] of each piece of work of the loop, and of each
            collection of garbage, that took LEAST or more
    marks   [time, what, target, began] on the way from failing probes to answers, in order: a probe
            has "failed" that "began" then; the daemon begins to "steer", "hands" a Steering to the
            engine, whose "thread" begins with it, and it is "served"

What is timed takes some microseconds more than else; the loop is the daemon's own.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import json
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from pathlib import Path
from typing import Any

from resolverd import loop
from resolverd.__main__ import main
from resolverd.engine.native import NativeEngine
from resolverd.health.probes.page_poller import PagePoller
from resolverd.health.probes.poller import Poller
from resolverd.health.timers import Timers
from resolverd.health.watch import Watch
from resolverd.observation import Observation
from resolverd.publication import Publication

LEAST = 0.0005

SPANS: list[tuple[float, float, float, str]] = []
MARKS: list[tuple[float, str, str, float]] = []


class _Step(Coroutine[Any, Any, Any]):
    """A coroutine of which each step is timed."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def send(self, value: Any) -> Any:
        return _timed(self._name, self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        return _timed(self._name, self._coroutine.throw, *error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Any:
        return self._coroutine.__await__()

    def _name(self) -> str:
        """Where it waits next: ``keep > republish:166``."""
        names, inner = [], self._coroutine
        while (code := getattr(inner, "cr_code", None)) is not None:
            line = f":{inner.cr_frame.f_lineno}" if inner.cr_frame else ""  # type: ignore[attr-defined]
            names.append(code.co_qualname + line)
            inner = inner.cr_await  # type: ignore[attr-defined]
        return "task " + " > ".join(names)


def _timed(name: Callable[[], str], work: Callable[..., Any], *arguments: Any) -> Any:
    began, used = time.monotonic(), time.thread_time()
    try:
        return work(*arguments)
    finally:
        took = time.monotonic() - began
        if took >= LEAST:
            SPANS.append((began, took, time.thread_time() - used, name()))


def _time_calls(owner: Any, method: str) -> None:
    work, name = getattr(owner, method), f"{owner.__name__}.{method}"

    def timed(*arguments: Any, **named: Any) -> Any:
        return _timed(lambda: name, lambda: work(*arguments, **named))

    setattr(owner, method, timed)


def _mark_calls(owner: Any, method: str, what: str, after: str = "") -> None:
    work = getattr(owner, method)

    def marked(*arguments: Any) -> Any:
        MARKS.append((time.monotonic(), what, "", 0.0))
        result = work(*arguments)
        if after:
            MARKS.append((time.monotonic(), after, "", 0.0))
        return result

    setattr(owner, method, marked)


def _mark_failures() -> None:
    finished = Watch._finished

    def marked(self: Watch, attempt: Any, ended: Any) -> None:
        if not getattr(ended, "ok", False):
            began = getattr(attempt, "began", 0.0)
            MARKS.append((time.monotonic(), "failed", self.target.url, began))
        finished(self, attempt, ended)

    Watch._finished = marked  # type: ignore[method-assign]


def _time_collections() -> None:
    began = [0.0, 0.0]

    def note(phase: str, info: Mapping[str, Any]) -> None:
        if phase == "start":
            began[:] = time.monotonic(), time.thread_time()
        elif (took := time.monotonic() - began[0]) >= LEAST:
            name = f"collection of generation {info['generation']}"
            SPANS.append((began[0], took, time.thread_time() - began[1], name))

    gc.callbacks.append(note)


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """As `resolverd.loop.run_loop` does."""

    def task(
        running: asyncio.AbstractEventLoop,
        made: Any,
        *,
        context: Context | None = None,
        **named: Any,
    ) -> asyncio.Task[Any]:
        return asyncio.Task(_Step(made), loop=running, context=context, **named)

    async def traced() -> Any:
        asyncio.get_running_loop().set_task_factory(task)
        return await asyncio.create_task(coroutine)

    with asyncio.Runner(loop_factory=loop.loop_factory()) as runner:
        return runner.run(traced())


def _write(path: Path) -> None:
    path.write_text(json.dumps({"spans": SPANS, "marks": MARKS}))


if __name__ == "__main__":
    atexit.register(_write, Path(sys.argv.pop(1)))
    loop.run_loop = _run  # type: ignore[assignment]
    for owner, method in (
        (Poller, "_turn"),
        (PagePoller, "_turn"),
        (Timers, "_run"),
        (Observation, "tick"),
    ):
        _time_calls(owner, method)
    _mark_calls(Publication, "republish", "steer")
    _mark_calls(NativeEngine, "publish", "hands")
    _mark_calls(NativeEngine, "_publish", "thread", "served")
    _mark_failures()
    _time_collections()
    raise SystemExit(main())
