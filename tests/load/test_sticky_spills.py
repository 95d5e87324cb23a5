"""A spill of a service whose blocks keep their regions: a step is waited for until it is felt."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest
from load_fleet import Fleet, fleet_config

from resolverd.config.model import Service
from resolverd.load.spilling import cost_rule_of, rule_of
from resolverd.policy.spill import advance
from resolverd.policy.spill_state import RegionLoad, Spill, SpillRule

STICKY = 1800
SERVICE = Service(regions=("a", "b"), sticky=STICKY)


def most_sent_on(rule: SpillRule, hours: int = 6) -> float:
    """The largest share in hours of a load of 1.3, where blocks follow shares as epochs end.

    Epochs are spread evenly, so what is felt is the mean of the shares of one `STICKY`.
    """
    spill, felt, most = Spill(), deque([0.0] * (STICKY // 10), maxlen=STICKY // 10), 0.0
    for now in range(0, hours * 3600, 10):
        shares = spill.shares(now)
        sent = min(shares["a"].spill_ratio, shares["b"].accept_ratio) if "b" in shares else 0.0
        felt.append(sent)
        away = sum(felt) / len(felt)
        saturations = {"a": 1.3 * (1 - away), "b": 0.2 + 1.3 * away}
        loads = {r: RegionLoad(True, 1.0, s, s, now) for r, s in saturations.items()}
        spill = advance(spill, loads, rule, now)
        most = max(most, sent)
    return most


def test_a_step_that_is_carried_out_as_epochs_end_is_not_followed_by_others_meanwhile() -> None:
    """0.24 of the clients are too many: three steps. Judged by the TTL alone, all are sent on."""
    assert most_sent_on(rule_of(SERVICE)) == pytest.approx(0.3)
    hasty = rule_of(replace_sticky(SERVICE, 0))
    assert most_sent_on(hasty) > 0.45


def replace_sticky(service: Service, sticky: float) -> Service:
    return service.model_copy(update={"sticky": float(sticky)})


async def test_rounds_are_no_closer_than_ttl_and_sticky_together() -> None:
    fleet = Fleet(fleet_config({"sticky": "200s"}))
    await fleet.pass_by(259, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.spill_ratio() == 0.1
    await fleet.pass_by(5, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.spill_ratio() == 0.2


def test_what_is_on_its_way_counts_until_epochs_and_ttls_are_over() -> None:
    rule = rule_of(SERVICE)
    assert (rule.ttl, rule.dwell) == (STICKY + 60, STICKY + 60)
    assert rule_of(replace_sticky(SERVICE, 0)).dwell == 60


def test_shares_by_cost_are_felt_as_epochs_end() -> None:
    """Two thirds of a share are felt after two thirds of an epoch, beside the TTL's part."""
    trips = {"a": {"a": 1.0, "b": 9.0}, "b": {"a": 9.0, "b": 1.0}}
    usual, slow = (cost_rule_of(replace_sticky(SERVICE, s), trips) for s in (0, STICKY))
    assert slow == replace(usual, ttl=usual.ttl + STICKY, lag=usual.lag + STICKY * 2 / 3)
