"""Overrides: they beat what is measured, end on time, and both ends are changes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.verdict import State, Verdict, overridden

UP = Verdict(State.UP, None, "HTTP 200", math.inf, State.UP, probed_at=90.0)
DOWN = Verdict(State.DOWN, 80.0, "connection refused", 2.0, State.DOWN, probed_at=99.0)


def override(kind: str, until: float | None = None) -> Override:
    return Override(OverrideKind(kind), "ada", "moving racks", set_at=95.0, until=until)


@pytest.mark.parametrize(
    ("measured", "kind", "serves"),
    [
        (UP, "down", False),
        (UP, "drain", False),
        (UP, "up", True),
        (DOWN, "up", True),
        (DOWN, "down", False),
    ],
)
def test_an_override_beats_what_is_measured_and_leaves_it_visible(
    measured: Verdict, kind: str, serves: bool
) -> None:
    word = override(kind)
    verdict = overridden(measured, word, 100.0)
    assert verdict.serves is serves
    assert verdict.measured is measured.state
    assert verdict.override is word
    assert verdict.changed_at == 95.0
    assert verdict.reason == f"{kind} by ada: moving racks"


def test_soonest_is_the_time_until_the_override_ends() -> None:
    assert overridden(UP, override("down", until=160.0), 100.0).min_until_flip == 60.0
    assert overridden(UP, override("down", until=160.0), 100.0).no_flip_before == 160.0
    assert math.isinf(overridden(UP, override("down"), 100.0).min_until_flip)


def test_an_override_is_over_at_its_end_and_that_is_a_change() -> None:
    word = override("down", until=160.0)
    assert overridden(UP, word, 160.0, ended=160.0) == replace(UP, changed_at=160.0)
    assert overridden(replace(UP, changed_at=170.0), None, 180.0, ended=160.0).changed_at == 170.0


def test_without_any_override_a_verdict_is_itself() -> None:
    assert overridden(DOWN, None, 100.0) is DOWN


def test_the_table_forgets_on_time() -> None:
    table = Overrides()
    table.set("us-east", override("drain", until=160.0))
    table.set("us-west/usw-1", override("down"))
    assert table.next_expiry() == 160.0
    assert set(table.active(159.9)) == {"us-east", "us-west/usw-1"}
    assert table.ended("us-east", 159.9) is None
    assert table.get("us-east", 160.0) is None
    assert table.ended("us-east", 161.0) == 160.0
    assert table.expire(161.0) == ("us-east",)
    assert table.expire(161.0) == ()
    assert table.ended("us-east", 200.0) == 160.0
    assert table.next_expiry() is None
    assert set(table.active(999.0)) == {"us-west/usw-1"}


def test_clearing_ends_an_override_now() -> None:
    table = Overrides()
    word = override("down")
    table.set("us-east", word)
    assert table.get("us-east", 100.0) is word
    assert table.clear("us-east", 101.0) is word
    assert table.clear("us-east", 102.0) is None
    assert table.ended("us-east", 103.0) == 101.0


def test_an_override_that_is_over_cannot_be_cleared() -> None:
    table = Overrides()
    table.set("us-east", override("down", until=160.0))
    assert table.clear("us-east", 170.0) is None
    assert table.ended("us-east", 171.0) == 160.0


def test_setting_again_replaces() -> None:
    table = Overrides()
    table.set("us-east", override("down", until=160.0))
    table.set("us-east", override("up"))
    found = table.get("us-east", 170.0)
    assert found is not None
    assert found.kind is OverrideKind.UP
    assert found.remaining(170.0) == math.inf
