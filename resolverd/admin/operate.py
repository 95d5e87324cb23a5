"""What an operator does to a running daemon: overrides, set and cleared.

An override is asked for by the name of a region or of an endpoint. Where services probe an
endpoint differently it is several targets, and all of them are overridden.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from resolverd import log
from resolverd.admin.emptied import WouldEmptyError, emptied_by
from resolverd.admin.scope import is_said_here, scope_of, told
from resolverd.admin.served import Served
from resolverd.config.explain import did_you_mean
from resolverd.config.fences import FenceSize
from resolverd.errors import ResolverdError
from resolverd.health.overrides import Override, OverrideKind
from resolverd.snapshot.regions import judge_regions

if TYPE_CHECKING:
    from resolverd.fleet.words import Told


class UnknownTargetError(ResolverdError):
    """There is no region and no endpoint of that name; `hint` says which are near.

    `message` says otherwise what there is.
    """

    def __init__(self, name: str, hint: str, message: str = "") -> None:
        self.hint = hint
        super().__init__(message or f'there is no region and no endpoint "{name}"')


class NotOverriddenError(ResolverdError):
    """There is no override to clear; `hint` says which there are."""

    def __init__(self, name: str, hint: str) -> None:
        self.hint = hint
        super().__init__(f'"{name}" has no override')


@dataclass(frozen=True, slots=True)
class OverrideCommand:
    """What an operator wants; `seconds` None holds until it is cleared.

    `force` has it although it leaves clients without a region. `edge` limits it to one edge of the
    fleet; empty says it to all.
    """

    target: str
    kind: OverrideKind
    who: str
    why: str
    seconds: float | None
    force: bool = False
    edge: str = ""


class OverridesSet(NamedTuple):
    """The override put in force, by its keys, the fences that it left without a region, and how
    far it has come in the fleet, if there is one."""

    overrides: Mapping[str, Override]
    emptied: tuple[FenceSize, ...]
    told: Told | None


class Cleared(NamedTuple):
    """The overrides that were ended, by key, and the probe targets that are held down no more.

    Nor is any address family of these.
    """

    overrides: Mapping[str, Override]
    released: tuple[str, ...]
    told: Told | None


async def set_override(served: Served, command: OverrideCommand) -> OverridesSet:
    """Put an override in force; returns once answers obey it, in the fleet those of live edges.

    By then another operator may have replaced it, or it may have ended.

    Raises UnknownTargetError, UnknownEdgeError, SaidMeanwhileError and, where it would leave
    clients without a region and is not forced, WouldEmptyError.
    """
    keys, scope = keys_of(served, command.target), scope_of(served, command.edge)
    now, bare = time.monotonic(), served.outages.unserved
    until = None if command.seconds is None else now + command.seconds
    override = Override(command.kind, command.who, command.why, now, until)
    before = served.overrides.active(now)
    emptied = emptied_by(served, keys, override) if is_said_here(served, scope) else ()
    if emptied and not command.force:
        raise WouldEmptyError(command.target, emptied)
    # Nothing is awaited since, so that of two operators the second is judged after the first.
    if served.fleet is None:
        for key in keys:
            served.overrides.set(key, override)
    else:
        served.fleet.words.say(keys, override, scope)
    for key in keys:
        previous = before.get(key)
        log.get("admin").info(
            "override.set",
            target=key,
            before=previous.kind.value if previous else None,
            after=command.kind.value,
            who=command.who,
            reason=command.why,
            seconds=command.seconds,
            edge=scope,
        )
    await served.republish()
    heard = await told(served, command.target, keys, scope)
    # Two operators of a fleet may each have taken one of the last two, at edges that had not heard.
    targets = served.inputs.targets.by_id
    regions = {command.target, *(targets[key].region for key in keys if key in targets)}
    meanwhile = [
        fence
        for fence in served.outages.unserved
        if fence not in (*bare, *emptied) and not regions.isdisjoint(fence.regions)
    ]
    if meanwhile and command.kind is not OverrideKind.UP and is_said_here(served, scope):
        emptied = (*emptied, *meanwhile)
    return OverridesSet(dict.fromkeys(keys, override), emptied, heard)


async def clear_override(served: Served, target: str, who: str, edge: str = "") -> Cleared:
    """End the overrides of `target`, and what holds its endpoints or families of them down.

    That is for having fallen again, also where they have yet to answer.

    `edge` ends those that were said to that edge alone. Returns once answers obey the former; the
    latter are back with their next successful probe.
    Raises UnknownTargetError, UnknownEdgeError, NotOverriddenError, SaidMeanwhileError.
    """
    now, scope = time.monotonic(), scope_of(served, edge)
    active = served.overrides.active(now)
    keys = (target,) if target in active else keys_of(served, target)
    cleared = _cleared(served, keys, scope, now)
    released = served.monitor.clear_penalties(_targets(served, keys))
    if not cleared and not released:
        known = ", ".join(sorted(active))
        window = served.world.service_windows.get(target)
        hint = f"overridden now: {known or 'none'}"
        if edge and any(key in active for key in keys):
            hint = "what holds there is said to all edges: clear it without naming one"
        elif window is not None and not window.open:
            hint = "its hours withdraw it; an override up serves outside them"
        raise NotOverriddenError(target, hint)
    for key, override in cleared.items():
        log.get("admin").info(
            "override.cleared",
            target=key,
            before=override.kind.value,
            who=who,
            reason=f"was set by {override.who}: {override.why}",
            edge=scope,
        )
    for key in released:
        log.get("admin").info("endpoint.released", target=key, who=who)
    await served.republish()
    heard = await told(served, target, keys, scope) if cleared else None
    return Cleared(cleared, tuple(released), heard)


def _cleared(
    served: Served, keys: Collection[str], scope: str, now: float
) -> Mapping[str, Override]:
    """What was ended, by key."""
    if served.fleet is None:
        return {key: o for key in keys if (o := served.overrides.clear(key, now)) is not None}
    words = served.fleet.words
    on = {key: words.on(key, scope) for key in keys}
    cleared = {key: next(iter(said.values())) for key, said in on.items() if said}
    words.say(cleared, None, scope)
    return cleared


def _targets(served: Served, keys: Collection[str]) -> list[str]:
    """The probe targets that override keys stand for."""
    return [
        id_
        for id_, target in served.inputs.targets.by_id.items()
        if not target.keys.isdisjoint(keys)
    ]


def keys_of(served: Served, name: str) -> tuple[str, ...]:
    """The override keys of a region, an endpoint or a probe target. Raises UnknownTargetError."""
    config, targets = served.inputs.config, served.inputs.targets.by_id
    if name in config.region:
        return (name,)
    keys = tuple(id_ for id_, target in targets.items() if name in (id_, target.name))
    if not keys:
        endpoints = dict.fromkeys(target.name for target in targets.values())
        raise UnknownTargetError(name, did_you_mean(name, [*config.region, *endpoints]))
    return keys


def without_region(served: Served) -> list[str]:
    """The names of services without a region that serves now, under all overrides."""
    judged = judge_regions(served.snapshot.plan, served.world, time.monotonic())
    served_well = {
        service
        for region in judged.values()
        if region.verdict.serves
        for service in region.services
    }
    return [service for service in served.snapshot.plan.services if service not in served_well]
