"""What --resume takes over from its own options, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.command import Ran, resolverd
from rollout.simulated import NEW, Simulated, simulated

from resolverd.rollout.checkpoint import Checkpoint, read, write

PLAN = Checkpoint(
    service="chat",
    version=NEW,
    command="exit 7",
    regions=("us-east", "us-west"),
    prompt="one two",
    tokens=32,
)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Simulated]:
    with simulated(tmp_path) as made:
        write(path(made), PLAN)
        yield made


def path(fleet: Simulated) -> Path:
    return fleet.place / "state" / "rollout-chat.json"


def resume(fleet: Simulated, *options: str) -> Ran:
    return resolverd("rollout", "chat", "--resume", *options, cwd=fleet.place)


def test_a_rollout_that_a_fence_has_stopped_goes_on_by_force(fleet: Simulated) -> None:
    for region in ("us-west", "eu-west"):
        resolverd("override", region, "down", "--why", "off", cwd=fleet.place)
    ran = resume(fleet)
    assert "without us-east no region serves service chat; bring another up first" in ran.err
    assert "which is as it was" in ran.err
    ran = resume(fleet, "--force")
    assert ran.status == 1
    assert "us-east: command: the command ended with status 7" in ran.err
    assert "us-east, which stays drained" in ran.err


def test_the_prompt_and_how_much_must_match_may_be_said_anew(fleet: Simulated) -> None:
    resume(fleet, "--match", "8", "--prompt", "three")
    kept = read(path(fleet))
    assert kept is not None
    assert (kept.tokens, kept.prompt, kept.force) == (8, "three", False)
    resume(fleet)
    kept = read(path(fleet))
    assert kept is not None
    assert (kept.tokens, kept.prompt) == (8, "three"), "what is not said stays"


def test_what_it_cannot_take_over_is_refused(fleet: Simulated) -> None:
    ran = resume(fleet, "--order", "us-west")
    assert (ran.status, "keeps its order" in ran.err) == (2, True)
    ran = resolverd(*fleet.arguments("--again"), cwd=fleet.place)
    assert (ran.status, "--again is of --resume alone" in ran.err) == (2, True)
    assert read(path(fleet)) == PLAN
