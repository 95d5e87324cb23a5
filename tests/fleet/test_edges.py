"""Which edges are live, by this host's clock alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.fleet import Fleet
from resolverd.fleet.edges import MAX_EDGES, Edges
from resolverd.fleet.observations import Observations
from resolverd.fleet.observed import (
    Head,
    Observed,
    RefusedError,
    fragment,
    split,
    write_message,
    write_targets,
)
from resolverd.health.verdict import State

UP, DOWN = Observed(State.UP, "of"), Observed(State.DOWN, "of", "refused")


def hear(
    edges: Edges,
    now: float,
    *,
    edge: str = "a",
    clock: float = 0.0,
    run: str = "r",
    at: float = 0.0,
    valid: float = 5.0,
    whole: bool = True,
    **targets: Observed,
) -> dict[str, tuple[Observed | None, Observed | None]]:
    """Hear one message at `now`; what it changed."""
    head = Head(edge, run, (0.0, 0.0), at, clock, valid, whole)
    octets = write_targets({id_: fragment(observed) for id_, observed in targets.items()})
    changes = edges.hear(*split(write_message(head, octets)), now)
    return {change.target: (change.before, change.after) for change in changes}


def test_an_edge_is_live_for_as_long_as_its_last_message_is_valid() -> None:
    edges = Edges(5.0)
    assert edges.live(100.0) == {}
    hear(edges, 100.0, clock=7.0)
    assert list(edges.live(105.0)) == ["a"]
    assert edges.next_expiry(100.0) == 105.0
    assert edges.live(105.01) == {}


def test_the_shorter_of_what_both_believe_counts() -> None:
    edges = Edges(5.0)
    hear(edges, 100.0, clock=7.0, valid=2.0)
    assert (list(edges.live(102.0)), list(edges.live(102.1))) == (["a"], [])


def test_what_changed_is_told_and_what_is_gone() -> None:
    edges = Edges(5.0)
    assert hear(edges, 1.0, clock=1.0, x=UP, y=UP) == {"x": (None, UP), "y": (None, UP)}
    assert hear(edges, 2.0, clock=2.0, x=UP, y=UP) == {}
    assert hear(edges, 3.0, clock=3.0, x=DOWN) == {"x": (UP, DOWN), "y": (UP, None)}


def test_what_changed_alone_leaves_the_rest_as_it_was() -> None:
    edges = Edges(5.0)
    hear(edges, 1.0, clock=1.0, x=UP, y=UP)
    assert hear(edges, 1.1, clock=1.1, whole=False, x=DOWN) == {"x": (UP, DOWN)}
    assert edges.known["a"].observed("y") == UP
    assert edges.next_expiry(1.1) == pytest.approx(6.1)
    # The whole that follows is read, though it has the octets of the whole before.
    assert hear(edges, 2.0, clock=2.0, x=UP, y=UP) == {"x": (DOWN, UP)}


def test_what_changed_at_an_edge_that_is_not_known_waits_for_the_whole() -> None:
    edges = Edges(5.0)
    assert hear(edges, 1.0, clock=1.0, whole=False, x=DOWN) == {}
    assert edges.live(1.0) == {}
    hear(edges, 2.0, clock=2.0, run="r1", x=UP)
    assert hear(edges, 3.0, clock=0.1, run="r2", whole=False, x=DOWN) == {}
    assert edges.known["a"].observed("x") == UP


def test_what_was_long_under_way_is_old_when_it_comes() -> None:
    """A NATS server that stood still for 20 s then delivers all that it had."""
    edges = Edges(5.0)
    for second in range(10):
        hear(edges, 100.0 + second, clock=7.0 + second, x=UP)
    for second in range(20):
        hear(edges, 130.0, clock=17.0 + second, x=DOWN)
        late = 130.0 - (110.0 + second)
        assert bool(edges.live(130.0)) == (late <= 5.0)
    assert edges.known["a"].lag == pytest.approx(1.0)


def test_a_new_process_has_a_clock_of_its_own() -> None:
    edges = Edges(5.0)
    hear(edges, 100.0, clock=90_000.0, run="r1")
    hear(edges, 101.0, clock=3.0, run="r2")
    assert list(edges.live(106.0)) == ["a"]


def test_an_edge_that_stood_still_is_heard_again_within_a_minute() -> None:
    """Its clock stood still with it, so that its messages seem late for a while."""
    edges = Edges(5.0)
    hear(edges, 100.0, clock=50.0)
    silent = [s for s in range(1, 90) if not _lives(edges, 400.0 + s, clock=51.0 + s)]
    assert silent == list(range(1, len(silent) + 1))
    assert len(silent) <= 60


def _lives(edges: Edges, now: float, clock: float) -> bool:
    hear(edges, now, clock=clock)
    return bool(edges.live(now))


@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=60),
    st.lists(st.sampled_from([0.0, 3600.0, -3600.0]), min_size=60, max_size=60),
    st.floats(0, 1e6),
)
def test_steps_of_the_time_of_day_change_nothing(
    gaps: list[float], steps: list[float], offset: float
) -> None:
    still, stepping = Edges(5.0), Edges(5.0)
    now = 1e6
    for gap, step in zip(gaps, steps, strict=False):
        now += gap
        hear(still, now, clock=now - offset, at=1.7e9 + now)
        hear(stepping, now, clock=now - offset, at=1.7e9 + now + step)
        assert still.live(now).keys() == stepping.live(now).keys() == {"a"}
        assert still.next_expiry(now) == stepping.next_expiry(now)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 20)), min_size=1, max_size=40))
def test_no_message_counts_for_longer_than_it_is_valid_since_it_was_sent(
    messages: list[tuple[float, float]],
) -> None:
    """Against the truth, which only the test knows: when each was sent, and how long it took."""
    edges, sent, heard = Edges(5.0), 1000.0, 1000.0
    hear(edges, heard, clock=sent)  # one that came at once
    newest = sent
    for gap, took in messages:
        sent += gap
        heard = max(heard, sent + took)  # in order, as NATS has them
        if heard - 1000.0 > 25:  # within a window of which the quickest is known
            break
        hear(edges, heard, clock=sent)
        newest = max(newest, sent)
        if abs(heard - newest - 5.0) > 0.001:  # clocks are told in tenths of milliseconds
            assert bool(edges.live(heard)) == (heard <= newest + 5.0)


def test_a_canary_of_another_edge_is_put_on_this_hosts_clock() -> None:
    edges = Edges(5.0)
    hear(edges, 100.0, clock=7.0)
    assert edges.known["a"].moment(6.5) == pytest.approx(99.5)
    assert edges.known["a"].moment(9.0) == pytest.approx(100.0)  # it has not been yet


def test_names_that_somebody_makes_up_push_no_live_edge_out() -> None:
    edges = Edges(5.0)
    for number in range(MAX_EDGES):
        hear(edges, 100.0, edge=f"e{number}")
    with pytest.raises(RefusedError, match="256 live edges"):
        hear(edges, 101.0, edge="another")
    hear(edges, 106.0, edge="another")
    assert len(edges.known) == MAX_EDGES


class Nothing:
    """A wire that carries nothing."""

    def publish(self, subject: str, payload: bytes) -> None:
        """Nobody hears it."""

    def subscribe(self, subject: str, heard: Callable[[str, bytes], None]) -> None:
        """Nobody says anything."""


def test_what_changed_at_an_edge_that_was_not_heard_before_waits_for_all_of_it() -> None:
    observations = Observations(Fleet(edge="b"), (0.0, 0.0), Nothing())
    head = Head("a", "r", (0.0, 0.0), 0.0, 0.0, 5.0, whole=False)
    message = write_message(head, write_targets({"eu": fragment(DOWN)}))
    observations.hear("resolverd.resolverd.observations.a", message)
    assert observations.live() == {}
    assert (observations.heard, observations.refused) == (0, 0)


def test_targets_of_all_edges_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are free to whoever may publish, and memory is not."""
    monkeypatch.setattr("resolverd.fleet.edges.MAX_ALL_TARGETS", 3)
    edges = Edges(5.0)
    hear(edges, 0.0, edge="a", eu=UP, us=UP)
    with pytest.raises(RefusedError, match="all edges together"):
        hear(edges, 0.0, edge="b", eu=UP, us=UP)
    assert list(edges.known) == ["a"]
    hear(edges, 0.0, edge="b", eu=UP)
    hear(edges, 0.1, edge="a", clock=0.1, eu=DOWN, us=UP)
    assert edges.known["a"].observed("eu") == DOWN
    hear(edges, 60.0, edge="c", eu=UP, us=UP, ap=UP)
    assert list(edges.known) == ["c"]  # those that are silent make room
