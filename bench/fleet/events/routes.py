"""What happens to an edge's route, its host and its daemon."""

from __future__ import annotations

from bench.fleet.events.trial import Event, Trial, answered_by

_VICTIM = "e2"


def withdrawal(trial: Trial) -> None:
    """An edge withdraws, and announces again."""
    lab = trial.lab
    trial.gone = answered_by(_VICTIM)
    trial.happens()
    lab.edges[_VICTIM].withdraw()
    lab.router.until_announcing(lab.edges.keys() - {_VICTIM})
    trial.until_gone()


def rolling_upgrade(trial: Trial) -> None:
    """Each edge in turn: withdraw, wait until queries have ebbed, stop, start, announce."""
    lab = trial.lab
    trial.happens()
    everyone = frozenset(lab.edges)
    for name, edge in lab.edges.items():
        edge.withdraw()
        lab.router.until_announcing(everyone - {name})
        edge.until_ebbed()
        edge.stop()
        edge.start()
        edge.announce()
        lab.router.until_announcing(everyone)


def host_killed(trial: Trial) -> None:
    """kill -9 of all processes of an edge at once; its link stays up."""
    lab = trial.lab
    trial.happens()
    lab.edges[_VICTIM].kill_all()
    lab.router.until_announcing(lab.edges.keys() - {_VICTIM})


def daemon_killed(trial: Trial) -> None:
    """kill -9 of an edge's daemon alone; BIRD goes on announcing until somebody withdraws."""
    lab = trial.lab
    trial.happens()
    lab.edges[_VICTIM].kill()
    lab.router.until_announcing(lab.edges.keys() - {_VICTIM})


def daemon_held(trial: Trial) -> None:
    """SIGSTOP of an edge's daemon: its sockets take queries, and nobody answers."""
    lab = trial.lab
    daemon = lab.edges[_VICTIM].daemon
    assert daemon is not None
    trial.happens()
    daemon.hold()
    try:
        lab.router.until_announcing(lab.edges.keys() - {_VICTIM})
    finally:
        daemon.go_on()


def blackhole(trial: Trial) -> None:
    """Nothing passes between an edge and the router, though its link is up."""
    lab = trial.lab
    trial.happens()
    lab.faults.blackhole(lab.edges[_VICTIM].node)
    lab.router.until_announcing(lab.edges.keys() - {_VICTIM})


def cut(trial: Trial) -> None:
    """An edge's link is down."""
    lab = trial.lab
    trial.happens()
    lab.faults.cut(lab.edges[_VICTIM].node)
    lab.router.until_announcing(lab.edges.keys() - {_VICTIM})


def bgp_lost(trial: Trial) -> None:
    """An edge's BGP and BFD are dropped; its queries, probes and NATS are not."""
    lab = trial.lab
    trial.gone = answered_by(_VICTIM)
    trial.happens()
    lab.faults.without_bgp(lab.edges[_VICTIM].node)
    lab.router.until_announcing(lab.edges.keys() - {_VICTIM})
    trial.until_gone()


EVENTS = (
    Event("withdrawal", "an edge withdraws", withdrawal, planned=True, quick=True),
    Event("rolling-upgrade", "all edges restarted in turn", rolling_upgrade, planned=True),
    Event("host-killed", "kill -9 of all of an edge's processes", host_killed),
    Event("daemon-killed", "kill -9 of an edge's daemon", daemon_killed, quick=True),
    Event("daemon-held", "an edge's daemon stands still", daemon_held),
    Event("blackhole", "all packets of an edge are dropped", blackhole),
    Event("cut", "an edge's link is down", cut),
    Event("bgp-lost", "an edge loses BGP only", bgp_lost),
)
