"""Whether the daemon is alive: that it serves, that it steers, and that it probes on time.

What fails beside that makes it degraded: it answers, and somebody should look.
"""

from __future__ import annotations

import asyncio
import time

from resolverd.admin.kept import kept_troubles
from resolverd.admin.served import Served
from resolverd.errors import EngineError

# Seconds for the engine's answer to itself, which takes milliseconds while every worker is well:
# less takes a busy host for a dead engine, more reports a stuck one later.
TIMEOUT = 3.0


async def faults(served: Served) -> list[str]:
    """What is dead or stuck, in words; empty while all is well."""
    found = []
    if served.engine.died.done():
        found.append("the engine has died")
    else:
        try:
            async with asyncio.timeout(TIMEOUT):
                await served.engine.check()
        except TimeoutError:
            found.append(f"the engine has not answered for {TIMEOUT:g} s")
        except EngineError as error:
            found.append(str(error))
    found += served.tasks.failing(vital=True)
    late = served.monitor.late(time.monotonic())
    if late:
        found.append(f"probes are not started when they are due: {', '.join(late[:5])}")
    return found


def degraded(served: Served) -> list[str]:
    """What fails that answers do not need, in words; empty while all is well."""
    fleet = [] if served.fleet is None else served.fleet.troubles()
    return [*kept_troubles(served), *fleet, *served.tasks.failing(vital=False)]
