"""The log events of endpoints: what changed, in whose words, once for each change."""

from __future__ import annotations

from collections.abc import Callable

from resolverd import log
from resolverd.health.connection import Connection
from resolverd.health.target import Target
from resolverd.health.verdict import Verdict


class EndpointEvents:
    """Remembers what was logged of each target; clocks in seconds, `wall` in Unix time."""

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock, self._wall = clock, wall
        self._held_until: dict[str, float] = {}
        self._ending: set[str] = set()
        self._log = log.get("health")

    def forget(self, target: str) -> None:
        """It is probed no more."""
        self._held_until.pop(target, None)
        self._ending.discard(target)

    def verdict(self, target: Target, before: Verdict, after: Verdict) -> None:
        """An endpoint's verdict has changed, in any part."""
        if before.state is not after.state:
            fell = (before.serves or before.unknown) and not after.serves
            (self._log.warning if fell else self._log.info)(
                "endpoint.state",
                **target.labels,
                before=before.state.value,
                after=after.state.value,
                reason=after.reason,
            )
        if after.held_until is not None and after.held_until != self._held_until.get(target.id):
            self._held_until[target.id] = after.held_until  # one event for each hold
            self._log.warning(
                "endpoint.held",
                **target.labels,
                seconds=round(after.held_until - self._clock(), 1),
                reason=after.reason,
            )
        self._condition(target, before, after)
        for family in sorted(after.withheld - before.withheld):
            self._log.warning(
                "endpoint.family_withheld",
                **target.labels,
                family=family.value,
            )
        for family in sorted(before.withheld - after.withheld) if after.serves else ():
            self._log.info(
                "endpoint.family_back",
                **target.labels,
                family=family.value,
            )

    def certificate(self, target: Target, connection: Connection) -> None:
        """A probe has ended: warn once of a certificate that ends soon, and tell when it is new."""
        days = connection.days_left(self._wall())
        ending = days is not None and days < target.settings.certificate_days
        if ending and days is not None and target.id not in self._ending:
            self._ending.add(target.id)
            self._log.warning(
                "endpoint.certificate",
                **target.labels,
                days_left=round(days, 2),
                consequence="new clients that verify it are refused once it has ended",
            )
        elif not ending and target.id in self._ending:
            self._ending.discard(target.id)
            self._log.info("endpoint.certificate_renewed", **target.labels)

    def _condition(self, target: Target, before: Verdict, after: Verdict) -> None:
        if before.condition is after.condition:
            return
        self._log.info(
            "endpoint.condition",
            **target.labels,
            before=before.condition.value or "none",
            after=after.condition.value or "none",
            reason=after.reason,
        )
        if after.condition.alarms:
            self._log.warning(
                "endpoint.alarm",
                **target.labels,
                condition=after.condition.value,
                reason=after.reason,
            )
