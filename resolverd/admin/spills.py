"""What an operator says of spilling: spill rules, set and cleared.

A rule is of a region of a service, or of the service: then only with the share 0, since regions
that all send clients on leave nobody to take them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from resolverd import log
from resolverd.admin.orders import order_of, said_to
from resolverd.admin.scope import scope_of, told
from resolverd.admin.served import Served
from resolverd.config.explain import did_you_mean
from resolverd.errors import ResolverdError
from resolverd.policy.operator_rules import OFF, OperatorRule, in_words, key_of, parts_of
from resolverd.policy.share import NO_SHARE

if TYPE_CHECKING:
    from resolverd.fleet.words import Told


class UnknownSpillError(ResolverdError):
    """There is no such service, or no such region of it; `hint` says which are near."""

    def __init__(self, message: str, hint: str) -> None:
        self.hint = hint
        super().__init__(message)


class NoRuleError(ResolverdError):
    """There is no spill rule to end; `hint` says which there are."""

    def __init__(self, key: str, hint: str) -> None:
        self.hint = hint
        super().__init__(f'"{key}" has no spill rule')


class ShareOfAllError(ResolverdError):
    """A share above 0 for all regions of a service at once."""

    hint = "name the region that is to send it on: --region REGION; or say off"

    def __init__(self, service: str) -> None:
        super().__init__(
            f"where every region of {service} sends clients on, none is left to take them"
        )


@dataclass(frozen=True, slots=True)
class RuleCommand:
    """What an operator wants; `seconds` None holds until it is cleared.

    `region` empty is the whole service. `edge` limits it to one edge of the fleet; empty says it to
    all.
    """

    service: str
    region: str
    share: float
    who: str
    why: str
    seconds: float | None
    edge: str = ""


class RuleSet(NamedTuple):
    """The rule put in force, by its key, and how far it has come in the fleet, if there is one."""

    key: str
    rule: OperatorRule
    told: Told | None


class RuleCleared(NamedTuple):
    """The rule that was ended, by its key."""

    key: str
    rule: OperatorRule
    told: Told | None


async def set_rule(served: Served, command: RuleCommand) -> RuleSet:
    """Put a spill rule in force; returns once answers obey it, in the fleet those of live edges.

    Raises UnknownSpillError, UnknownEdgeError, ShareOfAllError, SaidMeanwhileError.
    """
    key, scope = _key(served, command.service, command.region), scope_of(served, command.edge)
    if command.share != OFF and not command.region:
        raise ShareOfAllError(command.service)
    now = time.monotonic()
    until = None if command.seconds is None else now + command.seconds
    rule = OperatorRule(command.share, command.who, command.why, now, until)
    before = served.spill_rules.get(key, now)
    if served.fleet is None:
        served.spill_rules.set(key, rule)
    else:
        served.fleet.words.say([key], rule, scope, "spill")
    log.get("admin").info(
        "spill_rule.set",
        target=key,
        before=in_words(before.share) if before else None,
        after=in_words(rule.share),
        who=command.who,
        reason=command.why,
        seconds=command.seconds,
        edge=scope,
    )
    await served.republish()
    return RuleSet(key, rule, await told(served, key, (key,), scope, "spill"))


async def clear_rule(
    served: Served, service: str, region: str, who: str, edge: str = ""
) -> RuleCleared:
    """End a spill rule; returns once answers obey it no more. `edge` ends that edge's alone.

    Raises UnknownSpillError, UnknownEdgeError, NoRuleError, SaidMeanwhileError.
    """
    now, scope = time.monotonic(), scope_of(served, edge)
    key = key_of(service, region)
    active = served.spill_rules.active(now)
    if key not in active:
        key = _key(served, service, region)
    ended = _ended(served, key, scope, now)
    if ended is None:
        known = ", ".join(sorted(active))
        hint = f"spill rules now: {known or 'none'}"
        if edge and key in active:
            hint = "what holds there is said to all edges: end it without naming one"
        raise NoRuleError(key, hint)
    log.get("admin").info(
        "spill_rule.cleared",
        target=key,
        before=in_words(ended.share),
        who=who,
        reason=f"was set by {ended.who}: {ended.why}",
        edge=scope,
    )
    await served.republish()
    return RuleCleared(key, ended, await told(served, key, (key,), scope, "spill"))


def rules_on(served: Served, rules: Mapping[str, OperatorRule], now: float) -> list[dict[str, Any]]:
    """Spill rules as JSON, with what they are of, and to whom in the fleet they are said."""
    said = {} if served.fleet is None else served.fleet.words.in_force("spill")
    return [
        {
            "service": parts_of(key)[0],
            "region": parts_of(key)[1] or None,
            "share": rule.share,
            **order_of(rule, now),
            **said_to(said, key),
        }
        for key, rule in rules.items()
    ]


def sent_on(served: Served, service: str) -> dict[str, dict[str, Any]]:
    """What each region of a service sends on and takes now, at this edge."""
    shares = served.load.spilling.shares_of(service, time.monotonic())
    said = served.load.spilling.said(service)
    found = {r: shares.get(r, NO_SHARE) for r in served.snapshot.plan.services[service].own}
    return {
        region: {
            "spill_ratio": round(share.spill_ratio, 6),
            "accept_ratio": round(share.accept_ratio, 6),
            "under_rule": region in said,
        }
        for region, share in found.items()
    }


def _ended(served: Served, key: str, scope: str, now: float) -> OperatorRule | None:
    """What was ended, if there was anything."""
    if served.fleet is None:
        return served.spill_rules.clear(key, now)
    words = served.fleet.words
    said: list[OperatorRule] = list(words.on(key, scope, "spill").values())
    words.say([key] if said else [], None, scope, "spill")
    return said[0] if said else None


def _key(served: Served, service: str, region: str) -> str:
    """What a rule of these is known by. Raises UnknownSpillError."""
    services = served.inputs.config.service
    if service not in services:
        raise UnknownSpillError(
            f'there is no service "{service}"', did_you_mean(service, list(services))
        )
    regions = services[service].regions
    if region and region not in regions:
        raise UnknownSpillError(
            f'"{region}" is no region of {service}', did_you_mean(region, list(regions))
        )
    return key_of(service, region)
