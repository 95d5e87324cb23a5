"""Verdicts and rates that were kept: whose they are, and for how long they are believed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from resolverd.config.probe_layers import complete_probe
from resolverd.health.family import Family
from resolverd.health.machine import EndpointHealth
from resolverd.health.target import Target
from resolverd.health.target_health import KeptHealth
from resolverd.health.verdict import State
from resolverd.kept.document import (
    MAX_RATE_AGE,
    MAX_VERDICT_AGE,
    Clocks,
    KeptRate,
    KeptState,
    KeptVerdict,
    digest,
    read,
    written,
)
from resolverd.policy.learned import LearnedRate

CONFIG = "/etc/resolverd/resolverd.toml"
NOW = Clocks(5000.0, 1_764_321_000.0)
LATER = Clocks(20.0, 1_764_321_030.0)
"""Half a minute later, after a reboot: the monotonic clock has begun anew."""


def _target(**settings: Any) -> Target:
    return Target(
        id="a-1",
        region="a",
        endpoint="a-1",
        url="http://192.0.2.1:8000",
        settings=complete_probe(settings),
        families=frozenset({Family.IPV4}),
    )


def _known(target: Target, age: float) -> KeptState:
    health = EndpointHealth(state=State.UP, probed_at=NOW.monotonic - age)
    return KeptState(verdicts={"a-1": KeptVerdict(digest(target), KeptHealth(health))})


def test_a_verdict_is_believed_while_it_is_fresh_and_probed_the_same_way() -> None:
    target = _target(interval=5)
    kept = _known(target, 10)
    assert kept.health_of(target, NOW.monotonic) is not None
    assert kept.health_of(target, NOW.monotonic + MAX_VERDICT_AGE + 5 - 10) is not None
    assert kept.health_of(target, NOW.monotonic + MAX_VERDICT_AGE + 5 - 9) is None
    assert kept.health_of(_target(interval=6), NOW.monotonic) is None
    assert kept.health_of(replace(target, url="http://192.0.2.2:8000"), NOW.monotonic) is None
    assert kept.health_of(replace(target, id="b-1"), NOW.monotonic) is None


def test_a_verdict_that_probes_have_held_is_as_old_as_it_has_not_been_held() -> None:
    """As by 401, or on an isolated host, for an hour."""
    target = _target(interval=5)
    health = EndpointHealth(state=State.UP, probed_at=NOW.monotonic - 3600)
    verdict = KeptVerdict(digest(target), KeptHealth(health), NOW.monotonic - 10)
    held = KeptState(verdicts={"a-1": verdict})
    document = json.loads(json.dumps(written(held, CONFIG, NOW)))
    for seconds, believed in ((20, True), (54, True), (56, False)):
        later = Clocks(NOW.monotonic + seconds, NOW.unix + seconds)
        found = read(document, CONFIG, later).health_of(target, later.monotonic)
        assert (found is not None) is believed
    back = Clocks(NOW.monotonic, NOW.unix - 3600)
    assert read(document, CONFIG, back).verdicts == {}
    del document["verdicts"]["a-1"]["known_at"]
    assert read(document, CONFIG, NOW).health_of(target, NOW.monotonic) is None, "as it was"


def test_a_document_of_an_earlier_release_has_no_families() -> None:
    target = _target(interval=5)
    document = written(_known(target, 10), CONFIG, NOW)
    assert "families" not in document["verdicts"]["a-1"]
    kept = read(document, CONFIG, NOW).health_of(target, NOW.monotonic)
    assert kept is not None
    assert (kept.health.state, kept.families) == (State.UP, {})


def test_a_verdict_from_the_future_is_not_believed() -> None:
    target = _target()
    document = written(_known(target, 0), CONFIG, NOW)
    back = Clocks(NOW.monotonic, NOW.unix - 3600)
    assert read(document, CONFIG, back).verdicts == {}


def test_what_was_learned_is_believed_of_the_same_endpoint_for_a_day() -> None:
    target = _target()
    learned = LearnedRate(11.8, 32.0, NOW.monotonic, 1_764_000_000.25, 4711.0)
    state = KeptState(rates={"a-1": KeptRate(digest(target), learned)})
    document = json.loads(json.dumps(written(state, CONFIG, NOW)))
    kept = read(document, CONFIG, LATER)
    (found,) = kept.rates_of([target, replace(target, id="a-2")], LATER.monotonic).values()
    assert found.at == pytest.approx(LATER.monotonic - 30)
    assert found._replace(at=learned.at) == learned
    day = LATER.monotonic - 30 + MAX_RATE_AGE
    assert kept.rates_of([target], day - 1)
    assert kept.rates_of([target], day + 1) == {}
    moved = replace(target, url="http://192.0.2.2:8000")
    assert kept.rates_of([moved, _target(interval=6)], LATER.monotonic) == {}
    back = Clocks(NOW.monotonic, NOW.unix - 3600)
    assert read(document, CONFIG, back).rates == {}, "it is from the future"
