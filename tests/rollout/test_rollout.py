"""rollout over simulated regions that its command restarts: each step, failing and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.command import Ran, process, resolverd
from harness.trials import trials
from rollout.simulated import MODEL, NEW, OLD, REGIONS, Simulated, simulated, until

from resolverd.cli.documents import VERBS
from resolverd.rollout import verify
from resolverd.rollout.verify import Endpoint

STEPS = ["drain", "wait", "command", "health", "identity", "output", "undrain"]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Simulated]:
    with simulated(tmp_path) as made:
        yield made


def state(fleet: Simulated) -> Any:
    return resolverd("state", "--json", cwd=fleet.place).json()


def drained(fleet: Simulated) -> list[str]:
    return [override["target"] for override in state(fleet)["overrides"]]


def version(fleet: Simulated, region: str) -> str:
    """What a region's server tells."""
    running = json.loads((fleet.place / f"running-{region}").read_text())
    return verify.version_of(Endpoint(region, f"http://127.0.0.1:{running['port']}"))


def versions(fleet: Simulated) -> dict[str, str]:
    """What each region's server tells."""
    return {region: version(fleet, region) for region in REGIONS}


def roll(fleet: Simulated, *more: str) -> Ran:
    return process(*fleet.arguments(*more), cwd=fleet.place)


def test_every_region_is_updated_in_order_verified_and_brought_back(fleet: Simulated) -> None:
    ran = roll(fleet)
    assert (ran.status, ran.err) == (0, "")
    shown = [line.split(": ")[:2] for line in ran.out.splitlines() if line.startswith(REGIONS)]
    assert shown == [[region, step] for region in REGIONS for step in STEPS]
    assert f"us-west: identity: is {NEW} and serves {MODEL}" in ran.out
    assert "us-east: output: answers like us-west, eu-west" in ran.out
    assert "eu-west: output: answers like us-east, us-west" in ran.out
    assert ran.out.splitlines()[-1] == f"chat is {NEW} in us-east, us-west, eu-west"
    assert versions(fleet) == dict.fromkeys(REGIONS, NEW)
    assert drained(fleet) == []
    assert fleet.deployed() == list(REGIONS)
    url = state(fleet)["regions"][0]["endpoints"][0]["url"]
    assert (fleet.place / "deployed").read_text().splitlines()[0] == f"us-east chat {url}"


FAILURES = [
    ("command", {"exit": 3}, "the command ended with status 3", False),
    ("output", {"name": "other"}, "us-west-1 completes 'The capital of France is'", True),
    ("health", {"more": ["--fault", "dead"]}, "not healthy within 6 s: us-west-1 is", True),
    ("identity", {"version": OLD}, f"us-west-1 is version {OLD}, not {NEW}", True),
]


@pytest.mark.parametrize(("step", "how", "why", "again"), FAILURES[: trials(2, 4)])
def test_the_first_failure_stops_it_and_resume_goes_on_once_it_is_fixed(
    fleet: Simulated, step: str, how: dict[str, Any], why: str, again: bool
) -> None:
    fleet.how("us-west", **how)
    # A region that comes back has to be healthy within that as well.
    ran = roll(fleet, *(["--timeout", "6s"] if step == "health" else []))
    assert ran.status == 1
    assert f"resolverd: us-west: {step}: {why}" in ran.err
    assert "verified and back: us-east" in ran.err
    assert "stopped: us-west, which stays drained" in ran.err
    assert "as they were: eu-west" in ran.err
    assert drained(fleet) == ["us-west"]
    assert fleet.deployed() == ["us-east", "us-west"]
    assert fleet.checkpoint()["failure"]["step"] == step
    assert version(fleet, "eu-west") == OLD

    ran = roll(fleet)
    assert ran.status == 2
    assert f"a rollout of chat to {NEW} is unfinished in us-west" in ran.err

    fleet.how("us-west")
    ran = process("rollout", "chat", "--resume", *(["--again"] if again else []), cwd=fleet.place)
    assert (ran.status, ran.err) == (0, "")
    assert not ran.out.startswith("us-east")
    assert versions(fleet) == dict.fromkeys(REGIONS, NEW)
    assert fleet.deployed() == ["us-east", "us-west", "us-west", "eu-west"]
    assert drained(fleet) == []


