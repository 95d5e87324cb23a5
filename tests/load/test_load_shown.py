"""What operators and monitoring see of load: nothing where nothing is known, and never zero."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from load_fleet import Fleet, verdict

from resolverd.admin.load import region_load, service_loads
from resolverd.admin.metrics import load as load_metrics
from resolverd.admin.metrics.registry import declared
from resolverd.admin.metrics.values import Values
from resolverd.admin.served import Served
from resolverd.cli.load import load_tables
from resolverd.health.verdict import State

Samples = dict[tuple[str, ...], float]


def _samples(fleet: Fleet) -> Samples:
    """Samples of the metrics by name and label values."""
    served = SimpleNamespace(load=fleet.load, snapshot=SimpleNamespace(plan=fleet.plan))
    values = Values(cast("Served", served), fleet.counted, fleet.now, unix=0)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in declared(load_metrics)
        for sample in family.collect(values).samples
    }


def _shown(fleet: Fleet) -> list[str]:
    """The lines that `resolverd state` has on load."""
    state = {
        "services": [
            {"name": name, "load": load}
            for name, load in service_loads(fleet.load, fleet.plan).items()
        ],
        "regions": [{"region": r, **region_load(fleet.load, r)} for r in fleet.config.region],
    }
    lines = (line for table in load_tables(state) for line in table.lines(200))
    return [" ".join(line.split()) for line in lines]


async def test_what_is_unknown_is_missing_everywhere() -> None:
    fleet = Fleet()
    await fleet.pass_by(10, {})
    names = {name for name, *_ in _samples(fleet)}
    assert names == {
        "resolverd_spill_ratio",
        "resolverd_spill_accept_ratio",
        "resolverd_spill_episodes_total",
    }
    assert service_loads(fleet.load, fleet.plan)["chat"]["a"]["saturation"] is None
    assert set(region_load(fleet.load, "a")["alerts"].values()) == {None}
    assert _shown(fleet) == []


async def test_a_spill_is_shown_with_its_cause() -> None:
    fleet = Fleet()
    await fleet.pass_by(65, {"a-1": 10.0, "b-1": 0.0})
    shown_samples = _samples(fleet)
    assert shown_samples["resolverd_region_saturation", "chat", "a"] == pytest.approx(2.0)
    assert shown_samples["resolverd_spill_ratio", "chat", "a"] == pytest.approx(0.2)
    assert shown_samples["resolverd_spill_accept_ratio", "chat", "b"] == pytest.approx(0.2)
    assert shown_samples["resolverd_spill_ratio", "chat", "b"] == 0
    assert shown_samples["resolverd_spill_episodes_total", "chat", "a"] == 1
    assert "chat a 2.00 20% -" in _shown(fleet)
    assert "chat b 0.00 - 20%" in _shown(fleet)


async def test_alerts_and_figures_are_shown_where_something_is_known() -> None:
    fleet = Fleet()
    fleet.said["a-1"] = verdict(State.DOWN)
    fleet.steer()
    for _ in range(10):
        fleet.counted.steered["chat", "b", "serving"] += 10
        await fleet.tick()
        fleet.now += 5
    shown_samples = _samples(fleet)
    assert shown_samples["resolverd_alert", "a", "failover_rate"] == 1
    assert shown_samples["resolverd_alert", "b", "failover_rate"] == 0
    assert ("resolverd_alert", "a", "ttft_p50") not in shown_samples
    assert shown_samples["resolverd_region_failover_ratio", "a"] == 1
    assert "a unknown unknown unknown unknown 100.0% failover_rate" in _shown(fleet)
    assert "b unknown unknown unknown unknown 0.0% none" in _shown(fleet)
