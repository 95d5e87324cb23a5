"""A load controller over a simulated fleet: readings are given to it, its clock is set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resolverd.config.model import Config
from resolverd.config.targets import ProbeTargets, probe_targets
from resolverd.engine.counters import Counters
from resolverd.geo.locator import Locator
from resolverd.health.outcome import Condition
from resolverd.health.overrides import Overrides
from resolverd.health.readings import LoadReadings
from resolverd.health.resolved import UNRESOLVED
from resolverd.health.verdict import UNKNOWN, State, Verdict
from resolverd.load import LoadController
from resolverd.snapshot.compile import compile_services
from resolverd.snapshot.maps import MapMaker, edge_of
from resolverd.snapshot.model import Plan
from resolverd.snapshot.regions import World, judge_regions

Raw = dict[str, Any]


def fleet_config(service: Raw | None = None, **regions: Raw) -> Raw:
    """A configuration of regions a and b, of one endpoint each, and the service chat."""
    made = {}
    for name in ("a", "b"):
        endpoint = {"address": ["192.0.2.1"], "url": f"http://{name}.example"}
        made[name] = {"coordinates": [1, 2], "endpoint": [endpoint]} | regions.get(name, {})
    chat = {"regions": ["a", "b"], "policy": "failover"} | (service or {})
    return {
        "server": {"coordinates": [1, 2]},
        "probe": {"kind": "vllm", "model": "m", "interval": "5s", "timeout": "2s"},
        "region": made,
        "service": {"chat": chat},
    }


@dataclass
class Fleet:
    """What probes say, by target; `now` is the clock, `moved` how often shares were said to."""

    raw: Raw = field(default_factory=fleet_config)
    now: float = 1000.0
    moved: int = 0
    said: dict[str, Verdict] = field(default_factory=dict)
    read: dict[str, LoadReadings] = field(default_factory=dict)
    counted: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        self.load = LoadController(self, self._changed, lambda: self.now)
        self.adopt(self.raw)

    def adopt(self, raw: Raw) -> None:
        """Serve this configuration from now on."""
        self.config = Config.model_validate(raw)
        self.targets: ProbeTargets = probe_targets(self.config)
        made = compile_services(
            self.config, self.targets, MapMaker(Locator([]), edge_of(self.config))
        )
        self.plan = Plan(1, {}, made, b"", 1232)
        for target in self.targets.by_id:
            self.said.setdefault(target, verdict())
        self.steer()

    def verdict(self, target: str) -> Verdict:
        """What probing says of a target now."""
        return self.said.get(target, UNKNOWN)

    def settled(self) -> Mapping[str, Verdict]:
        """The same of all."""
        return self.said

    def loads(self) -> Mapping[str, LoadReadings]:
        """The latest readings."""
        return self.read

    def add_reading(self, target: str, waiting: float | None = None, **more: Any) -> None:
        """A new reading of a target, taken now."""
        self.read[target] = LoadReadings(at=self.now, waiting=waiting, **more)

    def steer(self) -> None:
        """What a new verdict brings about."""
        world = World(self.said, Overrides(), lambda _: UNRESOLVED)
        judged = judge_regions(self.plan, world, self.now)
        self.load.update(self.config, self.targets, self.plan, judged)

    async def pass_by(self, seconds: float, waiting: Mapping[str, float | None]) -> None:
        """Seconds in which targets are read every five, and the controller ticks every second."""
        for second in range(int(seconds)):
            if second % 5 == 0:
                for target, queue in waiting.items():
                    self.add_reading(target, queue)
            await self.tick()
            self.now += 1.0

    async def tick(self) -> None:
        """One tick of the controller by itself."""
        await self.load.tick(self._counted)

    def spill_ratio(self, region: str = "a") -> float:
        """The share that a region of chat sends on."""
        share = self.load.shares().get(("chat", region))
        return 0.0 if share is None else round(share.spill_ratio, 6)

    def accept_ratio(self, region: str = "b") -> float:
        """The share that a region of chat takes."""
        share = self.load.shares().get(("chat", region))
        return 0.0 if share is None else round(share.accept_ratio, 6)

    def saturation(self, region: str = "a") -> float | None:
        """How full a region of chat is."""
        return self.load.saturations().get(("chat", region))

    async def _counted(self) -> Counters:
        return self.counted

    def _changed(self) -> None:
        self.moved += 1


def verdict(state: State = State.UP, condition: Condition = Condition.NONE) -> Verdict:
    """A verdict on one target."""
    return Verdict(state, None, "", 1.0, state, probed_at=1000.0, condition=condition)
