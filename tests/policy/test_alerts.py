"""Alert states: what is bad, for how long, and what is not known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.alerts import Alerts
from resolverd.policy.alerts import (
    ALERTS,
    AlertName,
    AlertState,
    Figures,
    Thresholds,
    conditions,
    follow,
)

LIMITS = Thresholds(sustained=30.0, gpu_sustained=300.0)


@pytest.mark.parametrize(
    ("figures", "bad"),
    [
        pytest.param(Figures(ttft_p50=0.2, ttft_p99=1.0), set(), id="at the thresholds"),
        pytest.param(Figures(ttft_p50=0.21), {"ttft_p50"}, id="slow for half of them"),
        pytest.param(Figures(ttft_p99=1.1), {"ttft_p99"}, id="slow for some"),
        pytest.param(Figures(success_rate=0.995), set(), id="as many as should succeed"),
        pytest.param(Figures(success_rate=0.994), {"success_rate"}, id="too few succeed"),
        pytest.param(Figures(gpu=0.91), {"gpu_high"}, id="GPUs are short"),
        pytest.param(Figures(gpu=0.29), {"gpu_low"}, id="GPUs are idle"),
        pytest.param(Figures(gpu=0.5), set(), id="GPUs are used"),
        pytest.param(Figures(failover_rate=0.06), {"failover_rate"}, id="clients are elsewhere"),
    ],
)
def test_each_figure_is_bad_beyond_the_thresholds_of_the_seed(
    figures: Figures, bad: set[str]
) -> None:
    assert {alert for alert, is_bad in conditions(figures, LIMITS).items() if is_bad} == bad


@pytest.mark.parametrize("thresholds", [Alerts(), Thresholds()], ids=["config", "policy"])
def test_the_defaults_are_the_thresholds_of_the_guide(thresholds: Alerts | Thresholds) -> None:
    assert (thresholds.ttft_p50, thresholds.ttft_p99) == (0.2, 1.0)
    assert (thresholds.success_rate, thresholds.failover_rate) == (0.995, 0.05)
    assert (thresholds.gpu_high, thresholds.gpu_low) == (0.9, 0.3)


def test_what_is_unknown_is_neither_well_nor_firing() -> None:
    assert all(bad is None for bad in conditions(Figures(), LIMITS).values())
    fired = dict.fromkeys(ALERTS, AlertState(True))
    assert follow(fired, Figures(), LIMITS, 0.0) == dict.fromkeys(ALERTS, AlertState())


@given(
    st.lists(st.tuples(st.floats(0.5, 40), st.sampled_from([0.1, 0.3, None])), max_size=40),
    st.sampled_from([0.0, 10.0, 30.0]),
)
def test_an_alert_follows_what_has_held_for_as_long_as_it_takes(
    history: list[tuple[float, float | None]], sustained: float
) -> None:
    """The oracle looks back from each moment over all that was ever seen."""
    limits = Thresholds(sustained=sustained)
    states: dict[AlertName, AlertState] = {}
    seen: list[tuple[float, bool | None]] = []
    now, expected = 0.0, None
    for wait, ttft in history:
        now += wait
        states = follow(states, Figures(ttft_p50=ttft), limits, now)
        bad = None if ttft is None else ttft > 0.2
        seen.append((now, bad))
        if bad is None:
            expected = None
        else:
            since = now
            for at, was in reversed(seen):
                if was is not bad:
                    break
                since = at
            held = now - since >= sustained
            expected = bad if held else bool(expected)
        assert states["ttft_p50"].firing is expected
