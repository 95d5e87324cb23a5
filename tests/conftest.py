"""What all tests share: how long properties are tried, what runs only when named, who runs it.

Properties are tried quickly by default, at length under HYPOTHESIS_PROFILE=fuzz. No profile has
a deadline: a busy machine is not a defect.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import structlog
from harness.schedule import ByFile, available_cores, slow_first, workers
from hypothesis import settings
from structlog.typing import EventDict
from xdist.remote import Producer

from resolverd.geo import embedded
from resolverd.log.events import EVENTS
from resolverd.log.fields import COMMON, FIELDS

# A real vLLM, gigabytes of it, and many minutes: `make test-vllm` names its folder. A real API
# server of Kubernetes, which is built first: `make test-kube`. Others, which somebody has to build.
_NAMED_ONLY = tuple(Path(__file__).parent / folder for folder in ("vllm", "kube_api", "servers"))

# The same examples in each run of a commit: one that passed passes. `make fuzz` is for chance.
settings.register_profile("quick", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, derandomize=False, max_examples=20_000)
_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
settings.load_profile(_PROFILE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what nobody named; None lets pytest decide."""
    named = any(collection_path.name in Path(argument).parts for argument in config.args)
    return True if collection_path in _NAMED_ONLY and not named else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items[:] = slow_first(items)


def pytest_collection_finish() -> None:
    """Have the garbage collector leave out what stays to the end: thousands of tests are much."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """More workers than cores: most tests wait for processes and clocks more than they compute."""
    return workers(available_cores()) if _PROFILE == "quick" else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """One worker for each file."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def embedded_database_is_unpacked_once() -> Iterator[None]:
    """It takes a quarter of a second, and every daemon without a database of its own has it."""
    unpack = embedded.content

    @cache
    def unpacked(_sha256: str) -> bytes:
        return unpack()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "content", lambda: unpacked(embedded.SHA256))
        yield


@pytest.fixture(autouse=True)
def log_events_are_as_declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is logged in this process has the fields of its declaration, each of its type."""
    wrong: list[str] = []
    add_log_level = structlog.processors.add_log_level

    def checked(logger: object, method: str, event: EventDict) -> EventDict:
        wrong.extend(_undeclared(event))
        return add_log_level(logger, method, event)

    monkeypatch.setattr(structlog.processors, "add_log_level", checked)
    yield
    assert not wrong, "; ".join(wrong)


@pytest.fixture(autouse=True)
def logging_is_put_back() -> Iterator[None]:
    """A verb that is run in this process says how its events are shown; the next test does not."""
    before = structlog.get_config() if structlog.is_configured() else None
    yield
    if before is not None:
        structlog.configure(**before)
    elif structlog.is_configured():
        structlog.reset_defaults()


def _undeclared(logged: EventDict) -> Iterator[str]:
    """What of an event is not as `EVENTS` and `FIELDS` declare it."""
    declared = EVENTS.get(logged["event"])
    if declared is None:
        return  # a test's own
    fields = {("exception" if name == "exc_info" else name): v for name, v in logged.items()}
    names = fields.keys() - COMMON.keys()
    if extra := names - declared.known:
        yield f"{declared.name}: fields that are not declared: {extra}"
    if lacking := set(declared.fields.split()) - names:
        yield f"{declared.name}: fields that are lacking: {lacking}"
    for name in names & FIELDS.keys() - {"exception"}:
        kind = (int, float) if FIELDS[name].kind is float else FIELDS[name].kind
        if fields[name] is not None and not isinstance(fields[name], kind):
            yield f"{declared.name}: {name} is {fields[name]!r}, no {FIELDS[name].kind.__name__}"
