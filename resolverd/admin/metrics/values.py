"""What one scrape reads: a daemon at one moment, everything taken from it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

from resolverd.admin.served import Served
from resolverd.config.targets import ProbeTarget, endpoint_and_probe
from resolverd.engine.counters import Counters
from resolverd.health.verdict import Verdict
from resolverd.policy.share import NO_SHARE, Share
from resolverd.snapshot.model import JudgedRegion
from resolverd.snapshot.regions import judge_regions

Known = TypeVar("Known")


class Subject(NamedTuple):
    """One endpoint under one probe, in the plain names that operators wrote; labels of a sample.

    `probe` is the service whose own settings probe it, and empty for the probe that services share.
    """

    region: str
    endpoint: str
    probe: str


LABELS = Subject._fields
SERVICE_REGION = ("service", "region")


@dataclass(frozen=True)
class Values:
    """A daemon that is ready, what its engine has `counted`, and the time.

    `now` is a reading of the monotonic clock and `unix` the time of day, both in seconds.
    """

    served: Served
    counted: Counters
    now: float
    unix: float

    @cached_property
    def judged(self) -> Mapping[str, JudgedRegion]:
        """The regions by site."""
        return judge_regions(self.served.snapshot.plan, self.served.world, self.now)

    @cached_property
    def subjects(self) -> Mapping[str, Subject]:
        """The labels of each probe target of the configuration that is served, by its id."""
        targets = self.served.inputs.targets.by_id.values()
        return {target.id: subject_of(target) for target in targets}

    @cached_property
    def endpoints(self) -> Mapping[Subject, tuple[str, Verdict]]:
        """The id and the verdict of each probe target that decides for some service.

        Sites may share a target. What the verdicts then differ in is only whether the endpoint's
        hostname has an address, so what is read of these must not depend on that.
        """
        return {
            self.subjects[target]: (target, verdict)
            for site in self.judged.values()
            for target, verdict in site.endpoints.items()
            if target in self.subjects
        }

    @cached_property
    def shares(self) -> Mapping[tuple[str, str], Share]:
        """The share of each region of each service, by both."""
        known = self.served.load.shares()
        return {
            (name, region): known.get((name, region), NO_SHARE)
            for name, service in self.served.snapshot.plan.services.items()
            for region in service.own
        }

    def by_service(self) -> Iterator[tuple[str, JudgedRegion]]:
        """Each service with each of its regions, as it is judged for that service."""
        for site in self.judged.values():
            for service in site.services:
                yield service, site

    def known(self, by_target: Mapping[str, Known]) -> Iterator[tuple[Subject, Known]]:
        """What is known of probe targets, by their labels; of those that are still configured."""
        for target, value in by_target.items():
            if target in self.subjects:
                yield self.subjects[target], value


def subject_of(target: ProbeTarget) -> Subject:
    """The labels of a probe target."""
    return Subject(target.region, *endpoint_and_probe(target.id))
