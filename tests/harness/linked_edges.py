"""Edges of a fleet in the test's own loop: a link each, or with it the words of operators."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.nats import NatsServer, nats
from harness.waiting import until_holds
from resolverd.config.fleet import EVERY_EDGE, Fleet
from resolverd.errors import EngineError
from resolverd.fleet.joined import Joined
from resolverd.fleet.link import Link, LinkState
from resolverd.fleet.words import Told
from resolverd.health.overrides import Orders, Override, OverrideKind, Overrides
from resolverd.policy.operator_rules import OperatorRule, in_words
from resolverd.tasks import Tasks

TIMEOUT = 60.0
REGIONS = frozenset({"eu-west", "us-east", "us-west"})
RULES = frozenset({"chat", "chat/eu-west"})

until = partial(until_holds, within=TIMEOUT)


def settings(urls: Sequence[str], edge: str = "fra1", **options: Any) -> Fleet:
    """A fleet's settings."""
    return Fleet.model_validate({"urls": tuple(urls), "edge": edge, **options})


@asynccontextmanager
async def linked(urls: Sequence[str], edge: str = "fra1", **options: Any) -> AsyncIterator[Link]:
    """A link that is kept up; it may not be connected yet."""
    states: list[LinkState] = []
    link = Link(settings(urls, edge, **options), Path("/"), states.append)
    await link.start()
    try:
        yield link
    finally:
        await link.stop()


@dataclass
class Edge:
    """An edge that has the words of its fleet in force; `obeyed` is what answers would obey."""

    joined: Joined
    overrides: Overrides = field(default_factory=Overrides)
    rules: Orders[OperatorRule] = field(default_factory=Orders)
    tasks: Tasks = field(default_factory=Tasks)
    obeyed: dict[str, str] = field(default_factory=dict)
    failing: int = 0
    ttls: dict[str, float] = field(default_factory=dict)

    def says(self) -> dict[str, str]:
        """The kinds of the overrides in force, by target."""
        active = self.overrides.active(time.monotonic())
        return {target: override.kind.value for target, override in active.items()}

    async def say(
        self,
        kind: OverrideKind | None,
        target: str = "eu-west",
        *,
        scope: str = EVERY_EDGE,
        seconds: float | None = None,
        why: str = "disks",
    ) -> Told:
        """Say it here, and wait until the live edges obey."""
        now = time.monotonic()
        until = None if seconds is None else now + seconds
        override = None if kind is None else Override(kind, "op", why, now, until)
        self.joined.words.say([target], override, scope)
        await self.republish()
        return await self.joined.words.told([target], scope)

    def spills(self) -> dict[str, str]:
        """The spill rules in force, by what they are of."""
        active = self.rules.active(time.monotonic())
        return {target: in_words(rule.share) for target, rule in active.items()}

    async def say_spill(
        self,
        share: float | None,
        target: str = "chat/eu-west",
        *,
        scope: str = EVERY_EDGE,
        seconds: float | None = None,
    ) -> Told:
        """Say a spill rule here, and wait until the live edges obey."""
        now = time.monotonic()
        until = None if seconds is None else now + seconds
        rule = None if share is None else OperatorRule(share, "op", "a surge", now, until)
        self.joined.words.say([target], rule, scope, "spill")
        await self.republish()
        return await self.joined.words.told([target], scope, "spill")

    async def republish(self) -> None:
        """As a daemon does: take some time, then obey; `failing` times it does not come to that."""
        said = self.says()
        await asyncio.sleep(0.005)
        if self.failing:
            self.failing -= 1
            raise EngineError("a thread does not take the table")
        self.obeyed = said


@asynccontextmanager
async def edge(
    urls: Sequence[str],
    name: str,
    *,
    kept: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Override] | None = None,
    **options: Any,
) -> AsyncIterator[Edge]:
    """An edge that has started, and has what a process before it `kept`."""
    joined = Joined(settings(urls, name, **options), Path("/"), kept or {}, overrides or {})
    found = Edge(joined)
    await joined.start()
    await joined.settle()
    joined.into(
        found.overrides, lambda: REGIONS, found.rules, lambda: RULES, found.republish,
        lambda region: found.ttls.get(region, 0.0),
    )  # fmt: skip
    await found.republish()
    joined.keep(found.tasks)
    try:
        yield found
    finally:
        await found.tasks.stop()
        await joined.stop()


@asynccontextmanager
async def two_edges(folder: Path) -> AsyncIterator[tuple[NatsServer, Edge, Edge]]:
    """A server of NATS, and fra1 and ams1, which have heard of each other."""
    async with (
        nats(folder) as server,
        edge([server.url], "fra1") as fra,
        edge([server.url], "ams1") as ams,
    ):
        await until(lambda: len(fra.joined.link.store.edges()) == 2)
        yield server, fra, ams
