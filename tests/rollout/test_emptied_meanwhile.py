"""A drain that is waited out while another operator takes the rest of a fence out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from resolverd.rollout.withdrawal import DrainSpec, NotDrainedError, Withdrawal


class Edge:
    """A daemon whose fence of eu-west and us-east is served by these regions."""

    def __init__(self, *serving: str) -> None:
        self.serving = list(serving)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The state; a drain that is asked about would empty nothing, as far as it has heard."""
        if path == "/drain":
            return {"emptied": []}
        fence = {"pins": ["gdpr"], "regions": ["eu-west", "us-east"], "serving": self.serving}
        whole = {"pins": [], "regions": ["eu-west", "us-east", "us-west"], "serving": ["us-west"]}
        return {
            "overrides": [{"target": "eu-west", "kind": "drain"}],
            "services": [{"name": "chat", "fences": [whole, fence]}],
            "down": "chat (pin gdpr) has no region (us-east: drain by bob)",
        }

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """It drains the region."""
        self.serving = [region for region in self.serving if region != "eu-west"]
        return {"wait_seconds": 0.0, "emptied": []}

    def delete(self, path: str, name: str, **query: str) -> dict[str, Any]:
        """It is never asked that."""
        raise AssertionError(name)


def test_nothing_is_safe_to_stop_once_others_have_taken_the_rest_of_a_fence() -> None:
    edge = Edge("eu-west", "us-east")
    withdrawal = Withdrawal([edge], DrainSpec("eu-west", "disks", "ann"))
    withdrawal.begin()
    withdrawal.check()
    edge.serving.remove("us-east")
    with pytest.raises(NotDrainedError) as refused:
        withdrawal.wait_out(lambda _: None)
    assert "no region serves service chat under pin gdpr any more" in str(refused.value)
    assert "us-east: drain by bob" in str(refused.value)
    assert "resolverd clear" in str(refused.value)


def test_a_fence_that_was_empty_before_or_is_emptied_by_force_is_no_news() -> None:
    bare = Withdrawal([Edge()], DrainSpec("eu-west", "disks", "ann"))
    bare.begin()
    bare.check()
    forced = Withdrawal([Edge("eu-west")], DrainSpec("eu-west", "disks", "ann", force=True))
    forced.begin()
    forced.check()
