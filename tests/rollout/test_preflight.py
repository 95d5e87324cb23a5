"""What stands in a rollout's way is said before anything is drained, and all of it at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli.command import resolverd
from rollout.simulated import MODEL, NEW, Simulated, environment, simulated

from resolverd.errors import ResolverdError
from resolverd.rollout.checkpoint import Checkpoint
from resolverd.rollout.preflight import foreign_override, obstacles
from resolverd.rollout.withdrawal import DrainSpec, Withdrawal


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Simulated]:
    with simulated(tmp_path) as made:
        yield made


@contextmanager
def restarted(fleet: Simulated, region: str, *more: str) -> Iterator[None]:
    """Another server in the place of a region's."""
    path = fleet.place / f"running-{region}"
    running = json.loads(path.read_text())
    os.kill(running["pid"], signal.SIGKILL)
    process = subprocess.Popen(
        [sys.executable, "-m", "resolverd.demo.region", "--name", "model",
         "--port", str(running["port"]), *more],
        env=environment(), stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    path.write_text(process.stdout.readline().decode())
    process.stdout.close()
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_servers_that_cannot_be_verified_are_all_named_and_nothing_is_drained(
    fleet: Simulated,
) -> None:
    os.kill(json.loads((fleet.place / "running-eu-west").read_text())["pid"], signal.SIGKILL)
    with restarted(fleet, "us-west", "--api-key", "secret"):
        ran = resolverd(*fleet.arguments("--force"), cwd=fleet.place)
        assert ran.status == 1
        assert "nothing was drained:" in ran.err
        assert "us-west could not be verified: us-west-1: /v1/models: HTTP 401" in ran.err
        assert "eu-west could not be verified: eu-west-1: /version: connection refused" in ran.err
        assert "us-east could not" not in ran.err
        order = ("--order", "us-west", "--force", "--credential")
        missing = resolverd(*fleet.arguments(*order, "gone"), cwd=fleet.place)
        assert missing.status == 1
        assert "no such file" in missing.err
        assert resolverd("state", "--json", cwd=fleet.place).json()["overrides"] == []
        assert fleet.deployed() == []
        # With the key the region can be verified.
        (fleet.place / "key").write_text("secret\n")
        keyed = resolverd(*fleet.arguments(*order, "key", "--dry-run"), cwd=fleet.place)
        assert (keyed.status, keyed.err) == (0, "")


def test_the_checkpoint_is_where_the_daemon_keeps_things_whatever_the_file_says_since(
    fleet: Simulated,
) -> None:
    config = fleet.place / "resolverd.toml"
    config.write_text(config.read_text().replace('state = "state"', 'state = "elsewhere"'))
    ran = resolverd("rollout", "chat", "--resume", cwd=fleet.place)
    assert ran.status == 2
    path = fleet.place / "state" / "rollout-chat.json"
    assert f"{path} tells of no unfinished rollout of chat" in ran.err
    assert not (fleet.place / "elsewhere").exists()


class Told:
    """A daemon that says what it is given; servers are not asked where that alone is in the way."""

    def __init__(self, state: Mapping[str, Any], emptied: list[dict[str, Any]]) -> None:
        self._answers = {"/state": state, "/drain": {"emptied": emptied}}

    def get(self, path: str, **_: str) -> Any:
        return self._answers[path]

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        raise AssertionError(f"it is only asked, not {path}")

    def delete(self, path: str, name: str, **query: str) -> Any:
        raise AssertionError(f"it is only asked, not {path}")


def expected(
    *emptied: dict[str, Any],
    must_agree: tuple[str, ...] = (),
    overrides: tuple[dict[str, Any], ...] = (),
    **probe: str,
) -> Told:
    """One service of two regions."""
    probed = {"kind": "vllm", "version": "", "fingerprint": "", **probe}
    regions = [
        {"region": r, "services": ["chat"], "endpoints": [{"name": f"{r}-1", "probe": probed}]}
        for r in ("a", "b")
    ]
    service = {"name": "chat", "models": {"a": MODEL, "b": MODEL}, "must_agree": must_agree}
    state = {"regions": regions, "services": [service], "overrides": overrides}
    return Told(state, list(emptied))


PLAN = Checkpoint(
    service="chat", version=NEW, command="true", regions=("a", "b"), prompt="x", tokens=4
)
BOB = {"target": "a", "kind": "down", "who": "bob", "why": "disk"}
OURS = {"target": "a", "kind": "drain", "who": "ann", "why": PLAN.why}


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        (expected(must_agree=("version",)), ['must_agree of service chat has "version"']),
        (expected(must_agree=("fingerprint", "root")), ["must_agree"]),
        (
            expected(version="0.32.0"),
            ["a-1 is down for its probe with any version but 0.32.0", "b-1"],
        ),
        (expected(fingerprint="vllm-1"), ["a-1 is down for its probe with any fingerprint", "b-1"]),
        (
            expected({"service": "chat", "pins": ["eu", "uk"]}, overrides=(BOB,)),
            [
                "a has an override, down by bob: disk",
                "without a no region serves service chat under pins eu and uk",
                "without b no region serves service chat under pins eu and uk",
            ],
        ),
        (expected(overrides=(OURS,)), ["a has an override, drain by ann"]),
    ],
)
def test_what_a_daemon_alone_can_tell(edge: Told, said: list[str]) -> None:
    found = obstacles([edge, edge], PLAN, PLAN.regions)
    assert len(found) == len(said), "each once, of however many edges"
    for text, part in zip(found, said, strict=True):
        assert part in text


def test_an_edge_that_lacks_the_service_or_a_region_is_in_the_way() -> None:
    other = PLAN.model_copy(update={"service": "embed"})
    assert obstacles([expected()], other, ["a"]) == ["the daemon has no service embed any more"]
    assert obstacles([expected()], PLAN, ["c"]) == ["service chat has no region c any more"]


def test_its_own_drain_is_in_nobodys_way_and_others_are() -> None:
    state = {"overrides": [OURS]}
    assert foreign_override(state, "a", PLAN.why) == ""
    assert foreign_override(state, "b", None) == ""
    assert "drain by ann" in foreign_override(state, "a", None)
    assert "down by bob" in foreign_override({"overrides": [BOB]}, "a", PLAN.why)


def test_one_that_has_begun_is_told_to_leave_nothing_out() -> None:
    """A rollout that goes on keeps its order."""
    edge = expected({"service": "chat", "pins": []}, overrides=(BOB,))
    for begun, says in ((False, 3), (True, 0)):
        found = obstacles([edge], PLAN, PLAN.regions, begun=begun)
        assert len(found) == 3
        assert sum("--order" in text for text in found) == says


class Refusing(Told):
    """An edge that notes that it is asked to drain; one that would be emptied refuses."""

    def __init__(self, emptied: list[dict[str, Any]], drained: list[str]) -> None:
        super().__init__({}, emptied)
        self._drained, self._refuses = drained, bool(emptied)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        if self._refuses:
            raise ResolverdError("without a no region serves service chat")
        self._drained.append(path)
        return {"wait_seconds": 1.0}


def test_no_edge_is_drained_where_another_refuses() -> None:
    drained: list[str] = []
    edges = [Refusing([], drained), Refusing([{"service": "chat", "pins": []}], drained)]
    with pytest.raises(ResolverdError, match="no region serves"):
        Withdrawal(edges, DrainSpec("a", "why", "ann")).begin()
    assert drained == []
    Withdrawal(edges[:1], DrainSpec("a", "why", "ann")).begin()
    assert drained == ["/drain"]
