"""The ways in which a simulated server can fail: each as it was measured on a real vLLM 0.32.

Most of them leave `/health` at 200, which is why they are here.
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """What is wrong with a server; `meaning` is what its clients see of it."""

    HUNG = "hung"
    HUNG_WORKER = "hung-worker"
    DEAD = "dead"
    ASLEEP = "asleep"
    SILENT = "silent"
    DRAINING = "draining"
    SATURATED = "saturated"
    SHEDDING = "shedding"
    SHEDDING_LATE = "shedding-late"
    WRONG_MODEL = "wrong-model"
    UNAUTHORIZED = "unauthorized"

    @property
    def meaning(self) -> str:
        """What is wrong, and what shows of it, in one line."""
        return _MEANINGS[self]

    @property
    def withdraws(self) -> bool:
        """Whether a region of which all is like this must not be answered with."""
        return not self.crowds and self is not Fault.UNAUTHORIZED

    @property
    def at_once(self) -> bool:
        """Whether a single probe is enough to know it."""
        return self in (Fault.DRAINING, Fault.WRONG_MODEL)

    @property
    def stops_engine(self) -> bool:
        """Whether the engine makes no token while the fault lasts."""
        return self in _STOPPED

    @property
    def crowds(self) -> bool:
        """Whether the server is full of other clients' requests, which it works on."""
        return self in _CROWDED


_STOPPED = {Fault.HUNG, Fault.HUNG_WORKER, Fault.ASLEEP, Fault.SILENT}
_CROWDED = {Fault.SATURATED, Fault.SHEDDING, Fault.SHEDDING_LATE}

_MEANINGS = {
    Fault.HUNG: "the engine stands still: /health 200, a completion's headers and never a token",
    Fault.HUNG_WORKER: "a GPU hangs: as hung, until the engine gives it up and dies",
    Fault.DEAD: "the engine is killed: /health 503, completions 500, and soon the port is closed",
    Fault.ASLEEP: "put to sleep: /health 200, completions hang, the sleep state shows in /metrics",
    Fault.SILENT: "the server process stands still: it accepts connections and sends nothing",
    Fault.DRAINING: "told to stop, and waiting: /health 200, every completion 500",
    Fault.SATURATED: "a long queue: completions come late, and the counters of tokens move",
    Fault.SHEDDING: "a full queue: completions 503, and the counters of tokens move",
    Fault.SHEDDING_LATE: "as shedding, but after a 200: the 503 comes as an event of the stream",
    Fault.WRONG_MODEL: "another model is served: completions of the right one 404",
    Fault.UNAUTHORIZED: "our key is not taken: 401 for all of /v1",
}


def fault_named(name: str) -> Fault:
    """The fault of this name. Raises ValueError, which lists those there are."""
    try:
        return Fault(name)
    except ValueError:
        raise ValueError(f'"{name}" is no fault; there are {", ".join(Fault)}') from None
