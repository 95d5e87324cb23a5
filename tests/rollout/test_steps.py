"""The order of a rollout, under interruptions at any step; and its checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.rollout.checkpoint import Checkpoint, CheckpointError, locked, read, write
from resolverd.rollout.stability import REQUIRED_SUCCESSES, StabilityCheck
from resolverd.rollout.steps import Progress, Step

regions = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=True).map(tuple)
# Before each step: go on, be interrupted and go on, or be told to run the command again.
turns = st.lists(st.sampled_from(["on", "resumed", "again"]), max_size=60)


@given(regions, turns)
def test_under_any_interruptions_one_region_is_on_its_way_and_nothing_is_left_out(
    order: tuple[str, ...], interruptions: list[str]
) -> None:
    progress, done = Progress(order), list[tuple[str, Step]]()
    turn = iter(interruptions)
    while (region := progress.region) is not None:
        what = next(turn, "on")
        if what != "on":
            progress = progress.resumed(command=what == "again")
        assert progress.region == region
        assert set(progress.verified) | {region} | set(progress.untouched) == set(order)
        done.append((region, progress.step))
        progress = progress.advanced()
    for region in order:
        mine = [step for stepped, step in done if stepped == region]
        assert [step for step in Step if step in mine] == list(Step)
        assert mine.index(Step.DRAIN) < mine.index(Step.WAIT) < mine.index(Step.COMMAND)
        assert mine[-1] is Step.UNDRAIN
        # After the last command come all of the verifications, in order, and nothing between.
        last = len(mine) - 1 - mine[::-1].index(Step.COMMAND)
        after = [step for step in mine[last + 1 :] if step is not Step.UNDRAIN]
        assert after[-3:] == [Step.HEALTH, Step.IDENTITY, Step.OUTPUT]
    visited = [region for region, _ in done]
    assert sorted(visited, key=order.index) == visited, "no region is touched before its turn"


def test_outputs_are_compared_with_all_others_unless_they_may_change() -> None:
    progress = Progress(("a", "b", "c"), 1, Step.OUTPUT)
    assert progress.compared_with(accept_output=False) == ("a", "c")
    assert progress.compared_with(accept_output=True) == ("a",)


def a_checkpoint() -> Checkpoint:
    return Checkpoint(
        service="chat", version="2", command="true", regions=("a", "b"), prompt="x", tokens=4
    )


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    path, checkpoint = tmp_path / "rollout.json", a_checkpoint()
    assert read(path) is None
    checkpoint.go_to(Progress(("a", "b"), 1, Step.HEALTH))
    write(path, checkpoint)
    assert read(path) == checkpoint
    assert [file.name for file in tmp_path.iterdir()] == ["rollout.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"service": "chat"}'])
def test_a_file_that_is_no_checkpoint_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rollout.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match="not the checkpoint of a rollout"):
        read(path)
    assert path.read_text() == text


def test_two_rollouts_do_not_share_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "rollout.json"
    with locked(path), pytest.raises(CheckpointError, match="runs already"), locked(path):
        raise AssertionError("the lock was given twice")
    with locked(path):
        write(path, a_checkpoint())


def endpoint(measured: str, probes: int, failures: int) -> dict[str, object]:
    return {
        "name": "a-1", "measured": measured, "probes": probes, "failures": failures,
        "reason": "HTTP 200",
    }  # fmt: skip


def test_a_region_is_healthy_once_enough_probes_in_a_row_have_succeeded() -> None:
    check = StabilityCheck()
    history = [
        endpoint("up", 10, 0),  # from before: only the next ones count
        endpoint("up", 12, 0),
        endpoint("suspect", 13, 1),
        endpoint("up", 14, 1),
        endpoint("up", 15, 1),
        endpoint("up", 16, 1),
    ]
    for look in history[:-1]:
        assert not check.stable([{"endpoints": [look]}])
    assert check.stable([{"endpoints": [history[-1]]}])
    assert REQUIRED_SUCCESSES == 3
