"""The words of one kind, as what steering reads: put into its table, ended, and logged.

words in force ─► orders (overrides, or spill rules), each with the clock of this process
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic

from resolverd import log
from resolverd.fleet.word import OVERRIDE, SPILL, Kind, Word, as_override, as_rule
from resolverd.fleet.word_table import InForce
from resolverd.health.overrides import Orders, Override, Said
from resolverd.policy.operator_rules import OperatorRule, in_words


class Obeyed(ABC, Generic[Said]):
    """The orders of one kind.

    Words end `early` seconds before their time, so that what comes next is in force by then.
    """

    kind: Kind

    def __init__(self, early: float) -> None:
        self._early = early
        self._orders: Orders[Said] = Orders()
        self._known: Callable[[], Collection[str]] = _none
        self._applied: dict[str, Word] = {}
        self._log = log.get("fleet")

    def into(self, orders: Orders[Said], known: Callable[[], Collection[str]]) -> None:
        """From now on write to `orders` those words that are on what is `known` here."""
        self._orders, self._known = orders, known

    def apply(self, in_force: Mapping[str, InForce], unix: float, *, said_here: bool) -> bool:
        """Have the orders say what is in force at `unix` (now); True where that changed something.

        What was `said_here` is logged by whoever it was said to.
        """
        now = time.monotonic()
        known = self._known() if in_force else ()
        wanted = {target: found.word for target, found in in_force.items() if target in known}
        changed, active = False, self._orders.active(now)
        for target in sorted({*active, *self._applied} - wanted.keys()):
            changed |= self._end(target, now, said_here=said_here)
        for target, word in wanted.items():
            # An edit that took the target away ended the order; it may have been undone since.
            if self._applied.get(target) != word or target not in active:
                changed |= self._put(target, word, now - unix, said_here=said_here)
        self._applied = wanted
        return changed

    def _put(self, target: str, word: Word, shift: float, *, said_here: bool) -> bool:
        order, now = self.order(word, shift), time.monotonic()
        before = self._orders.get(target, now)
        if before is not None and self._same(before, order):
            return False  # the one that was kept
        self._orders.set(target, order)
        left = order.remaining(now)
        if not said_here:
            self._log_set(
                target=target,
                before=self.says(before) if before else None,
                after=word.in_words,
                who=word.who,
                reason=word.why,
                seconds=None if math.isinf(left) else round(left, 1),
            )
        return True

    def _end(self, target: str, now: float, *, said_here: bool) -> bool:
        ended = self._orders.clear(target, now)
        if ended is None:
            return False
        if ended.remaining(now) <= 2 * self._early:
            self._log_ended(target)
        elif not said_here:
            reason = f"was set by {ended.who}: {ended.why}"
            self._log_cleared(
                target=target, before=self.says(ended), who="the fleet", reason=reason
            )
        return True

    def _same(self, one: Said, other: Said) -> bool:
        """Whether they say the same, until the same second."""
        ends = [math.inf if found.until is None else found.until for found in (one, other)]
        close = ends[0] == ends[1] or abs(ends[0] - ends[1]) < 1.0
        said = [(self.says(found), found.who, found.why) for found in (one, other)]
        return close and said[0] == said[1]

    @abstractmethod
    def order(self, word: Word, shift: float) -> Said:
        """The order that a word is here; `shift` is the monotonic clock less Unix time."""

    @abstractmethod
    def says(self, order: Said) -> str:
        """What an order says, in words."""

    @abstractmethod
    def _log_set(self, **fields: Any) -> None: ...

    @abstractmethod
    def _log_cleared(self, **fields: Any) -> None: ...

    @abstractmethod
    def _log_ended(self, target: str) -> None: ...


class ObeyedOverrides(Obeyed[Override]):
    """Words on regions and endpoints."""

    kind = OVERRIDE

    def order(self, word: Word, shift: float) -> Override:
        return as_override(word, shift)

    def says(self, order: Override) -> str:
        return order.kind.value

    def _log_set(self, **fields: Any) -> None:
        self._log.info("override.set", **fields)

    def _log_cleared(self, **fields: Any) -> None:
        self._log.info("override.cleared", **fields)

    def _log_ended(self, target: str) -> None:
        self._log.info("override.ended", target=target)


class ObeyedRules(Obeyed[OperatorRule]):
    """Words on what services spill."""

    kind = SPILL

    def order(self, word: Word, shift: float) -> OperatorRule:
        return as_rule(word, shift)

    def says(self, order: OperatorRule) -> str:
        return in_words(order.share)

    def _log_set(self, **fields: Any) -> None:
        self._log.info("spill_rule.set", **fields)

    def _log_cleared(self, **fields: Any) -> None:
        self._log.info("spill_rule.cleared", **fields)

    def _log_ended(self, target: str) -> None:
        self._log.info("spill_rule.ended", target=target)


def _none() -> Collection[str]:
    return ()
