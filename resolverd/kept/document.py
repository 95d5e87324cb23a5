"""How things stand, as a document; pure.

What operators say, verdicts, shares, what was learned, and the TTLs given:

    {"version": 1, "config": "/etc/resolverd/resolverd.toml", "at": 1764321000.0,
     "overrides": {"eu-west": {"kind": "drain", "who": …, "why": …, "set_at": …, "until": null}},
     "spill_rules": {"chat/eu-west": {"share": 0.3, "who": …, …}},
     "verdicts": {"eu-west-1": {"probe": "<digest>", "state": "up", "at": …, "known_at": …,
                                "families": {"ipv6": {…}}}},
     "shares": {"chat": {"due": …, "regions": {"eu-west": {"spill_ratio": 0.1, …}}}},
     "positions": {"chat": {"eu-west": {"bins": [0.02, …], "heavy": {"<word>": [0.07, 0.2]}}}},
     "histories": {"chat": {"segments": [{"since": …, "serving": ["eu-west"], …}], …}},
     "rates": {"eu-west-1": {"probe": "<digest>", "max_rate": 11.8, "concurrency": 32.0, …}},
     "fleet": {…},
     "given_ttls": {"chat": {"ttl": 60.0, "regions": ["eu-west", …], "lasting": []}},
     "ended": {"eu-west": …}, "mismatches": {"eu-west-1": {"difference": […], …}}}

In the document times are Unix time and null stands for never; in memory they are readings of the
monotonic clock, which means nothing to the next process. `Clocks` joins the two. What is read is
not trusted: `read` raises ValueError for whatever `written` does not write.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from resolverd.health.family import Family
from resolverd.health.machine import EndpointHealth
from resolverd.health.mismatch import KeptMismatch
from resolverd.health.outcome import Condition
from resolverd.health.overrides import Override
from resolverd.health.target import Target
from resolverd.health.target_health import KeptHealth
from resolverd.health.verdict import State
from resolverd.kept.given_ttls import given_read, given_written
from resolverd.kept.histories import histories_read, histories_written
from resolverd.kept.orders import overrides_read, overrides_written, rules_read, rules_written
from resolverd.kept.overlays import (
    ends_read,
    ends_written,
    mismatches_read,
    mismatches_written,
)
from resolverd.kept.values import count, flag, number, placed, placed_read, text
from resolverd.policy.learned import LearnedRate
from resolverd.policy.operator_rules import OperatorRule
from resolverd.policy.share import Positions
from resolverd.policy.spill_state import RegionShare, Spill
from resolverd.policy.sticky import Segment
from resolverd.snapshot.ttl_ledger import Given

VERSION = 1

MAX_VERDICT_AGE = 60.0
"""Seconds beyond its probe's interval for which a kept verdict is believed at a start.

A restart and an upgrade take seconds; whoever was away for a minute has been routed around, and
loses little by asking first.
"""

MAX_SHARES_AGE = 900.0
"""Seconds for which kept shares of clients are believed at a start; load moves in minutes."""

MAX_RATE_AGE = 86400.0
"""Seconds for which it is believed at a start what a replica was seen to finish.

