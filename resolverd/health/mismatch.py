"""Servers that most of their peers contradict: withdrawn as the wrong model while that lasts.

It is laid over what a server's own probe says, which goes on. An operator's override beats it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from resolverd.health.identity import Difference
from resolverd.health.outcome import Condition
from resolverd.health.verdict import State, Verdict


@dataclass(frozen=True, slots=True)
class PeerMismatch:
    """What a target is contradicted in (None: no more), and when that began or ended."""

    difference: Difference | None
    changed_at: float

    def over(self, verdict: Verdict, now: float) -> Verdict:
        """`verdict` on the target. It may agree again at any moment, so no time is sure."""
        changed = (
            self.changed_at
            if verdict.changed_at is None
            else max(verdict.changed_at, self.changed_at)
        )
        if self.difference is None:
            return replace(verdict, changed_at=changed)
        if not verdict.serves:
            return verdict
        field, value, majority = self.difference
        return replace(
            verdict,
            state=State.DOWN,
            changed_at=changed,
            reason=f"{field} is {value}, and {majority} where most serve the model",
            min_until_flip=0.0,
            probed_at=now,
            condition=Condition.WRONG_MODEL,
        )


class KeptMismatch(NamedTuple):
    """A mismatch, and the URL of its target as it was contradicted last."""

    mismatch: PeerMismatch
    url: str


class PeerMismatches:
    """The mismatch of each target that has, or had, one; those of `earlier` to begin with."""

    def __init__(self, earlier: Mapping[str, KeptMismatch] = MappingProxyType({})) -> None:
        self._known = {target: kept.mismatch for target, kept in earlier.items()}
        self._urls = {target: kept.url for target, kept in earlier.items()}

    def record(
        self,
        contradicted: Mapping[str, Difference],
        identified: Container[str],
        urls_asked: Mapping[str, str],
        now: float,
    ) -> None:
        """Know that of those `identified` exactly these are contradicted now.

        Of whom it is not known who they are, the last that was known holds, for as long as they are
        asked it at the same URL: `urls_asked` is as `peers.urls_asked` has it, and whoever is not
        in it is forgotten.
        """
        for target, known in list(self._known.items()):
            if target not in urls_asked:
                del self._known[target], self._urls[target]
            elif (
                known.difference
                and target not in contradicted
                and (target in identified or urls_asked[target] != self._urls[target])
            ):
                self._known[target] = PeerMismatch(None, now)
        for target, difference in contradicted.items():
            earlier = self._known.get(target)
            lasting = earlier is not None and earlier.difference is not None
            since = earlier.changed_at if earlier is not None and lasting else now
            self._known[target] = PeerMismatch(difference, since)
            self._urls[target] = urls_asked[target]

    def differences(self) -> Mapping[str, Difference]:
        """Who is contradicted now, and in what."""
        return {t: known.difference for t, known in self._known.items() if known.difference}

    def kept(self, since: float) -> Mapping[str, KeptMismatch]:
        """What a later process begins with; of those that are over what ended after `since`."""
        return {
            target: KeptMismatch(known, self._urls[target])
            for target, known in self._known.items()
            if known.difference or known.changed_at > since
        }

    def by_target(self) -> Mapping[str, PeerMismatch]:
        """The mismatches as they are now."""
        return dict(self._known)
