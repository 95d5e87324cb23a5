"""What `resolverd state` says of the published generation; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from resolverd.cli.spans import since, span

_SHORT = 12


def published_facts(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Labels and facts: the generation served, the trial under way, and what is wrong."""
    published = state.get("published")
    if published is None:
        return
    if published["number"] is None:
        yield "generation", "none yet"
    else:
        whose = f", by {published['author']}: {published['note']}" if published["author"] else ""
        trial = ", on trial" if published["on_trial"] else ""
        yield (
            "generation",
            f"{published['number']} ({published['sha256'][:_SHORT]}){trial}, "
            f"since {since(published['since'])}{whose}",
        )
    if trial := published["trial"]:
        reached = [edge for wave in trial["waves"] for edge in wave]
        proved = sum(report["state"] == "proved" for report in trial["reports"])
        wave = f"wave {len(trial['waves']) - 1}" if trial["waves"] else "no canary yet"
        yield (
            "trial",
            f"generation {trial['number']}, {wave} for {span(trial['seconds'])}: "
            f"{proved} of {len(reached)} edges have proved it",
        )
    if published["trouble"]:
        yield "trouble", published["trouble"]
