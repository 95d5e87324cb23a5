"""What an `Observation` asks of a fleet, of which it knows nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from resolverd.config.model import Config
from resolverd.config.targets import ProbeTargets
from resolverd.health.canary_turns import CanaryTurns
from resolverd.health.monitor import Monitor
from resolverd.health.verdict import Verdict


class OtherEdges(Protocol):
    """The other edges of a fleet, and what they see. Times are of the monotonic clock, in seconds.

    `out` are the regions that are drained or closed, whatever probes say.
    """

    @property
    def turns(self) -> CanaryTurns:
        """Whose turn it is to ask which endpoint."""

    def join(
        self,
        monitor: Monitor,
        changed: Callable[[], None],
        saturations: Callable[[], Mapping[str, float]],
    ) -> None:
        """Tell the others what `monitor` sees; `changed` is called when what they say has."""

    def observe(self, config: Config, targets: ProbeTargets) -> None:
        """Know that these are observed from now on."""

    def news(self) -> None:
        """A verdict of this edge has changed: the others are to be told at once."""

    def late(self, target: str) -> None:
        """A probe takes unusually long: the others are to be told at once."""

    def record(self, own: Mapping[str, Verdict], out: Collection[str], now: float) -> None:
        """Move on to `now`: what began and ended is logged and counted, and targets asked again."""

    def over(
        self, own: Mapping[str, Verdict], out: Collection[str], now: float
    ) -> dict[str, Verdict]:
        """This edge's `own` verdicts as they stand with the others'; nothing is changed."""

    async def start(self) -> None:
        """Tell and hear, from now on."""

    async def stop(self) -> None:
        """Tell and hear no more."""