def test_a_drain_that_somebody_clears_stops_it_before_the_command(fleet: Simulated) -> None:
    fleet.ttl("30s")  # which is how long it waits for somebody to clear it
    running = fleet.begin(*fleet.arguments())
    until(lambda: drained(fleet) == ["us-east"])
    assert resolverd("clear", "us-east", cwd=fleet.place).status == 0
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "us-east: wait: us-east is not drained any more" in err
    assert "stopped: us-east, which is not drained any more" in err
    assert fleet.deployed() == []


def test_it_is_killed_in_the_middle_of_a_command_and_resumed(fleet: Simulated) -> None:
    (fleet.place / "hold").touch()
    running = fleet.begin(*fleet.arguments())
    until(lambda: fleet.deployed() == ["us-east"])
    second = roll(fleet)
    assert second.status == 2
    assert "runs already" in second.err
    running.send_signal(signal.SIGKILL)
    running.wait(60)
    for pipe in (running.stdout, running.stderr):
        assert pipe is not None
        pipe.close()
    assert fleet.checkpoint()["step"] == "command"
    assert drained(fleet) == ["us-east"]
    # The command of the killed rollout ends by itself, as a child of nobody.
    before = json.loads((fleet.place / "running-us-east").read_text())["pid"]
    (fleet.place / "hold").unlink()
    until(lambda: json.loads((fleet.place / "running-us-east").read_text())["pid"] != before)

    ran = process("rollout", "chat", "--resume", cwd=fleet.place)
    assert (ran.status, ran.err) == (0, "")
    assert fleet.deployed() == ["us-east", *REGIONS]
    assert versions(fleet) == dict.fromkeys(REGIONS, NEW)


def test_killed_at_every_step_it_ends_as_if_it_had_not_been(fleet: Simulated) -> None:
    arguments = fleet.arguments("--order", "us-east")
    for number, step in enumerate(STEPS):
        running = fleet.begin(*arguments)
        path = fleet.place / "state" / "rollout-chat.json"

        def come_to(
            running: subprocess.Popen[str] = running, path: Path = path, number: int = number
        ) -> bool:
            if running.poll() is not None:
                return True
            return path.exists() and STEPS.index(fleet.checkpoint()["step"]) >= number

        until(come_to)
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=60)
        assert fleet.checkpoint()["step"] in STEPS, step
        assert drained(fleet) in ([], ["us-east"])
        assert version(fleet, "us-west") == version(fleet, "eu-west") == OLD
        if fleet.checkpoint()["position"] == 1:
            break
        arguments = ["rollout", "chat", "--resume"]
    else:
        assert process(*arguments, cwd=fleet.place).status == 0
    assert version(fleet, "us-east") == NEW
    assert drained(fleet) == []
    assert set(fleet.deployed()) == {"us-east"}


def test_what_an_operator_overrides_meanwhile_is_not_undone(fleet: Simulated) -> None:
    """Nor is the last other region taken, whoever asks for it."""
    (fleet.place / "hold").touch()
    running = fleet.begin(*fleet.arguments("--order", "us-east"))
    until(lambda: fleet.deployed() == ["us-east"])
    for region, status in (("us-west", 0), ("eu-west", 1)):
        ran = resolverd("override", region, "drain", "--why", "racks", cwd=fleet.place)
        assert ran.status == status, ran.err
    assert "without eu-west no region serves service chat" in ran.err
    resolverd("override", "us-east", "down", "--why", "disk", cwd=fleet.place)
    (fleet.place / "hold").unlink()
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "us-east: undrain: us-east has an override, down by" in err
    assert sorted(drained(fleet)) == ["us-east", "us-west"]
    resolverd("clear", "us-east", cwd=fleet.place)
    ran = process("rollout", "chat", "--resume", cwd=fleet.place)
    assert (ran.status, ran.err) == (0, "")
    assert drained(fleet) == ["us-west"]


