"""Configuration that is published: one that is good, one with a fault, one whose canary dies."""

from __future__ import annotations

from bench.fleet.events.trial import Event, Trial, moved

_CANARY = "e1"


def good(trial: Trial) -> None:
    """A set that changes a TTL goes to the canary, proves itself, and goes to all."""
    trial.happens()
    trial.lab.publisher.edit('ttl = "20s"', 'ttl = "15s"')
    try:
        status, said = trial.lab.publisher.publish("a shorter TTL")
    finally:
        trial.lab.publisher.edit('ttl = "15s"', 'ttl = "20s"')
    assert status == 0, said
    trial.notes["answers with the new TTL, of the last second"] = _share(trial, 15)


def faulty(trial: Trial) -> None:
    """A set that sends every client elsewhere passes its checks, and ends at the canary."""
    lab = trial.lab
    trial.happens()
    before, after = 'policy = "nearest"', 'policy = "failover"'
    lab.publisher.edit(before, after)
    lab.publisher.edit(_ORDER, _REVERSED)
    try:
        status, said = lab.publisher.publish("all elsewhere")
    finally:
        lab.publisher.edit(_REVERSED, _ORDER)
        lab.publisher.edit(after, before)
    assert status == 1, f"it was taken: {said}"
    records = [r for r in trial.load.records() if r.sent >= trial.at]
    at_others = sum(moved(r) and r.edge != _CANARY for r in records)
    trial.notes["answers moved at the canary"] = sum(map(moved, records)) - at_others
    trial.notes["at the others"] = at_others
    trial.notes["said"] = said.strip().splitlines()[-1]
    assert not at_others, f"{at_others} answers moved at edges that are no canary"
    trial.gone = moved
    trial.until_gone()


def refused(trial: Trial) -> None:
    """A set with an error is refused before anybody has it."""
    trial.happens()
    lab = trial.lab
    known = len(lab.publisher.generations())
    lab.publisher.edit('ttl = "20s"', 'tll = "20s"')
    try:
        status, said = lab.publisher.publish("a slip")
    finally:
        lab.publisher.edit('tll = "20s"', 'ttl = "20s"')
    assert status == 1, said
    assert len(lab.publisher.generations()) == known
    trial.notes["answers moved"] = sum(map(moved, trial.answers_meanwhile(2.0)))


_ORDER = 'regions = ["us-east", "eu-west", "ap-northeast"]'
_REVERSED = 'regions = ["ap-northeast", "eu-west", "us-east"]'


def _share(trial: Trial, ttl: int) -> float:
    records = trial.load.last(1.0)
    return round(sum(r.ttl <= ttl for r in records) / max(1, len(records)), 3)


EVENTS = (
    Event("publish", "a set is published", good, planned=True, published=True),
    Event(
        "publish-fault",
        "a set that moves all clients is published",
        faulty,
        planned=True,
        published=True,
    ),
    Event(
        "publish-error",
        "a set with an error is published",
        refused,
        planned=True,
        published=True,
    ),
)
