"""What each region's clients get, over a window, and which alerts follow from it.

TTFT and success rates are those of the servers' own metrics, all endpoints of a region together.
Utilisation is that of the region's GPUs. A region's failover rate is the share of the answers of
its services that were neither the client's first choice nor sent on by it, while this region is one
that does not serve: DNS cannot tell whose client an answer would have been, but only such regions
lose any. Of several services the worst counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import NamedTuple

from resolverd.config.alerts import Alerts, merge_alerts
from resolverd.config.model import Config, Region
from resolverd.config.targets import ProbeTargets
from resolverd.engine.counters import Counters
from resolverd.health.gpus import GpuPage, GpuWatch
from resolverd.health.kinds.kind import reads
from resolverd.health.readings import LoadReadings
from resolverd.health.window import Window, quantile, success_rate, together
from resolverd.policy.alerts import AlertName, AlertState, Figures, Thresholds, follow

States = Mapping[AlertName, AlertState]


class _Answers(NamedTuple):
    """By service, at one moment: answers so far that named a region, and first choices of them.

    Those that were sent on, or trickle, are in neither: that is no failover.
    """

    at: float
    all: Mapping[str, int]
    first: Mapping[str, int]


class Alerting:
    """Alerts by region, and the figures that they are judged from; pure but for the readings."""

    def __init__(self, gpus: GpuWatch) -> None:
        self.states: dict[str, States] = {}
        self.figures: dict[str, Figures] = {}
        self._gpus = gpus
        self._settings: dict[str, Alerts] = {}
        self._targets: dict[str, list[str]] = {}
        self._services: dict[str, list[str]] = {}
        self._windows: dict[str, Window] = {}
        self._answers: deque[_Answers] = deque()
        self._config: Config

    def adopt(self, config: Config, targets: ProbeTargets) -> None:
        """Judge the regions of this configuration; what is known of those that stay is kept."""
        self._config = config
        self._settings = {
            r: merge_alerts(config.alerts, t.alerts) for r, t in config.region.items()
        }
        self._services = {region: [] for region in config.region}
        for name, service in config.service.items():
            for region in service.regions:
                self._services[region].append(name)
        self._targets = {region: [] for region in config.region}
        seen: set[tuple[str, str]] = set()
        for target in targets.by_id.values():
            if not reads(target.settings):
                continue
            if (target.region, target.name) not in seen:  # an endpoint counts once
                seen.add((target.region, target.name))
                self._targets[target.region].append(target.id)
        for known in (self.states, self.figures):
            for gone in set(known) - set(config.region):
                del known[gone]
        wanted = {target for ids in self._targets.values() for target in ids}
        self._windows = {t: self._windows.get(t) or Window() for t in wanted}
        self._gpus.replace(page for region in config.region.values() for page in pages_of(region))

    def sample(self, readings: Mapping[str, LoadReadings]) -> Generator[None, None, None]:
        """Add new readings, by target id, to each target's window; a step for each region."""
        settings, windows = self._settings, self._windows  # an edit puts others in their place
        for region, targets in self._targets.items():
            span = settings[region].window
            for target in targets:
                reading, window = readings.get(target), windows[target]
                if reading is not None and reading is not window.latest:
                    window.add(reading, span)
            yield

    def judge(
        self, counted: Counters, away: Collection[tuple[str, str]], now: float
    ) -> Generator[None, None, None]:
        """Judge every region, a step for each; `away` are the (service, region) that do not serve.

        What is known is that of before until all are judged. Where a configuration is adopted
        between two steps, its regions are judged from the first.
        """
        self._answers.append(_answers(counted, now))
        longest = max((s.window for s in self._settings.values()), default=0.0)
        while len(self._answers) > 1 and self._answers[1].at <= now - longest:
            self._answers.popleft()
        while not (yield from self._judge_all(away, now)):
            pass

    def _judge_all(
        self, away: Collection[tuple[str, str]], now: float
    ) -> Generator[None, None, bool]:
        """Whether all regions are judged; False where they have become others meanwhile."""
        judged = self._settings
        rates: dict[tuple[float, int], Mapping[str, float]] = {}
        all_figures: dict[str, Figures] = {}
        states: dict[str, States] = {}
        for region, settings in judged.items():
            asked = settings.window, settings.requests
            if asked not in rates:
                rates[asked] = self._rates(*asked, now)
            failover_rate = self._failover_rate(region, rates[asked], away)
            figures = all_figures[region] = self._figures(region, settings, failover_rate, now)
            before = self.states.get(region, {})
            states[region] = follow(before, figures, _thresholds(settings), now)
            yield
            if self._settings is not judged:
                return False
        self.figures, self.states = all_figures, states
        return True

    @property
    def degrades(self) -> bool:
        """Whether `degraded` holds for any region."""
        return any(
            self.degraded(region) for region, settings in self._settings.items() if settings.degrade
        )

    def degraded(self, region: str) -> bool:
        """Whether an alert fires that makes the region send clients on."""
        states, settings = self.states.get(region), self._settings.get(region)
        if states is None or settings is None:
            return False
        return any(states[alert].firing for alert in settings.degrade)

    def _figures(
        self, region: str, settings: Alerts, failover_rate: float | None, now: float
    ) -> Figures:
        span, minimum = settings.window, settings.requests
        growth = together(self._windows[t].growth(now, span) for t in self._targets[region])
        return Figures(
            ttft_p50=quantile(growth.ttft, 0.5, minimum),
            ttft_p99=quantile(growth.ttft, 0.99, minimum),
            success_rate=success_rate(growth.responses, minimum),
            gpu=self._gpus.utilisation(pages_of(self._config.region[region])),
            failover_rate=failover_rate,
        )

    def _rates(self, window: float, minimum: int, now: float) -> Mapping[str, float]:
        """Of each service with so many answers, the share that was no first choice."""
        began = next(a for a in self._answers if a.at >= now - window)
        last = self._answers[-1]
        rates = {name: _rate(name, began, last, minimum) for name in last.all}
        return {name: rate for name, rate in rates.items() if rate is not None}

    def _failover_rate(
        self, region: str, rates: Mapping[str, float], away: Collection[tuple[str, str]]
    ) -> float | None:
        known = [name for name in self._services[region] if name in rates]
        return max((rates[name] if (name, region) in away else 0.0 for name in known), default=None)


