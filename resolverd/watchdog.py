"""The watchdog: tell the supervisor that all is alive, only while all can prove it.

A proof is a coroutine that ends, with "" or with what is wrong. One that has not ended when
it is time to tell is a fault as well, and it is waited for, not asked again: what hangs is
not made to hang twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from resolverd import log
from resolverd.errors import ResolverdError

Proof = Callable[[], Coroutine[Any, Any, str]]

# A round takes a pause and at most as long for the proofs. With 4, two rounds fit the interval, so
# that one lost beat does not kill the daemon; more would give the proofs less time each.
_PAUSES_PER_INTERVAL = 4


class Watchdog:
    """Asks every proof again and again, and calls `beat` each time that none has a fault.

    `interval` is the seconds after which the supervisor restarts a daemon without a beat;
    `pause` and `timeout`, in seconds too, are parts of it. `faults` are the last round's, by proof.
    """

    def __init__(
        self, interval: float, proofs: Mapping[str, Proof], beat: Callable[[], None]
    ) -> None:
        self.pause = self.timeout = interval / _PAUSES_PER_INTERVAL
        self.faults: dict[str, str] = {}
        self._proofs, self._beat = proofs, beat
        self._asked: dict[str, asyncio.Task[str]] = {}
        self._log = log.get("watchdog")

    async def run(self) -> None:
        """Ask and beat every `pause` seconds until cancelled."""
        try:
            while True:
                await self.ask()
                await asyncio.sleep(self.pause)
        finally:
            for task in self._asked.values():
                task.cancel()

    async def ask(self) -> None:
        """Ask every proof once, for `timeout` seconds at most; beat if none finds fault."""
        for name, prove in self._proofs.items():
            if name not in self._asked:
                self._asked[name] = asyncio.create_task(prove(), name=f"proof of {name}")
        if self._asked:
            await asyncio.wait(self._asked.values(), timeout=self.timeout)
        faults = {name: fault for name in self._proofs if (fault := self._fault(name))}
        if faults and faults != self.faults:
            self._log.error("watchdog.withheld", problems=_lines(faults))
        elif self.faults and not faults:
            self._log.info("watchdog.resumed", problems=_lines(self.faults))
        self.faults = faults
        if not faults:
            self._beat()

    def _fault(self, name: str) -> str:
        task = self._asked[name]
        if not task.done():
            return f"no answer within {self.timeout:g} s"
        del self._asked[name]
        error = task.exception()
        if error is None:
            return task.result()
        if not isinstance(error, ResolverdError):
            self._log.error("watchdog.defect", task=name, exc_info=error)
        return f"{type(error).__name__}: {error}"


def _lines(faults: Mapping[str, str]) -> list[str]:
    return [f"{proof}: {fault}" for proof, fault in faults.items()]
