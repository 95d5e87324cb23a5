"""How a rollout that stops at its drain leaves the region: drained, or as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from resolverd.errors import ResolverdError
from resolverd.rollout.checkpoint import Checkpoint, read
from resolverd.rollout.run import Run, StepFailedError
from resolverd.rollout.steps import Step

PLAN = Checkpoint(
    service="chat", version="2", command="true", regions=("a", "b"), prompt="x", tokens=4
)


class Edge:
    """A daemon that drains, though these edges of its fleet do not obey; or that `refuses`."""

    def __init__(self, *without: str, refuses: str = "") -> None:
        self.without, self.refuses = list(without), refuses
        self.overrides: list[dict[str, Any]] = []
        self.gone = False

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The state, or whom a drain would leave nothing: nobody."""
        if self.gone:
            raise ResolverdError("no daemon runs")
        if path == "/drain":
            return {"emptied": []}
        if path == "/urls":
            return {"urls": {}}
        regions = [{"region": r, "services": ["chat"], "endpoints": []} for r in ("a", "b")]
        service = {"name": "chat", "models": {"a": "", "b": ""}, "must_agree": [], "fences": []}
        return {"regions": regions, "services": [service], "overrides": self.overrides}

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Drain it."""
        assert body is not None
        if self.refuses:
            raise ResolverdError(self.refuses)
        self.overrides = [
            {"target": body["region"], "kind": "drain", "who": "ann", "why": body["why"]}
        ]
        told = {"scope": "all", "pending": False, "edges": ["fra1"], "without": self.without}
        return {"wait_seconds": 0.0, "emptied": [], "fleet": told}

    def delete(self, path: str, name: str, **query: str) -> dict[str, Any]:
        """It is never asked that."""
        raise AssertionError(name)


@contextlib.contextmanager
def quietly(what: str) -> Iterator[Callable[[float], None]]:
    """A wait that nobody looks at."""
    yield lambda _: None


def run(plan: Checkpoint, path: Path, *edges: Edge) -> Run:
    """A rollout over these edges."""
    return Run(edges, plan, path, "ann", 1.0, lambda *_: None, quietly)


def stopped(place: Path, *edges: Edge, at: Step = Step.DRAIN) -> StepFailedError:
    """How a rollout over these edges stops that begins, or goes on, at that step."""
    path = place / "checkpoint"
    plan = PLAN.model_copy(update={"step": at})
    with pytest.raises(StepFailedError) as failed:
        run(plan, path, *edges).go()
    kept = read(path)
    assert kept is not None
    assert kept.failure == failed.value.failure
    return failed.value


def test_a_region_that_not_every_edge_drains_stays_drained_at_the_others(tmp_path: Path) -> None:
    failed = stopped(tmp_path, Edge("ams1"))
    assert "not obeyed yet by 1 edge: ams1" in str(failed)
    assert failed.failure.drained


def test_nor_is_one_as_it_was_whose_lost_drain_is_begun_again(tmp_path: Path) -> None:
    failed = stopped(tmp_path, Edge("ams1"), at=Step.HEALTH)
    assert str(failed) == "a: health: not obeyed yet by 1 edge: ams1"
    assert failed.failure.drained


def test_a_drain_that_not_every_edge_obeys_is_not_taken_over_by_the_next_run(
    tmp_path: Path,
) -> None:
    edge, path = Edge("ams1"), tmp_path / "checkpoint"
    stopped(tmp_path, edge, at=Step.COMMAND)
    for _ in range(2):
        kept = read(path)
        assert kept is not None
        with pytest.raises(StepFailedError, match="not obeyed yet by 1 edge: ams1"):
            run(kept, path, edge).go()
        assert edge.overrides


def test_one_that_the_first_of_two_daemons_has_drained_stays_so(tmp_path: Path) -> None:
    assert stopped(tmp_path, Edge(), Edge(refuses="a defect")).failure.drained


def test_one_that_a_daemon_refuses_to_drain_is_as_it_was(tmp_path: Path) -> None:
    assert not stopped(tmp_path, Edge(refuses="without a no region serves")).failure.drained


def test_one_of_another_operators_drain_is_as_it_was(tmp_path: Path) -> None:
    edge = Edge()
    edge.overrides = [{"target": "a", "kind": "drain", "who": "bob", "why": "racks"}]
    failed = stopped(tmp_path, edge)
    assert "a has an override, drain by bob" in str(failed)
    assert not failed.failure.drained


def test_a_lost_drain_takes_the_place_of_nobodys_override(tmp_path: Path) -> None:
    edge = Edge()
    edge.overrides = [{"target": "a", "kind": "up", "who": "bob", "why": "a test"}]
    failed = stopped(tmp_path, edge, at=Step.HEALTH)
    assert "a has an override, up by bob" in str(failed)
    assert [override["kind"] for override in edge.overrides] == ["up"]
    assert not failed.failure.drained


def test_where_the_daemon_is_gone_since_it_was_asked_it_may_be_drained(tmp_path: Path) -> None:
    class Dying(Edge):
        def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
            self.gone = True
            raise ResolverdError("the connection ended")

    assert stopped(tmp_path, Dying()).failure.drained
    never = Edge()
    never.gone = True
    assert not stopped(tmp_path, never).failure.drained
