"""An outcome that says what the last one said is taken in by a short way, to the same end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.probe import Probe
from resolverd.health.fleet import FleetHealth, Member
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.target_health import TargetHealth

SETTINGS = Probe(fall=2, rise=2, flap_damping=5.0)
TARGETS = {"a1": "a", "a2": "a", "b1": "b"}
GOOD = Outcome(True, "HTTP 200")
OUTCOMES = st.sampled_from(
    [GOOD] * 12
    + [
        Outcome(True, "HTTP 204"),
        Outcome(True, "HTTP 200", condition=Condition.BUSY),
        Outcome(True, "full", condition=Condition.SHEDDING),
        Outcome(False, "HTTP 503"),
        Outcome(False, "HTTP 503"),
        Outcome(False, "timed out", responded=False),
        Outcome(False, "timed out", responded=False),
        Outcome(False, "draining", condition=Condition.DRAINING),
    ]
)
# Which target, what its probe saw, how long after the one before it began, and how long it took.
PROBES = st.lists(
    st.tuples(
        st.sampled_from([*TARGETS]), OUTCOMES, st.floats(0.01, 2.0), st.floats(0.001, 0.5),
        st.booleans(),
    ),
    max_size=60,
)  # fmt: skip


def fleet() -> tuple[FleetHealth, dict[str, TargetHealth]]:
    made = FleetHealth(3.0)
    healths = {id_: TargetHealth(SETTINGS, 0.0) for id_ in TARGETS}
    members = {id_: Member(region, healths[id_]) for id_, region in TARGETS.items()}
    made.replace(members, members, 0.0)
    return made, healths


@given(PROBES)
def test_the_short_way_ends_where_the_long_one_does(
    probes: list[tuple[str, Outcome, float, float, bool]],
) -> None:
    (short, by_short), (long, by_long) = fleet(), fleet()
    now = 0.0
    for target, outcome, gap, took, overridden in probes:
        started = now = now + gap
        by_short[target].begin(started)
        by_long[target].begin(started)
        now += took
        if not short.repeat(target, outcome, started, now):
            short.observe(target, outcome, started, now, overridden=overridden)
        long.observe(target, outcome, started, now, overridden=overridden)
        for id_ in TARGETS:
            assert by_short[id_].verdict == by_long[id_].verdict
            assert by_short[id_].kept == by_long[id_].kept
            assert by_short[id_].under_way == by_long[id_].under_way
        assert short.isolation.isolated == long.isolation.isolated
        assert short.isolation.reason == long.isolation.reason


def test_it_is_the_way_of_a_target_that_goes_on_well() -> None:
    made, healths = fleet()
    for id_ in TARGETS:
        healths[id_].begin(1.0)
        assert not made.repeat(id_, GOOD, 1.0, 1.1)
        made.observe(id_, GOOD, 1.0, 1.1)
    before = healths["a1"].verdict
    healths["a1"].begin(2.0)
    assert made.repeat("a1", GOOD, 2.0, 2.1)
    assert healths["a1"].verdict.probed_at == 2.0
    assert before.probed_at == 1.0
    assert healths["a1"].under_way == 0
