"""One region drained at every edge host, and the wait until its last answer has run out.

An override lives in a daemon's memory, so the drain is looked at while it is waited for: one that
was cleared, that ended by itself, or whose daemon was restarted, makes nothing safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from resolverd.config.fences import whose
from resolverd.errors import ExitCode, ResolverdError

# Seconds between two GET /state while TTLs run out: more notices a drain that was cleared later.
POLL_INTERVAL = 1.0


class Edge(Protocol):
    """A running daemon's admin API; each call raises ResolverdError when it fails."""

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The JSON response to GET `path` with `query`."""

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON response to POST `path`."""

    def delete(self, path: str, name: str, **query: str) -> dict[str, Any]:
        """The JSON response to DELETE `path`/`name`."""


class NotDrainedError(ResolverdError):
    """The drain ended before it was safe to stop the region."""

    exit_code = ExitCode.PROBLEMS


@dataclass(frozen=True, slots=True)
class DrainSpec:
    """What to drain, and for how many seconds: None holds until it is cleared.

    `why` and `who` are what others see of it. `edge` limits it to one edge of a fleet.
    """

    region: str
    why: str
    who: str
    seconds: float | None = None
    force: bool = False
    edge: str = ""


@dataclass(slots=True)
class Withdrawal:
    """A region drained at `edges`; `replies` are their answers to POST /drain.

    It has `begun` once the first of them was asked, whatever that came to.
    """

    edges: Sequence[Edge]
    spec: DrainSpec
    replies: list[dict[str, Any]] = field(default_factory=list)
    begun: bool = False
    _safe: float = 0.0
    _bare: frozenset[str] = frozenset()

    def longest_ttl(self) -> float:
        """Seconds for which answers that name the region may live now, by each edge's own TTLs.

        An older daemon does not say it.
        """
        region = self.spec.region
        said = [edge.get("/drain", region=region).get("wait_seconds", 0.0) for edge in self.edges]
        return max(map(float, said), default=0.0)

    def begin(self) -> None:
        """Drain it everywhere. Raises as the edges do; those drained before stay so.

        An edge that refuses is asked first, so that none is drained alone.
        """
        spec = self.spec
        refuse = [
            not spec.force and bool(edge.get("/drain", region=spec.region)["emptied"])
            for edge in self.edges
        ]
        edges = [edge for _, edge in sorted(zip(refuse, self.edges, strict=True), key=_refusing)]
        body = {
            "region": spec.region, "why": spec.why, "who": spec.who,
            "for": spec.seconds, "force": spec.force,
        }  # fmt: skip
        if spec.edge:  # which an older daemon does not know
            body["edge"] = spec.edge
        self._bare = self._unserved()
        self.begun = True
        self.replies = [edge.post("/drain", body) for edge in edges]
        self._safe = time.monotonic() + self.wait

    @classmethod
    def taken_over(cls, edges: Sequence[Edge], spec: DrainSpec, left: float) -> Withdrawal:
        """A withdrawal whose drain is in force already, and that is safe in `left` seconds.

        What no region serves at that time counts as unserved since before.
        """
        withdrawal = cls(edges, spec, _safe=time.monotonic() + left)
        withdrawal._bare = withdrawal._unserved()
        return withdrawal

    @property
    def wait(self) -> float:
        """Seconds from the beginning until the last TTL has run out."""
        return max((float(replies["wait_seconds"]) for replies in self.replies), default=0.0)

    @property
    def left(self) -> float:
        """Seconds until it is safe to stop the region; 0 when it is."""
        return max(0.0, self._safe - time.monotonic())

    def wait_out(self, progress: Callable[[float], None]) -> None:
        """Return when it is safe to stop the region; `progress` hears the seconds left.

        Raises NotDrainedError when the drain ended before, or nothing else serves its clients.
        """
        while True:
            self.check()
            self.check_served()
            left = self.left
            progress(left)
            if not left:
                return
            time.sleep(min(left, POLL_INTERVAL))

    def check(self) -> None:
        """Raise NotDrainedError unless every edge that is to has the region drained still."""
        for edge in self.edges:
            state = edge.get("/state")
            if self._is_meant(state) and not drained(state, self.spec.region):
                raise NotDrainedError(
                    f"{self.spec.region} is not drained any more: its override was cleared or "
                    "ended, or the daemon was restarted\nnothing is safe to stop; drain it again"
                )

    def check_served(self) -> None:
        """Raise NotDrainedError where a fence of the region has lost its last region since.

        Others have taken out the rest, or it died: whoever stops this region too would leave its
        clients nothing. Once it is stopped there is nothing to check.
        """
        if self.spec.force:
            return
        for edge in self.edges:
            state = edge.get("/state")
            if bare := self._bare_now(state):
                names = ", ".join(bare)
                raise NotDrainedError(
                    f"no region serves {names} any more: {state.get('down')}\n"
                    "nothing is safe to stop; end one of these: resolverd clear REGION"
                )

    def _unserved(self) -> frozenset[str]:
        """The fences of the region that no region serves now, at any edge."""
        region = self.spec.region
        return frozenset(n for edge in self.edges for n in unserved_by(edge.get("/state"), region))

    def _bare_now(self, state: Mapping[str, Any]) -> list[str]:
        """The fences of the region that have lost their last region since the beginning."""
        if not self._is_meant(state):
            return []
        return [n for n in unserved_by(state, self.spec.region) if n not in self._bare]

    def _is_meant(self, state: Mapping[str, Any]) -> bool:
        """Whether the drain holds at this edge: one of a fleet may be named."""
        fleet = state.get("fleet") or {}
        return not self.spec.edge or fleet.get("edge") == self.spec.edge


def drained(state: Mapping[str, Any], region: str) -> bool:
    """Whether an override withdraws `region`, by an edge's state."""
    return any(
        override["target"] == region and override["kind"] in {"drain", "down"}
        for override in state["overrides"]
    )


def unserved_by(state: Mapping[str, Any], region: str) -> list[str]:
    """The fences that `region` is in and that no region serves, by an edge's state, in words."""
    return [
        whose(service["name"], fence["pins"])
        for service in state.get("services", [])
        for fence in service["fences"]
        if region in fence["regions"] and not fence["serving"]
    ]


def untold(answer: Mapping[str, Any]) -> str:
    """Which edges of a fleet do not obey what was said, in words; empty where all do."""
    fleet = answer.get("fleet")  # which an older daemon does not report
    if not fleet or not (fleet["pending"] or fleet["without"]):
        return ""
    names, many = fleet["without"], len(fleet["without"])
    edges = f"{many} edge{'' if many == 1 else 's'}: {', '.join(names)}" if names else "no edge"
    if fleet["pending"]:
        return f"said here only, for NATS is away: it is told once that is back; not told: {edges}"
    return f"not obeyed yet by {edges}"


def _refusing(refusal: tuple[bool, Edge]) -> bool:
    return not refusal[0]