def test_a_region_whose_drain_was_lost_is_drained_again_before_anything_else(
    fleet: Simulated,
) -> None:
    fleet.how("us-east", exit=1)
    assert roll(fleet).status == 1
    assert resolverd("clear", "us-east", cwd=fleet.place).status == 0
    fleet.how("us-east")
    ran = process("rollout", "chat", "--resume", cwd=fleet.place)
    assert ran.status == 0
    first, waiting = ran.out.splitlines()[:2]
    assert first == "us-east: drain: drained again: the drain was lost"
    assert waiting.startswith(("waiting 2s", "waiting 1s"))  # what is left by then


def test_a_version_that_answers_otherwise_is_compared_with_itself(fleet: Simulated) -> None:
    for region in REGIONS:
        fleet.how(region, name="model-two")
    ran = roll(fleet, "--accept-output")
    assert (ran.status, ran.err) == (0, "")
    assert "us-east: output: has nobody to be compared with" in ran.out
    assert "eu-west: output: answers like us-east, us-west" in ran.out


def test_a_prefix_may_be_enough(fleet: Simulated) -> None:
    """Both names come after the fifth token of the sentence."""
    fleet.how("us-east", name="other")
    ran = roll(fleet, "--match", "5", "--order", "us-east")
    assert (ran.status, ran.err) == (0, "")


def test_programs_get_json_and_the_command_speaks_on_standard_error(fleet: Simulated) -> None:
    arguments = fleet.arguments("--order", "us-west", "--json")
    arguments[arguments.index("--command") + 1] += "; echo hello"
    ran = process(*arguments, cwd=fleet.place)
    assert ran.status == 0
    assert ran.err == "hello\n"
    VERBS["rollout"][0].model_validate_json(ran.out, strict=True)
    shown = ran.json()
    assert shown["done"]
    assert [step["step"] for step in shown["steps"]] == STEPS


def test_what_stands_in_its_way_is_said_before_anything_is_drained(fleet: Simulated) -> None:
    cases = [
        (["rollout", "caht", "--to", NEW, "--command", "true"], 2, "did you mean chat?"),
        (["rollout", "chat"], 2, "needs --to VERSION and --command COMMAND"),
        (["rollout", "chat", "--resume"], 2, "tells of no unfinished rollout of chat"),
        (fleet.arguments("--order", "us-east,mars"), 2, '"mars" is no region of it'),
        (fleet.arguments("--order", "us-east,us-east"), 2, "names us-east twice"),
    ]
    for arguments, status, said in cases:
        ran = resolverd(*arguments, cwd=fleet.place)
        assert (ran.status, said in ran.err) == (status, True), ran.err
    for region in ("us-west", "eu-west"):
        resolverd("override", region, "down", "--why", "a test", cwd=fleet.place)
    ran = resolverd(*fleet.arguments("--order", "us-east"), cwd=fleet.place)
    assert ran.status == 1
    assert "without us-east no region serves service chat" in ran.err
    ran = resolverd(*fleet.arguments(), cwd=fleet.place)
    assert ran.status == 1
    for said in ("us-west has an override, down by", "eu-west has an override", "without us-east"):
        assert said in ran.err  # all of it at once
    resolverd("clear", "eu-west", cwd=fleet.place)
    assert fleet.deployed() == []
    ran = resolverd(*fleet.arguments("--order", "us-east", "--dry-run"), cwd=fleet.place)
    assert ran.out == f"us-east: {', '.join(STEPS)}\n"
    ran = resolverd(*fleet.arguments("--order", "us-east", "--dry-run", "--json"), cwd=fleet.place)
    VERBS["rollout --dry-run"][0].model_validate_json(ran.out, strict=True)
    assert fleet.deployed() == []
    assert not os.path.exists(fleet.place / "state" / "rollout-chat.json")  # noqa: PTH110