It is true of its process, which is asked for; and of what it is asked to do, which has its day.
"""

# Seconds by which a wall clock may be set back while nothing runs, without verdicts being lost.
_SET_BACK = 5.0


class Clocks(NamedTuple):
    """One moment: a reading of the monotonic clock and Unix time, in seconds."""

    monotonic: float
    unix: float


class KeptVerdict(NamedTuple):
    """What is kept of a target, the digest of how it was probed, and when its verdict was last
    known to stand (s, monotonic).

    That may be long after the last probe that counted, where later ones told nothing. None: when
    that probe ended, which is all that earlier releases tell.
    """

    probe: str
    kept: KeptHealth
    known_at: float | None = None


class KeptRate(NamedTuple):
    """What was learned of a target, and the digest of how it was probed."""

    probe: str
    rate: LearnedRate


@dataclass(frozen=True, slots=True)
class KeptState:
    """What is kept, with times of the monotonic clock; those of `histories` are Unix times."""

    overrides: Mapping[str, Override] = field(default_factory=dict)
    verdicts: Mapping[str, KeptVerdict] = field(default_factory=dict)
    shares: Mapping[str, Spill] = field(default_factory=dict)
    positions: Mapping[tuple[str, str], Positions] = field(default_factory=dict)
    rates: Mapping[str, KeptRate] = field(default_factory=dict)
    histories: Mapping[str, tuple[Segment, ...]] = field(default_factory=dict)
    fleet: Mapping[str, Any] = field(default_factory=dict)
    """What the fleet says, as `fleet/word_table` keeps it; empty without one."""
    spill_rules: Mapping[str, OperatorRule] = field(default_factory=dict)
    given_ttls: Mapping[str, Given] = field(default_factory=dict)
    ended: Mapping[str, float] = field(default_factory=dict)
    """When the last override of each key ended."""
    mismatches: Mapping[str, KeptMismatch] = field(default_factory=dict)

    def health_of(self, target: Target, now: float) -> KeptHealth | None:
        """The health to start with: of the same probe and fresh, else None."""
        known = self.verdicts.get(target.id)
        if known is None or known.probe != digest(target):
            return None
        age = now - (known.kept.health.probed_at if known.known_at is None else known.known_at)
        return known.kept if age <= MAX_VERDICT_AGE + target.settings.interval else None

    def rates_of(self, targets: Iterable[Target], now: float) -> dict[str, LearnedRate]:
        """What was learned of each of these: of the same probe and no older than a day."""
        found = {}
        for target in targets:
            kept = self.rates.get(target.id)
            if kept is None or kept.probe != digest(target):
                continue
            if now - kept.rate.at <= MAX_RATE_AGE:
                found[target.id] = kept.rate
        return found


def digest(target: Target) -> str:
    """What tells ways of probing apart: the URL, the settings and the families."""
    identity = [target.url, target.settings.model_dump_json(), sorted(map(str, target.families))]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def written(state: KeptState, config: str, clocks: Clocks) -> dict[str, Any]:
    """The document, of the configuration at the path `config`."""
    shift = clocks.unix - clocks.monotonic
    return {
        "version": VERSION,
        "config": config,
        "at": clocks.unix,
        "overrides": overrides_written(state.overrides, shift),
        "spill_rules": rules_written(state.spill_rules, shift),
        "verdicts": verdicts_written(state.verdicts, clocks),
        "shares": {
            service: {
                "due": _unix(spill.due, shift),
                "regions": {
                    region: _region_share(own, shift) for region, own in spill.regions.items()
                },
            }
            for service, spill in state.shares.items()
        },
        "positions": _positions(state.positions),
        "rates": {
            id_: {"probe": kept.probe, **_rate(kept.rate, shift)}
            for id_, kept in state.rates.items()
        },
        "histories": histories_written(state.histories),
        "fleet": dict(state.fleet),
        "given_ttls": given_written(state.given_ttls, shift),
        "ended": ends_written(state.ended, shift),
        "mismatches": mismatches_written(state.mismatches, shift),
    }


def verdicts_written(verdicts: Mapping[str, KeptVerdict], clocks: Clocks) -> dict[str, Any]:
    """That part of the document, or a part of it."""
    shift = clocks.unix - clocks.monotonic
    return {
        id_: {
            "probe": verdict.probe,
            "known_at": None if verdict.known_at is None else verdict.known_at + shift,
            **_health(verdict.kept.health, shift),
            **_families(verdict.kept.families, shift),
        }
        for id_, verdict in verdicts.items()
    }


def read(document: Any, config: str, clocks: Clocks) -> KeptState:
    """What `written` wrote. Raises ValueError, with the reason, for anything else."""
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise ValueError(f"it is not of version {VERSION}")
    if document.get("config") != config:
        raise ValueError(f"it is of another configuration: {document.get('config')}")
    shift = clocks.monotonic - clocks.unix
    try:
        now = clocks.monotonic
        at = number(document["at"]) + shift
        fresh = abs(now - at) <= MAX_SHARES_AGE
        return KeptState(
            overrides_read(document["overrides"], shift),
            {
                text(k): verdict
                for k, v in document["verdicts"].items()
                if (verdict := _verdict_read(v, shift, clocks)) is not None
            },
            {text(k): _spill_read(s, shift) for k, s in document["shares"].items()}
            if fresh
            else {},
            # Which the documents of earlier releases are without.
            _positions_read(document.get("positions", {})) if fresh else {},
            {
                text(k): KeptRate(text(r["probe"]), rate)
                for k, r in document.get("rates", {}).items()
                if (rate := _rate_read(r, shift, clocks)) is not None
            },
            histories_read(document.get("histories", {})),
            dict(document.get("fleet", {}).items()),
            rules_read(document.get("spill_rules", {}), shift),
            given_read(document.get("given_ttls", {}), at, now, shift),
            ends_read(document.get("ended", {}), shift, now),
            mismatches_read(document.get("mismatches", {}), shift, now),
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"it is damaged: {type(error).__name__}: {error}") from error


def _health(health: EndpointHealth, shift: float) -> dict[str, Any]:
    return {
        "state": health.state.value,
        "failures": health.failures,
        "successes": health.successes,
        "since": None if health.changed_at is None else health.changed_at + shift,
        "at": _unix(health.probed_at, shift),
        "reason": health.reason,
        "condition": health.condition.value,
        "level": health.level,
        "penalty_until": _unix(health.penalty_until, shift),
    }


def _verdict_read(record: Any, shift: float, clocks: Clocks) -> KeptVerdict | None:
    known_at, health = _time(record.get("known_at"), shift), _health_read(record, shift, clocks)
    if health is None or (known_at is not None and known_at > clocks.monotonic + _SET_BACK):
        return None  # never probed, or the wall clock was set back meanwhile
    known_at = None if known_at is None else min(known_at, clocks.monotonic)
    kept = KeptHealth(health, _families_read(record, shift, clocks))
    return KeptVerdict(text(record["probe"]), kept, known_at)


def _families(families: Mapping[Family, EndpointHealth], shift: float) -> dict[str, Any]:
    if not families:
        return {}
    return {"families": {family.value: _health(own, shift) for family, own in families.items()}}


def _health_read(record: Any, shift: float, clocks: Clocks) -> EndpointHealth | None:
    at = _time(record["at"], shift)
    if at is None or at > clocks.monotonic + _SET_BACK:
        return None  # never probed, or the wall clock was set back meanwhile
    return _machine_read(record, shift, clocks)


def _families_read(record: Any, shift: float, clocks: Clocks) -> dict[Family, EndpointHealth]:
    """Those of a target, where one is known by itself; earlier releases wrote none."""
    families = record.get("families", {})
    return {Family(name): _machine_read(own, shift, clocks) for name, own in families.items()}


def _machine_read(record: Any, shift: float, clocks: Clocks) -> EndpointHealth:
    return EndpointHealth(
        state=State(record["state"]),
        failures=count(record["failures"]),
        successes=count(record["successes"]),
        changed_at=_time(record["since"], shift),
        probed_at=min(_reading(record["at"], shift), clocks.monotonic),
        reason=text(record["reason"]),
        condition=Condition(record["condition"]),
        level=number(record["level"]),
        penalty_until=_reading(record["penalty_until"], shift),
    )


def _rate(rate: LearnedRate, shift: float) -> dict[str, Any]:
    return {
        "max_rate": rate.max_rate,
        "concurrency": rate.concurrency,
        "at": rate.at + shift,
        "started": rate.started,
        "completed": rate.completed,
    }


def _rate_read(record: Any, shift: float, clocks: Clocks) -> LearnedRate | None:
    rate = LearnedRate(
        number(record["max_rate"]),
        number(record["concurrency"]),
        number(record["at"]) + shift,
        None if record["started"] is None else number(record["started"]),
        number(record["completed"]),
    )
    if min(rate.max_rate, rate.concurrency, rate.completed) < 0:
        raise ValueError("it is damaged: nothing is learned that is below zero")
    if rate.at > clocks.monotonic + _SET_BACK:
        return None  # the wall clock was set back meanwhile
    return rate._replace(at=min(rate.at, clocks.monotonic))


def _region_share(own: RegionShare, shift: float) -> dict[str, Any]:
    return {
        "spill_ratio": own.spill_ratio,
        "accept_ratio": own.accept_ratio,
        "moved": _unix(own.moved, shift),
        "in_flight": own.in_flight,
        "in_flight_at": _unix(own.in_flight_at, shift),
        "step_pending": own.step_pending,
        "warming": own.warming,
        "not_serving": own.not_serving,
        "started": own.started,
        "said": own.said,
    }


def _spill_read(record: Any, shift: float) -> Spill:
    regions = {
        text(region): _region_share_read(share, shift)
        for region, share in record["regions"].items()
    }
    return Spill(regions, _reading(record["due"], shift))


def _region_share_read(record: Any, shift: float) -> RegionShare:
    spill_ratio, accept_ratio = number(record["spill_ratio"]), number(record["accept_ratio"])
    if not (0 <= spill_ratio <= 1 and 0 <= accept_ratio <= 1):
        raise ValueError("it is damaged: a share is not between 0 and 1")
    return RegionShare(
        spill_ratio,
        accept_ratio,
        _reading(record["moved"], shift),
        number(record["in_flight"]),
        _reading(record["in_flight_at"], shift),
        flag(record["step_pending"]),
        flag(record["warming"]),
        flag(record["not_serving"]),
        None if record["started"] is None else number(record["started"]),
        said=flag(record.get("said", False)),
    )


def _positions(positions: Mapping[tuple[str, str], Positions]) -> dict[str, Any]:
    """By service, then by region."""
    written: dict[str, Any] = {}
    for (service, region), own in positions.items():
        written.setdefault(service, {})[region] = placed(own)
    return written


def _positions_read(record: Any) -> dict[tuple[str, str], Positions]:
    return {
        (text(service), text(region)): placed_read(own)
        for service, regions in record.items()
        for region, own in regions.items()
    }


def _unix(reading: float, shift: float) -> float | None:
    return None if math.isinf(reading) else reading + shift


def _time(value: Any, shift: float) -> float | None:
    return None if value is None else number(value) + shift


def _reading(value: Any, shift: float) -> float:
    return -math.inf if value is None else number(value) + shift
