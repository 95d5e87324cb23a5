"""The whole demo: start the environment, run a scenario, stop; and what a signal does to it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from resolverd.config.load import SetOption
from resolverd.demo.config_overlay import load_config_overlay
from resolverd.demo.environment import Environment, running_environment
from resolverd.demo.events import Failing, Staying
from resolverd.demo.fault_scenario import begin, fail_and_recover
from resolverd.demo.scenario import kill_and_return, show_placements
from resolverd.demo.schedule import ScheduledFault, checked_schedule
from resolverd.demo.watching import Emit
from resolverd.errors import ExitCode, ResolverdError


class InterruptedDemoError(ResolverdError):
    """A signal came before the demo had verified itself."""


async def run_demo(
    path: Path,
    overrides: Sequence[SetOption],
    *,
    port: int | None,
    stay: bool,
    schedule: Sequence[ScheduledFault],
    emit: Emit,
) -> ExitCode:
    """Run the demo; with `stay`, until SIGINT or SIGTERM, which then end it well.

    Without a `schedule` of faults it kills a region, or with `stay` leaves them alone.

    Raises ResolverdError: nothing could be started, or a promise was not kept.
    """
    task = asyncio.current_task()
    assert task is not None
    signals: list[signal.Signals] = []

    def on_signal(number: signal.Signals) -> None:
        signals.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await _run_scenario(path, overrides, port, stay, schedule, emit)
    except asyncio.CancelledError:
        if not signals:
            raise
        if stay:
            return ExitCode.OK
        raise InterruptedDemoError(f"the demo was ended by {signals[0].name}") from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _run_scenario(
    path: Path,
    overrides: Sequence[SetOption],
    port: int | None,
    stay: bool,
    schedule: Sequence[ScheduledFault],
    emit: Emit,
) -> ExitCode:
    began = time.monotonic()
    overlay = load_config_overlay(path, overrides, port)
    regions = overlay.loaded.config.region
    faults = checked_schedule(schedule, {name: overlay.kind_of_probe(name) for name in regions})
    async with running_environment(overlay, overrides) as environment:
        await environment.wait_until_steady()
        answers = await show_placements(environment, began, emit)
        if stay:
            emit(Staying(str(path), environment.regions.processes[0].control))
            return await _stay(environment, faults, emit)
        if faults:
            await fail_and_recover(environment, answers, faults, emit)
        else:
            await kill_and_return(environment, answers, emit)
    return ExitCode.OK


async def _stay(environment: Environment, faults: Sequence[ScheduledFault], emit: Emit) -> ExitCode:
    """Until a signal; the faults begin in their time and do not end."""
    began = time.monotonic()
    for scheduled in faults:
        await asyncio.sleep(began + scheduled.at - time.monotonic())
        await begin(environment, scheduled)
        fault, at = scheduled.fault, round(time.monotonic() - began, 1)
        emit(Failing(at, scheduled.region, fault, fault.meaning, fault.withdraws, ()))
    return await environment.daemon.wait()