def pages_of(region: Region) -> Sequence[GpuPage]:
    """The pages of GPU metrics of a region."""
    return [GpuPage(url, region.gpu_metric, region.gpu_metric_full) for url in region.gpu_metrics]


def _rate(service: str, began: _Answers, last: _Answers, minimum: int) -> float | None:
    total = last.all.get(service, 0) - began.all.get(service, 0)
    first = last.first.get(service, 0) - began.first.get(service, 0)
    return 1 - first / total if total >= minimum else None


def _answers(counted: Counters, now: float) -> _Answers:
    return _Answers(now, _by_service(counted.steered), _by_service(counted.first_choice))


def _by_service(counts: Mapping[tuple[str, str, str], int]) -> Mapping[str, int]:
    total: dict[str, int] = {}
    for (service, region, outcome), count in counts.items():
        if region and outcome not in {"spilled", "trickled", "held"}:
            total[service] = total.get(service, 0) + count
    return total


def _thresholds(settings: Alerts) -> Thresholds:
    return Thresholds(
        ttft_p50=settings.ttft_p50,
        ttft_p99=settings.ttft_p99,
        success_rate=settings.success_rate,
        gpu_high=settings.gpu_high,
        gpu_low=settings.gpu_low,
        failover_rate=settings.failover_rate,
        sustained=settings.sustained,
        gpu_sustained=settings.gpu_sustained,
    )
