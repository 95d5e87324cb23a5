"""A fleet of three edges on this machine, a partition and a withdrawal, told as they happen.

    python -m bench.fleet.show        (make fleet)

It verifies itself: 1,000 queries a second are accounted for from the first to the last, and it ends
with 1 where one was answered outside a fence, or was lost in what an operator meant. Under two
minutes, as root; where something is missing it says what, and what to do.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.fleet.accounting import Account, account, is_lost, last_when
from bench.fleet.asking.load import Load
from bench.fleet.asking.records import Record
from bench.fleet.events.trial import WORLD, answered_by, answered_with, asking, moved
from bench.fleet.lab.lab import Lab, until_all_up, until_one_fleet
from bench.fleet.lab.needs import missing
from bench.fleet.lab.places import ANYCAST4, NATS, REGIONS
from bench.fleet.lab.processes import NotSoError, until

RATE = 1000.0
_EDGES = 3
Judge = Callable[[Record], bool]
_PAUSE = 3.0
"""Seconds of queries before each step, for its account and for the reader."""


def main() -> int:
    """Show it; 0 when every promise was kept, 1 when one was not, 2 where it cannot run."""
    if lacks := missing(clocks=False, exabgp=False):
        print("A fleet cannot be shown here. It needs:", *lacks, sep="\n  - ", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        try:
            return _show(Path(folder))
        except NotSoError as error:
            print(f"\nIt did not come to be: {error}", file=sys.stderr)
            return 1


def _show(folder: Path) -> int:
    began = time.monotonic()
    _say("Starting a router, three regions and three edges, each a host of its own to the kernel …")
    with Lab(folder, edges=_EDGES) as lab:
        until_one_fleet(lab)
        until_all_up(lab)
        _introduce(lab, time.monotonic() - began)
        with asking(lab, folder / "load", RATE) as load:
            until(lambda: len(load.records()) > RATE, "queries", 10)
            kept = [_shares(load), _withdrawal(lab, load)]
            kept += [_partition(lab, load), _death(lab, load)]
            records = load.stop()
    return _verdict(records, kept, time.monotonic() - began)


def _introduce(lab: Lab, seconds: float) -> None:
    _say(f"\nThey run ({seconds:.0f} s). All edges announce one address, {ANYCAST4}, by BGP:\n")
    for name, edge in lab.edges.items():
        _say(f"  {name}  {edge.node.city:<14} AS {edge.node.asn}   resolverd, {edge.speaker.words}")
    for region in REGIONS:
        _say(f"  {region.name:<13} a simulated vLLM server, probed by every edge")
    _say(f"  {', '.join(lab.nats)}    nats-server, by which the edges share what they see")
    _say(f"\nFrom now on it is asked {RATE:,.0f} times a second, for clients in eight places.")


def _shares(load: Load) -> bool:
    _say("\nWho answers? The router spreads queries over all edges that announce:\n")
    _bars(load.last(1.0))
    return True


def _withdrawal(lab: Lab, load: Load) -> bool:
    _say("\nAn operator takes e2 out of service: it withdraws its route, and goes on answering.\n")
    with _account(load) as told:
        at = time.monotonic()
        lab.edges["e2"].withdraw()
        seconds = lab.router.until_announcing({"e1", "e3"})
        _moment(seconds, "the router has routes to e1 and e3 only")
        until(lambda: not any(map(answered_by("e2"), load.last(0.5))), "no query at e2", 10)
        time.sleep(_PAUSE)
    last = last_when(load.records(), answered_by("e2"), at)
    _moment(last or 0.0, "the last query that e2 answered")
    _bars(load.last(1.0))
    _say(f"  {told().asked:,} queries meanwhile, {told().lost} lost.")
    lab.edges["e2"].announce()
    lab.router.until_announcing(set(lab.edges))
    _say("  It announces again.")
    return not told().lost


def _partition(lab: Lab, load: Load) -> bool:
    edge = lab.edges["e1"]
    _say("\nA partition: a firewall now drops all that e1 and NATS send each other.\n")
    with _account(load) as told:
        for other in NATS:
            lab.faults.part(edge.node, other)
        until(lambda: bool(edge.shown()["degraded"]), "e1 says so", 20)
        _say(f"  e1 says: {'; '.join(edge.shown()['degraded'])}")
        time.sleep(_PAUSE)
    elsewhere = Counter(r.edge for r in load.last(_PAUSE) if moved(r))
    _say(f"  Answers that moved: {sum(elsewhere.values())} ({_counted(elsewhere)}).")
    _meanwhile(told())
    return not told().lost and not told().wrong


def _death(lab: Lab, load: Load) -> bool:
    _say("\nAnd a region dies meanwhile: kill -9 of the server of us-east.\n")
    gone = answered_with("us-east")
    with _account(load) as told:
        at = time.monotonic()
        lab.regions["us-east"].kill()
        until(lambda: not any(map(gone, load.last(1.0))), "answers without us-east", 20)
    for name in lab.edges:
        by = answered_by(name)
        last = last_when(load.records(), partial(_both, gone, by), at)
        _moment(last or 0.0, f"the last answer of {name} with us-east")
    lab.mend()
    _meanwhile(told())
    return not told().lost and not told().wrong


def _both(one: Judge, other: Judge, record: Record) -> bool:
    return one(record) and other(record)


def _verdict(records: list[Record], kept: list[bool], seconds: float) -> int:
    found = account(records, WORLD, 0.0)
    _say(
        f"\n{found.asked:,} queries in all: {found.lost} lost, {found.wrong} outside a fence, "
        f"{found.empty} without an address. {seconds:.0f} s."
    )
    good = all(kept) and not found.wrong and not found.empty
    _say("All is as it was said." if good else "A promise was NOT kept.")
    return int(not good)


@contextmanager
def _account(load: Load) -> Iterator[Callable[[], Account]]:
    """What was asked within the block; to be called after it."""
    begin, end = time.monotonic(), time.monotonic()
    yield lambda: account(load.records(), WORLD, begin, end)
    end = time.monotonic() - 1.0


def _meanwhile(found: Account) -> None:
    _say(f"  {found.asked:,} queries meanwhile, {found.lost} lost, {found.wrong} outside a fence.")


def _bars(records: list[Record]) -> None:
    answered = Counter(record.edge for record in records if not is_lost(record))
    for name, count in sorted(answered.items()):
        share = count / answered.total()
        _say(f"  {name}  {'█' * round(share * 40):<40} {share:.0%}")


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())) or "by no edge"


def _moment(seconds: float, what: str) -> None:
    _say(f"  {seconds:6.2f} s  {what}")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
