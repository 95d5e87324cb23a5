"""What of a daemon's state is not well, from the JSON of /state; pure.

Each region is of one kind, by the first of these that holds:

    closed     its hours withdraw it
    drained    overrides withdraw it: its own, or those of all its endpoints that do not serve
    down       it does not serve
    unknown    it has no verdict yet
    degraded   it serves, but something about it is not well
    up         all is well

Those that are drained or closed are as somebody wants them to be, and no trouble.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

# In the order in which they are listed: the worst first.
KINDS = ("down", "unknown", "degraded", "drained", "closed", "up")
TROUBLES = frozenset({"down", "unknown", "degraded"})


def kind_of(region: Json) -> str:
    """The kind of a region, one of KINDS."""
    if not region["serves"]:
        if (region["hours"] or {}).get("withdraw"):
            return "closed"
        if region.get("withdrawn", region["override"]):  # an older daemon tells of overrides alone
            return "drained"
        return "unknown" if region["state"] == "unknown" else "down"
    well = region["state"] == "up" and all(map(is_well, region["endpoints"]))
    return "up" if well and not any(region["alerts"].values()) else "degraded"


def is_well(endpoint: Json) -> bool:
    """Whether an endpoint of GET /state serves, and no family or condition is amiss.

    One that an override withdraws is as somebody wants it to be.
    """
    if endpoint["override"] and not endpoint["serves"]:
        return True
    families = endpoint["families"] or {}
    certificate = endpoint["certificate"]
    return (
        endpoint["state"] == "up"
        and not endpoint["condition"]
        and not endpoint["differs"]
        and not any(family["withheld"] for family in families.values())
        and not (certificate and certificate["ends_soon"])
    )


def counts(state: Json) -> Counter[str]:
    """How many regions there are of each kind."""
    return Counter(kind_of(region) for region in state["regions"])


def sorted_regions(state: Json) -> list[Json]:
    """The regions, the worst first and else as they are configured."""
    return sorted(state["regions"], key=lambda region: KINDS.index(kind_of(region)))


def unserved(state: Json) -> list[Json]:
    """The services that no region serves."""
    return [service for service in state["services"] if not service["serves"]]


def unserved_fences(state: Json) -> list[tuple[Json, Json]]:
    """The fences of pins that no region serves, each after its service, which others serve."""
    return [
        (service, fence)
        for service in state["services"]
        if service["serves"]
        for fence in service["fences"]
        if fence["regions"] and not fence["serving"]
    ]


def host_troubles(state: Json) -> Iterator[tuple[str, str]]:
    """What is not well with the daemon's own host: pairs of a label and a reason."""
    if reason := state["isolation"]["reason"]:
        yield "NOT READY", reason
    for reason in state["degraded"]:
        yield "DEGRADED", reason
    reload = state["reload"]
    if reload["reason"]:
        yield "reload", _why(reload)
        yield "a restart", _restart(reload)
    for part in reload["outdated"]:
        yield "outdated", f"{part['part']}: {part['state']}; {part['problems'][0]['message']}"


def troubled(state: Json) -> list[Json]:
    """The regions that are not as somebody wants them to be, the worst first."""
    return [region for region in sorted_regions(state) if kind_of(region) in TROUBLES]


def any_trouble(state: Json) -> bool:
    """Whether the daemon, a service, one of its pins or a region is not well."""
    bad = troubled(state) or unserved(state) or state["down"]
    return bool(bad) or next(host_troubles(state), None) is not None


def _why(reload: Json) -> str:
    """Why not all is served: the first line of the first problem, and how many more there are."""
    first: str = reload["reason"].splitlines()[0]
    more = sum(problem["severity"] == "error" for problem in reload["problems"]) - 1
    return f"{first}; and {more} more: resolverd check" if more > 0 else first


def _restart(reload: Json) -> str:
    """What a restart would do, where the files on disk are refused."""
    if at := reload["restart"]:
        return f"would serve the files adopted at {at}, and not those on disk"
    return "would not come up: the files on disk are refused, and none are kept"
