"""What /state says of the other edges, and of what they say of each target."""

from __future__ import annotations

from typing import Any

from resolverd.config.fleet import VerdictPolicy
from resolverd.fleet.edges import Edge
from resolverd.fleet.observations import Observations
from resolverd.fleet.observed import Observed
from resolverd.health.agreement import Standing
from resolverd.health.verdict import State, Verdict

Json = dict[str, Any]


def edges_part(observations: Observations, now: float) -> list[Json]:
    """Each edge that was heard; `now` is a reading of the monotonic clock."""
    live = observations.live()
    return [
        {
            "edge": name,
            "live": name in live,
            "place": list(edge.head.place),
            "age_seconds": round(max(0.0, now - edge.fresh_at), 3),
            "lag_seconds": round(edge.lag, 3),
            "targets": len(edge.targets),
        }
        for name, edge in sorted(observations.edges.known.items())
    ]


def target_part(
    observations: Observations, target: str, own: Verdict, live: dict[str, Edge], now: float
) -> Json:
    """What the others say of one target, of which this edge's own verdict is `own`."""
    votes = observations.votes(target, live)
    found = observations.disagreements.standing.get(target)
    standing = found.standing if found else (Standing.AGREED if votes else Standing.ALONE)
    since = observations.disagreements.since.get(target)
    return {
        "verdicts": _text(observations.policy(target)),
        "standing": standing.value,
        "for_seconds": None if since is None else round(now - since, 3),
        "serving": sum(votes.values()),
        "not_serving": sum(not vote for vote in votes.values()),
        "edges": [
            {"edge": name, **_observed(observed)}
            for name in sorted(votes)
            if (observed := live[name].observed(target)) is not None
            and (observed.state is not State.UP or not own.measured.serves)
        ],
    }


def _observed(observed: Observed) -> Json:
    return {
        "state": observed.state.value,
        "reason": observed.reason or None,
        "connect_seconds": _seconds(observed.connect_ms),
        "ttft_seconds": _seconds(observed.ttft_ms),
        "saturation_ratio": observed.saturation,
    }


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else round(ms / 1000, 6)


def _text(policy: VerdictPolicy) -> str:
    return f"{policy.kind}:{policy.edges}" if policy.edges else policy.kind
