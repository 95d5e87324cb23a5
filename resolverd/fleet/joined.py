"""This edge in its fleet: the link, the words, the observations, and how they stand."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from resolverd.config.fleet import Fleet
from resolverd.config.types import Coordinates
from resolverd.fleet.bucket import TIMEOUT
from resolverd.fleet.link import Link, LinkState
from resolverd.fleet.observation_document import edges_part, target_part
from resolverd.fleet.observations import Observations
from resolverd.fleet.store import EDGE_TIMEOUT
from resolverd.fleet.words import Words
from resolverd.health.overrides import Orders, Override
from resolverd.health.verdict import Verdict
from resolverd.policy.operator_rules import OperatorRule
from resolverd.tasks import Tasks


class Joined:
    """One edge in a fleet, which stands at `place` (degrees).

    `kept` is what an earlier process knew of words, `overrides` and `rules` those of a time without
    a fleet.
    `start`, `settle` before the first answer, `into`, `keep`, `stop`.
    """

    def __init__(
        self,
        settings: Fleet,
        base: Path,
        kept: Mapping[str, Any],
        overrides: Mapping[str, Override],
        place: Coordinates = (0.0, 0.0),
        link: Link | None = None,
        rules: Mapping[str, OperatorRule] = MappingProxyType({}),
    ) -> None:
        """`link` is one that has been started already."""
        self.settings = settings
        self._started = link is not None
        self.link = link or Link(settings, base, self._changed)
        self.link.on_change(self._changed)
        self.observations = Observations(settings, place, self.link)
        self.words = Words(self.link.store, settings, kept, overrides, rules)

    async def start(self) -> None:
        """Connect in the background."""
        if not self._started:
            await self.link.start()

    async def settle(self, waited: float = 0.0) -> None:
        """Hear all that the fleet has said, within `start_wait`, so that the first answer obeys.

        So many seconds of that have been `waited` already. A quorum that is there by now is asked
        all the same.
        """
        start_wait = self.settings.start_wait
        left = max(0.0, start_wait - waited)
        if self.link.state.quorum:
            left = max(left, min(start_wait, TIMEOUT))
        await self.words.settle(left)

    def into(
        self,
        overrides: Orders[Override],
        override_keys: Callable[[], Collection[str]],
        rules: Orders[OperatorRule],
        rule_keys: Callable[[], Collection[str]],
        republish: Callable[[], Awaitable[object]],
        ttl_of: Callable[[str], float],
    ) -> None:
        """Put what is in force into `overrides` and `rules`, now and from now on: `Words.into`."""
        self.words.into(overrides, override_keys, rules, rule_keys, republish, ttl_of)

    def keep(self, tasks: Tasks) -> None:
        """Begin the tasks of an edge that answers."""
        tasks.keep("fleet words", self.words.keep)

    async def stop(self) -> None:
        """End the connection."""
        await self.link.stop()

    def every_edge(self) -> set[str]:
        """The edges that the fleet has, this one too, as far as is known here."""
        return {self.words.edge, *self.link.store.every_edge()}

    def troubles(self) -> list[str]:
        """What keeps this edge from the others, in words; empty while all is well."""
        state, found = self.link.state, []
        if not state.quorum:
            away = "has no quorum" if state.connected else "is away"
            found.append(
                f"the fleet's NATS {away}, and this edge goes on with what it knows: {state.reason}"
            )
        if state.forbidden:
            found.append(
                f"NATS at {state.server} refuses what a fleet needs: {state.forbidden}; allow the "
                "user of this edge the subjects that docs/fleet.md names"
            )
        if time.monotonic() - self.link.store.same_name_at <= EDGE_TIMEOUT:
            found.append(
                f"another process of the fleet is called {self.words.edge} too: write fleet.edge, "
                "a name for each edge, and restart"
            )
        if pending := len(self.words.pending):
            live, every = self.link.store.edges(), self.link.store.every_edge()
            others = len((set(live) if state.quorum else every) - {self.words.edge})
            found.append(
                f"{pending} word{'' if pending == 1 else 's'} of operators said here only; edges "
                f"that do not know: {others}"
            )
        return found

    def document(self) -> dict[str, Any]:
        """How the fleet stands, for GET /state."""
        state, store = self.link.state, self.link.store
        live, obeyed = store.edges(), store.obeyed()
        newest = self.words.revision
        return {
            "name": self.settings.name,
            "edge": self.words.edge,
            "connected": state.connected,
            "quorum": state.quorum,
            "for_seconds": round(time.monotonic() - state.since, 3),
            "server": state.server or None,
            "reason": state.reason or None,
            "forbidden": state.forbidden or None,
            "edges": [
                {
                    "edge": edge,
                    "heard_seconds": round(live[edge], 3) if edge in live else None,
                    "obeys": obeyed.get(edge, 0) >= newest,
                }
                for edge in sorted({*store.every_edge(), *live})
            ],
            "pending": [
                {
                    "scope": address.scope,
                    "target": address.target,
                    "about": address.kind,
                    "kind": None if word is None else word.in_words,
                }
                for address, word in self.words.pending.items()
            ],
            "observing": edges_part(self.observations, time.monotonic()),
        }

    def said_of(self, verdicts: Mapping[str, Verdict]) -> dict[str, Any]:
        """What the others say of targets, of which these are this edge's own verdicts."""
        live, now = self.observations.live(), time.monotonic()
        return {
            target: target_part(self.observations, target, own, live, now)
            for target, own in verdicts.items()
        }

    def _changed(self, _: LinkState) -> None:
        self.words.note()
