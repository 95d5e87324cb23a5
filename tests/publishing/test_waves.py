"""Waves: what every edge decides from one ledger, whatever edges do and however late they hear."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.cli.publish_options import shares
from resolverd.publishing.model import (
    KEPT,
    Generation,
    Ledger,
    LedgerError,
    Outcome,
    Report,
    ReportState,
    Terms,
    Trial,
    read,
    written,
)
from resolverd.publishing.waves import (
    Seen,
    UnderWayError,
    abort,
    next_wave,
    publish,
    report,
    step,
    wanted,
)

EDGES = ("ams", "cdg", "fra", "nrt", "sin")
TERMS = Terms(proof=10.0, patience=5.0, shares=(0.25,))


def generation(number: int, terms: Terms = TERMS) -> Generation:
    return Generation(number, f"{number:064x}", "ada", "a test", 0.0, 1, 1, terms)


def live(*edges: str, canaries: tuple[str, ...] = ()) -> dict[str, bool]:
    return {edge: edge in canaries for edge in edges or EDGES}


def on_trial(number: int = 1, terms: Terms = TERMS) -> Ledger:
    return publish(Ledger(), generation(number, terms))


def said(ledger: Ledger, state: ReportState, *edges: str) -> Ledger:
    for edge in edges:
        changed = report(ledger, ledger.next_number - 1, edge, Report(state, "why"))
        assert changed is not None
        ledger = changed
    return ledger


def moved(ledger: Ledger, seen: Seen) -> Ledger:
    changed = step(ledger, seen)
    assert changed is not None
    return changed


@pytest.mark.parametrize(
    ("terms", "alive", "first"),
    [
        (TERMS, live(), ("ams",)),
        (TERMS, live(canaries=("fra",)), ("fra",)),
        (TERMS, live(canaries=("sin", "cdg")), ("cdg", "sin")),
        (replace(TERMS, canaries=("nrt",)), live(canaries=("fra",)), ("nrt",)),
        (replace(TERMS, canaries=("nrt", "fra")), live("nrt", "sin"), ()),
        (TERMS, {}, ()),
    ],
)
def test_the_canaries_are_those_named_or_those_that_say_so_or_the_first(
    terms: Terms, alive: Mapping[str, bool], first: tuple[str, ...]
) -> None:
    assert next_wave(Trial(1), generation(1, terms), alive) == first


@pytest.mark.parametrize(
    ("shares", "sizes"),
    [
        ((), [1, 4]),
        ((0.25,), [1, 2, 2]),
        ((1, 0.5), [1, 1, 3]),
        ((1, 1, 1), [1, 1, 1, 1, 1]),
        ((1e6,), [1, 4]),
    ],
)
def test_the_others_follow_in_waves_of_the_shares(
    shares: tuple[float, ...], sizes: list[int]
) -> None:
    ledger = on_trial(terms=replace(TERMS, shares=shares))
    while ledger.trial is not None:
        before = ledger
        ledger = moved(ledger, Seen(live(), 0.0))
        if ledger.trial is not None:
            ledger = said(ledger, ReportState.PROVED, *ledger.trial.waves[-1])
    assert before.trial is not None
    assert [len(wave) for wave in before.trial.waves] == sizes
    assert ledger.completed == 1


def test_nothing_goes_on_before_all_of_a_wave_have_proved_themselves() -> None:
    ledger = moved(on_trial(), Seen(live(canaries=("ams", "fra")), 0.0))
    ledger = said(ledger, ReportState.TAKEN, "ams", "fra")
    ledger = said(ledger, ReportState.PROVED, "fra")
    assert step(ledger, Seen(live(), 15.0)) is None


def test_a_failed_proof_returns_it_and_says_whose() -> None:
    ledger = said(moved(on_trial(), Seen(live(), 0.0)), ReportState.FAILED, "ams")
    ended = moved(ledger, Seen(live(), 0.0))
    assert (ended.completed, ended.trial) == (0, None)
    assert ended.generations[0].outcome is Outcome.RETURNED
    assert ended.generations[0].why == "ams: why"


def test_an_edge_that_does_not_report_returns_it_after_proof_and_patience() -> None:
    ledger = said(moved(on_trial(), Seen(live(), 0.0)), ReportState.TAKEN, "ams")
    assert step(ledger, Seen(live(), 15.0)) is None
    assert moved(ledger, Seen(live(), 15.1)).generations[0].why == "ams: no report within 15 s"


def test_an_edge_that_proved_itself_may_fail_later_and_never_prove_itself_again() -> None:
    ledger = said(moved(on_trial(), Seen(live(), 0.0)), ReportState.PROVED, "ams")
    ledger = said(ledger, ReportState.FAILED, "ams")
    assert report(ledger, 1, "ams", Report(ReportState.PROVED)) is None
    assert moved(ledger, Seen(live(), 0.0)).generations[0].outcome is Outcome.RETURNED


@pytest.mark.parametrize(("number", "edge"), [(2, "ams"), (1, "fra")])
def test_nobody_is_heard_who_was_not_asked(number: int, edge: str) -> None:
    ledger = moved(on_trial(), Seen(live(), 0.0))
    assert report(ledger, number, edge, Report(ReportState.FAILED)) is None


def test_one_generation_is_on_trial_at_a_time() -> None:
    with pytest.raises(UnderWayError, match="generation 1 of ada is on trial"):
        publish(on_trial(), generation(2))


def test_an_aborted_generation_is_served_by_nobody() -> None:
    ledger = moved(on_trial(), Seen(live(), 0.0))
    ended = abort(ledger, "ada: wrong file")
    assert ended is not None
    assert ended.generations[0].outcome is Outcome.ABORTED
    assert wanted(ended, "ams", empty=False) == 0
    assert abort(ended, "again") is None


def test_what_is_remembered_is_bounded_and_has_the_completed_one() -> None:
    ledger = Ledger((generation(1),), 0, Trial(1)).ended(Outcome.COMPLETED)
    for number in range(2, 3 * KEPT):
        ledger = publish(ledger, generation(number)).ended(Outcome.RETURNED, "no")
    assert len(ledger.generations) == KEPT + 1
    assert ledger.get(1) is not None
    assert ledger.completed == 1


@pytest.mark.parametrize(
    ("edge", "empty", "refused", "number"),
    [
        ("ams", False, (), 2),  # reached
        ("fra", False, (), 1),  # not yet
        ("ams", False, (2,), 1),  # could not serve it
        ("new", True, (), 1),  # has nothing, and there is a completed one
    ],
)
def test_an_edge_serves_the_trial_where_it_is_reached_else_what_is_completed(
    edge: str, empty: bool, refused: tuple[int, ...], number: int
) -> None:
    ledger = publish(on_trial().ended(Outcome.COMPLETED), generation(2))
    ledger = moved(ledger, Seen(live(), 0.0))
    assert wanted(ledger, edge, empty=empty, refused=refused) == number


def test_before_any_is_completed_an_edge_with_nothing_takes_the_one_on_trial() -> None:
    assert wanted(on_trial(), "ams", empty=True) == 1
    assert wanted(on_trial(), "ams", empty=False) == 0


# --- whatever edges do ------------------------------------------------------------------------


@dataclass
class Edge:
    """An edge as the slow model has it: what it has heard, serves, and is about to do."""

    name: str
    alive: bool = True
    connected: bool = True
    heard: int = 0  # which version of the ledger
    wave: tuple[int, int] = (0, 0)
    waited: float = 0.0
    serves: int = 0
    to_say: dict[int, Report] = field(default_factory=dict)


class Fleet:
    """Edges over one ledger: a list of its versions, of which each edge has heard up to one."""

    def __init__(self) -> None:
        self.versions = [Ledger()]
        self.edges = {name: Edge(name) for name in EDGES}
        # The oracle's own record: what was written by whom, in the order of the versions.
        self.failed: dict[int, set[str]] = {}
        self.proved: dict[int, set[str]] = {}

    @property
    def ledger(self) -> Ledger:
        return self.versions[-1]

    def write(self, based_on: int, ledger: Ledger) -> bool:
        """Compare-and-set, as the store has it."""
        if based_on != len(self.versions) - 1:
            return False
        self.check(self.ledger, ledger)
        self.versions.append(ledger)
        return True

    def check(self, before: Ledger, after: Ledger) -> None:
        """What may never be written."""
        if after.trial is not None and before.trial is not None:
            added = after.trial.waves[len(before.trial.waves) :]
            if added and before.trial.waves:
                number = after.trial.number
                assert not self.failed.get(number), "a failed generation reaches another wave"
                for wave in before.trial.waves:
                    assert set(wave) <= self.proved.get(number, set())
        if after.completed != before.completed:
            assert after.completed > before.completed
            assert not self.failed.get(after.completed)
            assert before.trial is not None
            assert set(before.trial.reached) <= self.proved.get(after.completed, set())
        outcomes = {g.number: g.outcome for g in before.generations}
        for g in after.generations:
            was = outcomes.get(g.number, Outcome.TRIED)
            assert was in (Outcome.TRIED, g.outcome), "an outcome has changed"

    def may_serve(self, edge: Edge, number: int) -> bool:
        """Whether some version that it has heard completed that, or has it in a wave of it."""
        heard = self.versions[: edge.heard + 1]
        trials = [v.trial for v in heard if v.trial is not None and v.trial.number == number]
        return (
            any(version.completed == number for version in heard)
            or any(edge.name in trial.reached for trial in trials)
            or (not edge.serves and not heard[-1].completed)
        )

    def act(self, edge: Edge) -> None:
        """One turn of an edge that lives: serve what is wanted, say what is to be said, step."""
        ledger = self.versions[edge.heard]
        refused = [n for n, r in edge.to_say.items() if r.state is ReportState.FAILED]
        number = wanted(ledger, edge.name, empty=not edge.serves, refused=refused)
        if number not in (0, edge.serves):
            assert self.may_serve(edge, number), "an edge serves what no wave has brought it"
        edge.serves = number or edge.serves
        trial = ledger.trial
        wave = (trial.number, len(trial.waves)) if trial else (0, 0)
        if wave != edge.wave:
            edge.wave, edge.waited = wave, 0.0
        if not edge.connected:
            return
        for number, what in list(edge.to_say.items()):
            changed = report(ledger, number, edge.name, what)
            if changed is None:
                continue
            if self.write(edge.heard, changed):
                record = self.failed if what.state is ReportState.FAILED else self.proved
                record.setdefault(number, set()).add(edge.name)
            return
        alive = {e.name: False for e in self.edges.values() if e.alive and e.connected}
        due = step(ledger, Seen(alive, edge.waited))
        if due is not None:
            self.write(edge.heard, due)

    def settle(self) -> None:
        """Everybody who lives hears everything, time passes, and nobody fails any more."""
        for _ in range(60):
            for edge in self.edges.values():
                if edge.alive:
                    edge.connected, edge.heard = True, len(self.versions) - 1
                    edge.waited += 16.0
                    if (trial := self.ledger.trial) is not None and edge.serves == trial.number:
                        edge.to_say.setdefault(trial.number, Report(ReportState.PROVED))
                    self.act(edge)


# What goes on is drawn as often as what disturbs it, or else hardly any trial would end well.
ACTS = ("hear", "act", "prove", "fail", "die", "start", "part", "heal", "wait", "abort")
WELL = ("publish", "all turn", "all turn", "all prove")


@given(
    st.lists(
        st.tuples(st.one_of(st.sampled_from(WELL), st.sampled_from(ACTS)), st.sampled_from(EDGES)),
        min_size=20,
        max_size=150,
    )
)
def test_whatever_edges_do_no_failed_generation_goes_on_and_all_end_at_the_last_good(
    acts: list[tuple[str, str]],
) -> None:
    fleet = Fleet()
    for act, name in acts:
        edge = fleet.edges[name]
        match act:
            case "hear" if edge.connected:
                edge.heard = len(fleet.versions) - 1
            case "act" if edge.alive:
                fleet.act(edge)
            case "prove" if edge.serves:
                edge.to_say[edge.serves] = Report(ReportState.PROVED)
            case "all prove":
                for other in fleet.edges.values():
                    other.to_say.setdefault(other.serves, Report(ReportState.PROVED))
            case "all turn":
                for other in fleet.edges.values():
                    if other.alive and other.connected:
                        other.heard = len(fleet.versions) - 1
                        fleet.act(other)
            case "fail" if edge.serves:
                edge.to_say[edge.serves] = Report(ReportState.FAILED, "it fails")
            case "die":
                edge.alive = False
            case "start":
                edge.alive, edge.waited = True, 0.0
            case "part":
                edge.connected = False
            case "heal":
                edge.connected = True
            case "wait":
                edge.waited += 7.0
            case "publish" if fleet.ledger.trial is None:
                ledger = publish(fleet.ledger, generation(fleet.ledger.next_number))
                fleet.write(len(fleet.versions) - 1, ledger)
            case "abort" if (ended := abort(fleet.ledger, "no")) is not None:
                fleet.write(len(fleet.versions) - 1, ended)
    fleet.settle()
    alive = [edge for edge in fleet.edges.values() if edge.alive]
    if alive:
        assert fleet.ledger.trial is None
    if fleet.ledger.completed:
        assert {edge.serves for edge in alive} <= {fleet.ledger.completed}
        completed = fleet.ledger.get(fleet.ledger.completed)
        assert completed is not None
        assert completed.outcome is Outcome.COMPLETED
    assert read(written(fleet.ledger)) == fleet.ledger


def damaged(text: str, value: str) -> bytes:
    """A ledger with something on trial, in which `text` is changed to `value`."""
    terms = replace(TERMS, shares=(0.125,))
    ledger = said(moved(on_trial(1, terms), Seen(live(), 0.0)), ReportState.TAKEN, "ams")
    octets = written(ledger)
    assert read(octets) == ledger
    assert octets.count(text.encode()) == 1
    return octets.replace(text.encode(), value.encode())


@pytest.mark.parametrize("value", ["NaN", "-1", "true", '"1"', "[" * 50_000])
@pytest.mark.parametrize("text", ["0.125", '"completed":0', '"at":0.0', '"proof":10.0'])
def test_a_ledger_with_a_number_that_is_none_is_refused(text: str, value: str) -> None:
    """Whoever reads it goes on with the last one; no task of an edge dies of it."""
    name, colon, _ = text.rpartition(":")
    with pytest.raises(LedgerError, match="is damaged"):
        read(damaged(text, f"{name}{colon}{value}"))


@pytest.mark.parametrize("at", ["1e300", "Infinity", "9" * 400])
def test_a_ledger_of_a_time_that_no_date_says_is_refused(at: str) -> None:
    with pytest.raises(LedgerError, match="is damaged"):
        read(damaged('"at":0.0', f'"at":{at}'))


@pytest.mark.parametrize("text", ["nan%", "0", "-1", "120%", "x"])
def test_a_wave_is_a_count_or_a_share(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="no count nor share"):
        shares(text)
