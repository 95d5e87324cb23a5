"""What one probe saw: plain values, so that the state machine needs to know no probe kind."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from resolverd.health.family import Family, FamilyResult
from resolverd.health.readings import Readings


class Condition(StrEnum):
    """What is known of an endpoint beyond whether it serves.

    A condition decides what an outcome means to the state machine:

    ============= ==================================================================
    none          a success or a failure like any other
    busy          it makes progress, only slowly: a success, and a reason to spill
    shedding      it turns requests away, being full: tells nothing new of its life
    misconfigured our own credential or settings are wrong: tells nothing of it
    unproven      the budget for asking was spent: tells nothing of it
    hung          it accepts requests and makes no progress: a failure that counts
    degraded      a part of it serves nobody: a success with less capacity, or as is configured
    no-proof      it turns requests away, and nothing shows that it lives: a failure that counts,
                  but one that teaches nothing of an endpoint that is not known yet
    no-backend    nobody stands behind it: a failure that counts
    draining      it ends, or begins to die: down at once
    wrong-model   it serves something else than it should: down at once
    ============= ==================================================================
    """

    NONE = ""
    BUSY = "busy"
    SHEDDING = "shedding"
    MISCONFIGURED = "misconfigured"
    UNPROVEN = "unproven"
    HUNG = "hung"
    DEGRADED = "degraded"
    NO_PROOF = "no-proof"
    NO_BACKEND = "no-backend"
    DRAINING = "draining"
    WRONG_MODEL = "wrong-model"

    @property
    def holds(self) -> bool:
        """Whether such an outcome leaves the state as it is."""
        return self in _HOLDING

    @property
    def leaves_unknown(self) -> bool:
        """Whether a failure of this kind leaves unknown what is unknown."""
        return self is Condition.NO_PROOF

    @property
    def withdraws(self) -> bool:
        """Whether such an outcome takes the endpoint down at once, whatever `fall` is."""
        return self in _WITHDRAWING

    @property
    def alarms(self) -> bool:
        """Whether somebody has to fix something, here or there, before it goes away."""
        return self in _ALARMING


_HOLDING = frozenset({Condition.SHEDDING, Condition.MISCONFIGURED, Condition.UNPROVEN})
_WITHDRAWING = frozenset({Condition.DRAINING, Condition.WRONG_MODEL})
_ALARMING = frozenset(
    {
        Condition.MISCONFIGURED, Condition.UNPROVEN, Condition.WRONG_MODEL, Condition.DEGRADED,
        Condition.NO_BACKEND,
    }
)  # fmt: skip


_NO_FAMILIES: Mapping[Family, FamilyResult] = MappingProxyType({})


class Outcome(NamedTuple):
    """Whether the endpoint served, in a few words why, and how long the probe took.

    `reason` is what an operator reads: ``"HTTP 503"``, ``"connection refused"``. `latency`
    is in seconds, from the start of the probe to its verdict. `responded` is whether anything at
    all came back from the far end, be it a refusal: if not, this host may be at fault. `readings`
    are the kind's own, None where it read nothing. `again` asks to be probed again after
    fast_interval although it serves.

    `connect` is the time of the last TCP handshake in seconds, `certificate_expires` the end of the
    last certificate in Unix seconds; None where there was none. `families` are the results over
    each family of an endpoint that is asked over both, else empty.
    """

    ok: bool
    reason: str
    latency: float = 0.0
    condition: Condition = Condition.NONE
    responded: bool = True
    readings: Readings | None = None
    again: bool = False
    connect: float | None = None
    certificate_expires: float | None = None
    families: Mapping[Family, FamilyResult] = _NO_FAMILIES
