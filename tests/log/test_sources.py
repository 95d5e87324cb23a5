"""What libraries log, warn of, print and raise becomes events, and none of it waits."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from resolverd.log.sources import captured
from resolverd.log.stream import LineStream

RAW: list[str] = []
STREAM = LineStream(RAW.append, 2, terminal=False)


@pytest.fixture
def events() -> Iterator[list[Any]]:
    """The events made of what is written while a daemon runs."""
    with capture_logs() as made, captured(STREAM):
        yield made


def _named(events: list[Any], name: str) -> list[Any]:
    return [event for event in events if event["event"] == name]


def test_logging_becomes_events(events: list[Any]) -> None:
    library = logging.getLogger("a.library")
    library.info("not of interest")
    library.warning("odd: %d", 7)
    try:
        raise ValueError("wrong")
    except ValueError:
        library.exception("failed")
    record = logging.makeLogRecord({"levelno": logging.WARNING, "msg": "bad: %d", "args": ("x",)})
    (ours,) = (h for h in logging.getLogger().handlers if type(h).__module__ == captured.__module__)
    ours.handle(record)  # pytest's own handlers would raise
    (odd, bad) = _named(events, "library.warning")
    assert (odd["library"], odd["message"]) == ("a.library", "odd: 7")
    assert bad["message"] == "bad: %d"
    (failed,) = _named(events, "library.error")
    assert isinstance(failed["exc_info"][1], ValueError)


def test_warnings_become_events(events: list[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)  # catch_warnings has put its own in place
        warnings.warn("this is old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    assert any("this is old" in event["message"] for event in _named(events, "library.warning"))


def test_lines_that_are_printed_become_events_once_they_are_whole(events: list[Any]) -> None:
    print("one", file=STREAM)
    STREAM.write("a part")
    STREAM.flush()
    assert [event["message"] for event in _named(events, "library.printed")] == ["one"]
    STREAM.write(" of a line\nand")
    assert [event["message"] for event in _named(events, "library.printed")][1:] == [
        "a part of a line"
    ]


def test_what_is_printed_before_and_after_stays_as_it_is() -> None:
    RAW.clear()
    STREAM.write("\nresolverd.toml:1:1: wrong\n")
    assert RAW[-1] == "resolverd.toml:1:1: wrong\n"


def test_a_thread_that_ends_by_an_exception_is_an_event(events: list[Any]) -> None:
    def fails() -> None:
        raise ValueError("in a thread")

    thread = threading.Thread(target=fails, name="a test")
    thread.start()
    thread.join()
    (defect,) = _named(events, "thread.defect")
    assert defect["thread"] == "a test"


def test_what_a_finalizer_raises_is_an_event(events: list[Any]) -> None:
    class Fails:
        def __del__(self) -> None:
            raise ValueError("in a finalizer")

    Fails()
    gc.collect()
    assert _named(events, "finalizer.defect")


async def test_what_a_callback_or_a_forgotten_task_raises_is_an_event(events: list[Any]) -> None:
    async def fails() -> None:
        raise ValueError("forgotten")

    task = asyncio.create_task(fails())
    await asyncio.wait([task])
    del task
    gc.collect()
    asyncio.get_running_loop().call_soon(lambda: 1 // 0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    libraries = {event["library"] for event in _named(events, "library.error")}
    assert libraries == {"asyncio"}
    assert len(_named(events, "library.error")) == 2
