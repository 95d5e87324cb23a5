"""NATS away: for one edge, for all, without a quorum, slow; and BGP with it.

Whatever is wrong with NATS alone, no answer moves and none is lost; and a region that dies
meanwhile is left by every edge, those that are alone too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations

from bench.fleet.events.trial import Event, Trial, answered_by, answered_with, moved
from bench.fleet.lab.lab import Lab
from bench.fleet.lab.places import NATS

_ALONE = "e2"
_MEANWHILE = 8.0
"""Seconds for which it is away before a region dies: longer than observations are believed."""
_VICTIM = "us-east"


def nats_lost_by_one(trial: Trial) -> None:
    """One edge reaches no nats-server."""
    _away(trial, partial(_part_from_nats, edge=_ALONE))


def nats_lost_by_all(trial: Trial) -> None:
    """No edge reaches any."""
    _away(trial, _part_all_from_nats)


def nats_without_quorum(trial: Trial) -> None:
    """Each nats-server reaches the edges, and no other nats-server."""
    _away(trial, _part_servers)


def nats_killed(trial: Trial) -> None:
    """kill -9 of all three."""
    _away(trial, _kill_servers)


def nats_disks_full(trial: Trial) -> None:
    """The disks of all nats-servers have no octet left: reads go on, writes do not."""
    _away(trial, _fill_disks)


def nats_held(trial: Trial) -> None:
    """SIGSTOP of the server that most edges are likely at: connections stay, and say nothing."""
    server = trial.lab.nats["n1"].process
    try:
        _away(trial, lambda _lab: server.hold())
    finally:
        server.go_on()


def nats_slow(trial: Trial) -> None:
    """Every packet between edges and NATS takes a second longer, either way."""
    _away(trial, _slow)


def nats_and_bgp_lost(trial: Trial) -> None:
    """An edge loses NATS and BGP at once: it answers nobody soon, and the others go on."""
    lab = trial.lab
    trial.gone = answered_by(_ALONE)
    trial.happens()
    _part_from_nats(lab, _ALONE)
    lab.faults.without_bgp(lab.edges[_ALONE].node)
    lab.router.until_announcing(lab.edges.keys() - {_ALONE})
    trial.until_gone()
    trial.notes["answers moved"] = sum(map(moved, trial.answers_meanwhile(2.0)))


def fleet_split(trial: Trial) -> None:
    """e1, e2 and n1 on one side, all else on the other: two islands, one without a quorum."""
    _away(trial, _split)


def _away(trial: Trial, fault: Callable[[Lab], object]) -> None:
    """The fault for a while, in which nothing may move; then a region dies."""
    lab = trial.lab
    fault(lab)
    records = trial.answers_meanwhile(_MEANWHILE)
    trial.notes["answers moved before the region died"] = sum(map(moved, records))
    trial.notes["degraded"] = [n for n, edge in lab.edges.items() if edge.shown()["degraded"]]
    trial.gone = answered_with(_VICTIM)
    trial.happens()
    lab.regions[_VICTIM].kill()
    trial.until_gone()


def _part_from_nats(lab: Lab, edge: str) -> None:
    for server in NATS:
        lab.faults.part(lab.edges[edge].node, server)


def _part_all_from_nats(lab: Lab) -> None:
    for name in lab.edges:
        _part_from_nats(lab, name)


def _kill_servers(lab: Lab) -> None:
    for server in lab.nats.values():
        server.kill()


def _fill_disks(lab: Lab) -> None:
    for server in lab.nats.values():
        server.disk.fill()


def _part_servers(lab: Lab) -> None:
    for one, other in combinations(NATS, 2):
        lab.faults.part(one, other)


def _split(lab: Lab) -> None:
    small = {"e1", "e2", "n1"}
    nodes = [*lab.edge_nodes(), *NATS]
    for one, other in combinations(nodes, 2):
        if (one.name in small) != (other.name in small):
            lab.faults.part(one, other)


def _slow(lab: Lab) -> None:
    for edge in lab.edge_nodes():
        for server in NATS:
            lab.delays.slow(edge, server, 1.0)


EVENTS = (
    Event("nats-one", "an edge loses NATS; a region dies", nats_lost_by_one),
    Event("nats-all", "all edges lose NATS; a region dies", nats_lost_by_all),
    Event("nats-quorum", "NATS loses its quorum; a region dies", nats_without_quorum),
    Event("nats-killed", "kill -9 of all NATS; a region dies", nats_killed),
    Event("nats-disks", "NATS' disks are full; a region dies", nats_disks_full),
    Event("nats-held", "a nats-server stands still; a region dies", nats_held),
    Event("nats-slow", "NATS is a second slower; a region dies", nats_slow),
    Event("split", "two edges and one NATS apart; a region dies", fleet_split),
    Event("nats-bgp", "an edge loses NATS and BGP", nats_and_bgp_lost),
)
