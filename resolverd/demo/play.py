"""The whole demo, from an empty stage to the last line; and what a signal does to it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from resolverd.config.load import Override
from resolverd.demo.events import Failing, Staying
from resolverd.demo.failing import begin, fail_and_mend
from resolverd.demo.script import Scene, in_order
from resolverd.demo.setting import load_setting
from resolverd.demo.stage import Stage, staged
from resolverd.demo.story import kill_and_return, open_scene
from resolverd.demo.watching import Tell
from resolverd.errors import ExitCode, ResolverdError


class InterruptedDemoError(ResolverdError):
    """A signal came before the demo had verified itself."""


async def play(
    path: Path,
    overrides: Sequence[Override],
    *,
    port: int | None,
    stay: bool,
    script: Sequence[Scene],
    tell: Tell,
) -> ExitCode:
    """Run the demo; with `stay`, until SIGINT or SIGTERM, which then end it well.

    Without a `script` of faults it kills a region, or with `stay` leaves them alone.

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
        return await _play(path, overrides, port, stay, script, tell)
    except asyncio.CancelledError:
        if not signals:
            raise
        if stay:
            return ExitCode.OK
        raise InterruptedDemoError(f"the demo was ended by {signals[0].name}") from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _play(
    path: Path,
    overrides: Sequence[Override],
    port: int | None,
    stay: bool,
    script: Sequence[Scene],
    tell: Tell,
) -> ExitCode:
    began = time.monotonic()
    setting = load_setting(path, overrides, port)
    regions = setting.loaded.config.region
    scenes = in_order(script, {name: setting.kind_of_probe(name) for name in regions})
    async with staged(setting, overrides) as stage:
        await stage.settle()
        answers = await open_scene(stage, began, tell)
        if stay:
            tell(Staying(str(path), stage.fleet.processes[0].control))
            return await _stay(stage, scenes, tell)
        if scenes:
            await fail_and_mend(stage, answers, scenes, tell)
        else:
            await kill_and_return(stage, answers, tell)
    return ExitCode.OK


async def _stay(stage: Stage, scenes: Sequence[Scene], tell: Tell) -> ExitCode:
    """Until a signal; the faults begin in their time and do not end."""
    began = time.monotonic()
    for scene in scenes:
        await asyncio.sleep(began + scene.at - time.monotonic())
        await begin(stage, scene)
        fault, at = scene.fault, round(time.monotonic() - began, 1)
        tell(Failing(at, scene.region, fault, fault.meaning, fault.withdraws, ()))
    return await stage.daemon.wait()
