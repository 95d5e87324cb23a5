"""What stands in the way of a rollout, before anything is drained for it: all of it at once.

Every endpoint is asked what it will be asked for once its region is updated, so that a server that
tells no version, an unreadable credential or a certificate that is not believed stops nothing half
way. What is found is a text each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from resolverd.config.fences import whose
from resolverd.errors import ExitCode, ResolverdError
from resolverd.health.kinds.kind import lists_models
from resolverd.rollout import verify
from resolverd.rollout.checkpoint import Checkpoint
from resolverd.rollout.fleet import endpoints_of, model_of, region_of, service_of
from resolverd.rollout.withdrawal import Edge

# A rollout that has begun keeps its order.
_LEAVE_OUT = "leave it out with --order"
# What differs in another version of vLLM.
_CHANGING = ("version", "fingerprint")


class ObstaclesError(ResolverdError):
    """A rollout cannot begin; the text has every reason."""

    exit_code = ExitCode.PROBLEMS

    def __init__(self, found: Sequence[str]) -> None:
        self.obstacles = tuple(found)
        listed = "".join(f"\n  {obstacle}" for obstacle in found)
        super().__init__(f"nothing was drained:{listed}")


def obstacles(
    edges: Sequence[Edge], plan: Checkpoint, regions: Sequence[str], *, begun: bool = False
) -> list[str]:
    """Why these regions of a rollout cannot be drained, or not be verified afterwards.

    Once it has `begun` its own drains are in nobody's way. Raises as the edges do.
    """
    ours = plan.why if begun else None
    found: dict[str, None] = {}
    for edge in edges:
        state = edge.get("/state")
        try:
            found |= dict.fromkeys(_of_edge(edge, state, plan, regions, ours))
        except ResolverdError as error:  # this edge has no such service or region
            found[str(error)] = None
    if not found:
        for region in regions:
            found |= dict.fromkeys(_unverifiable(edges[0], plan, region))
    return list(found)


def foreign_override(state: Mapping[str, Any], region: str, ours: str | None) -> str:
    """Who overrides a region for another reason than `ours`; empty where nobody does.

    Those of a rollout that has begun have `ours`; before that a region may be left out.
    """
    leave_out = f", or {_LEAVE_OUT}" if ours is None else ""
    for override in state["overrides"]:
        if override["target"] == region and override["why"] != ours:
            return (
                f"{region} has an override, {override['kind']} by {override['who']}: "
                f"{override['why']}; "
                f"resolverd clear {region}{leave_out}"
            )
    return ""


def _of_edge(
    edge: Edge,
    state: Mapping[str, Any],
    plan: Checkpoint,
    regions: Sequence[str],
    ours: str | None,
) -> Iterator[str]:
    """What a daemon alone knows."""
    agreed = service_of(state, plan.service)["must_agree"]
    leave_out = f", {_LEAVE_OUT}" if ours is None else ""
    for field in _CHANGING:
        if field in agreed and len(plan.regions) > 1:
            yield (
                f'must_agree of service {plan.service} has "{field}", so that the first region '
                "updated would be withdrawn; take it out until the rollout is over"
            )
    for region in regions:
        seen = region_of(state, plan.service, region)
        if reason := foreign_override(state, region, ours):
            yield reason
        emptied = edge.get("/drain", region=region)["emptied"]
        if emptied and not plan.force:
            fences = ", ".join(whose(fence["service"], fence["pins"]) for fence in emptied)
            yield (
                f"without {region} no region serves {fences}; "
                f"bring another up first{leave_out}, or --force it"
            )
        for endpoint in seen["endpoints"]:
            yield from _of_probe(endpoint, plan)


def _of_probe(endpoint: Mapping[str, Any], plan: Checkpoint) -> Iterator[str]:
    """Whether an endpoint's probe would never let the new version be healthy."""
    name, probe = endpoint["name"], endpoint["probe"]
    if probe["version"] not in ("", plan.version):
        yield (
            f"{name} is down for its probe with any version but {probe['version']}; "
            f'write version = "" in its probe, or "{plan.version}" once it has that'
        )
    if probe["fingerprint"]:
        yield (
            f"{name} is down for its probe with any fingerprint but {probe['fingerprint']}, "
            'which another version changes; write fingerprint = "" in its probe'
        )


def _unverifiable(edge: Edge, plan: Checkpoint, region: str) -> Iterator[str]:
    """What the servers of a region do not answer, each of them asked."""
    state = edge.get("/state")
    model = model_of(state, plan.service, region)
    probed = region_of(state, plan.service, region)["endpoints"]
    kinds = {endpoint["endpoint"]: endpoint["probe"]["kind"] for endpoint in probed}
    for endpoint in endpoints_of(edge, plan.service, region, plan.credential):
        try:
            verify.version_of(endpoint)
            verify.models_of(endpoint)
            verify.completion_of(endpoint, model, plan.prompt, plan.tokens)
        except ResolverdError as error:
            kind = kinds.get(endpoint.name, "")
            why = f"{region} could not be verified: {' '.join(str(error).split())}"
            yield why if lists_models(kind) else f'{why}; it is probed as "{kind}"'
