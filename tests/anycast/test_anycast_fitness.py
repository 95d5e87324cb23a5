"""Each reason against announcing, and how much is borne before it is one."""

from __future__ import annotations

import pytest

from resolverd.anycast.fitness import (
    Daemon,
    Fitness,
    Limits,
    Reason,
    Seen,
    fitness,
    is_dead,
    is_planned,
)

V4, V6 = "192.0.2.53", "2001:db8::53"
WELL = Daemon(zone="inference.example.")
LIMITS = Limits(failures=2, daemon_grace=30.0, plan_behind=60.0)


def seen(**changed: object) -> Seen:
    look = Seen({V4: "", V6: ""}, {V4: 0, V6: 0}, WELL)
    return look._replace(**changed)  # type: ignore[arg-type]


def codes(judged: Fitness, address: str = V4) -> list[str]:
    return [reason.code for reason in judged.of(address)]


def test_an_edge_that_is_well_is_fit() -> None:
    assert fitness(seen(), LIMITS) == Fitness((), {})


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"daemon": None, "silent": "refused"}, "daemon", "has not been heard yet: refused"),
        ({"silent": "refused", "silent_for": 30.0}, "daemon", "is silent for 30 s: refused"),
        ({"daemon": WELL._replace(faults=("the engine has died",))}, "faults", "engine has died"),
        ({"daemon": WELL._replace(isolation="no region responds")}, "isolated", "no region"),
        ({"daemon": WELL._replace(plan_behind=61.0)}, "plan", "older than its files for 61 s"),
        ({"draining": "new line card (eve)"}, "draining", "drained: new line card (eve)"),
        ({"stopping": True}, "stopping", "being stopped"),
    ],
)
def test_each_reason_is_against_every_address_and_in_words(
    changed: dict[str, object], code: str, words: str
) -> None:
    judged = fitness(seen(**changed), LIMITS)
    assert codes(judged, V4) == codes(judged, V6) == [code]
    assert words in judged.edge[0].text


@pytest.mark.parametrize(
    "changed",
    [
        {"silent": "refused", "silent_for": 29.9},
        {"daemon": WELL._replace(plan_behind=60.0)},
        {"daemon": WELL._replace(plan_behind=None)},
        {"unanswered": {V4: "no answer", V6: ""}, "failures": {V4: 1, V6: 0}},
    ],
)
def test_what_is_borne_is_no_reason(changed: dict[str, object]) -> None:
    assert fitness(seen(**changed), LIMITS) == Fitness((), {})


def test_a_plan_of_any_age_is_borne_where_no_limit_is_written() -> None:
    old = seen(daemon=WELL._replace(plan_behind=1e9))
    assert not fitness(old, LIMITS._replace(plan_behind=0.0)).edge


def test_a_dead_answer_is_against_its_own_address_alone() -> None:
    judged = fitness(
        seen(unanswered={V4: "", V6: "no answer in 0.5 s"}, failures={V4: 0, V6: 2}), LIMITS
    )
    assert codes(judged, V4) == []
    assert codes(judged, V6) == ["answer"]
    assert is_dead(judged.of(V6))


def test_what_is_said_before_a_silence_does_not_count_during_it() -> None:
    """An isolation that was known 40 s ago is not; that nothing is known is."""
    isolated = WELL._replace(isolation="no region responds")
    judged = fitness(seen(daemon=isolated, silent="refused", silent_for=40.0), LIMITS)
    assert codes(judged) == ["daemon"]


def test_a_withdrawal_is_planned_where_operators_alone_want_it() -> None:
    drained, dead = Reason("draining", ""), Reason("answer", "")
    assert is_planned((drained,))
    assert not is_planned((drained, dead))
    assert not is_planned(())
