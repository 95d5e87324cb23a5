"""The whole demo, from an empty stage to the last line; and what a signal does to it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from resolverd.config.load import Override
from resolverd.demo.events import Staying
from resolverd.demo.setting import load_setting
from resolverd.demo.stage import staged
from resolverd.demo.story import Tell, kill_and_return, open_scene
from resolverd.errors import ExitCode, ResolverdError


class InterruptedDemoError(ResolverdError):
    """A signal came before the demo had verified itself."""


async def play(
    path: Path, overrides: Sequence[Override], *, port: int | None, stay: bool, tell: Tell
) -> ExitCode:
    """Run the demo; with `stay`, until SIGINT or SIGTERM, which then end it well.

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
        return await _play(path, overrides, port, stay, tell)
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
    path: Path, overrides: Sequence[Override], port: int | None, stay: bool, tell: Tell
) -> ExitCode:
    began = time.monotonic()
    setting = load_setting(path, overrides, port)
    async with staged(setting, overrides) as stage:
        answers = await open_scene(stage, began, tell)
        if stay:
            tell(Staying(str(path)))
            return await stage.daemon.wait()
        await kill_and_return(stage, answers, tell)
    return ExitCode.OK
