"""What operators ask of the running process: its state, a drain, a stop.

Drains and undrains have their effect one by one, each once it is known what came of the one before:
a drain that fails puts back what was in force, which is not another that may fail itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from resolverd import __version__, log
from resolverd.admin.times import iso, moment
from resolverd.anycast import drain as drains
from resolverd.anycast.announcer import Route
from resolverd.anycast.configuration import Kept
from resolverd.anycast.drain import Drain
from resolverd.anycast.fitness import Reason
from resolverd.anycast.run import Edge
from resolverd.anycast.transitions import Phase, ready_in
from resolverd.errors import ExitCode, ResolverdError

Json = dict[str, Any]


class HeldError(ResolverdError):
    """The fleet's floor keeps an address announced, whatever was asked."""

    exit_code = ExitCode.PROBLEMS


class UnprovedError(ResolverdError):
    """What speaks BGP has not withdrawn an address."""

    exit_code = ExitCode.UNAVAILABLE


class UndoneError(ResolverdError):
    """A drain was ended by an undrain before its queries had ebbed."""

    exit_code = ExitCode.PROBLEMS


def state_of(edge: Edge) -> Json:
    """The keys of an AnycastDocument."""
    now = time.monotonic()
    return {
        "version": __version__,
        "started": iso(edge.started),
        "via": edge.settings.via,
        "mode": edge.settings.mode,
        "fit": not edge.fitness.edge and not any(edge.fitness.addresses.values()),
        "reasons": _reasons(edge.fitness.edge),
        "drained": None if edge.drained is None else _drain(edge.drained),
        "kept": None if edge.kept is None else _kept(edge.kept),
        "addresses": [_route(edge, route, now) for route in edge.announcer.routes.values()],
    }


async def drain(edge: Edge, place: Path | None, wanted: Drain, *, force: bool) -> Json:
    """Withdraw until `undrain`, over restarts if `place` is there; returns once queries have ebbed.

    Where it fails, what was before is in force: no drain, or an earlier one.
    Raises HeldError where the floor keeps an address and nobody forces it;
    UnprovedError where what speaks BGP does not do it, after its `timeout` some three times;
    UndoneError where it is undrained meanwhile; DrainError.
    """
    async with edge.ordering:
        before, earlier = edge.announcer.announced, (edge.drained, edge.announcer.force)
        edge.drained, edge.announcer.force = wanted, force
        try:
            await edge.turn()
            _check_gone(edge)
            await drains.keep(place, wanted)
        except ResolverdError:
            edge.drained, edge.announcer.force = earlier
            raise
        log.get("anycast").info("anycast.drained", who=wanted.who, reason=wanted.why)
    await edge.wait_for_ebb(before)
    if edge.drained is None or edge.announcer.announced:
        raise UndoneError("it was undrained before queries had ebbed")
    return {"withdrawn": before, "kept_over_restarts": place is not None}


async def undrain(edge: Edge, place: Path | None, who: str) -> Json:
    """End the drain: it is announced again once it has been fit for long enough.

    A drain that is not proved yet is waited for. Raises DrainError, with the drain still in force.
    """
    async with edge.ordering:
        drained = edge.drained is not None
        await drains.keep(place, None)
        edge.drained, edge.announcer.force = None, False
        if drained:
            log.get("anycast").info("anycast.undrained", who=who)
    return {"drained": drained}


async def stop(edge: Edge) -> Json:
    """Withdraw until this process ends; returns once queries have ebbed.

    Raises HeldError or UnprovedError.
    """
    before = edge.announcer.announced
    await edge.withdraw_and_wait()
    _check_gone(edge)
    return {"withdrawn": before, "kept_over_restarts": False}


def _check_gone(edge: Edge) -> None:
    held = edge.announcer.refused()
    if held:
        raise HeldError("; ".join(f"{address} stays: {why}" for address, why in held.items()))
    left = {
        r.address: r.failing or f"it is {r.state.phase} still"
        for r in edge.announcer.routes.values()
        if r.failing or r.state.phase is not Phase.WITHDRAWN
    }
    if left:
        raise UnprovedError("; ".join(f"{address}: {why}" for address, why in left.items()))


def _route(edge: Edge, route: Route, now: float) -> Json:
    state = route.state
    waits = not route.reasons and state.phase is not Phase.ANNOUNCED
    return {
        "address": route.address,
        "state": state.phase.value,
        "since": moment(state.since, now),
        "reasons": _reasons(route.reasons),
        "held": route.held or None,
        "unproved": route.failing or None,
        "proved_seconds_ago": None if route.proved_at is None else round(now - route.proved_at, 3),
        "announced_in_seconds": (
            round(max(0.0, ready_in(state, edge.announcer.rules, now)), 3) if waits else None
        ),
        "other_edges": edge.floor.others(route.address),
        "changes": _changes(route.changes),
    }


def _changes(changes: Mapping[str, int]) -> Json:
    return {phase.value: changes.get(phase, 0) for phase in Phase}


def _reasons(reasons: Iterable[Reason]) -> list[Json]:
    return [reason._asdict() for reason in reasons]


def _kept(kept: Kept) -> Json:
    return {"adopted_at": iso(kept.at), "problems": str(kept.refused).splitlines()}


def _drain(drain: Drain) -> Json:
    return {"who": drain.who, "why": drain.why, "at": iso(drain.at)}
