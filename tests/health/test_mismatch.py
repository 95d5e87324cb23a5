"""Who is contradicted by most of those that serve is withdrawn, and nobody else."""

from __future__ import annotations

import tomllib
from collections import Counter

import pytest
from harness.config import REGIONS, config_text
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.health.identity import Difference, Identity
from resolverd.health.mismatch import KeptMismatch, PeerMismatch, PeerMismatches
from resolverd.health.outcome import Condition
from resolverd.health.peers import contradicted, outvoted, urls_asked
from resolverd.health.verdict import UNKNOWN, State, Verdict

TEXT = config_text(
    """
[service.chat]
model = "m"
regions = ["us-east", "us-west", "eu-west", "ap-northeast"]
""",
    probe='kind = "vllm"\n',
)
CONFIG = Config.model_validate(tomllib.loads(TEXT))
TARGETS = probe_targets(CONFIG)
IDS = [f"{region}-1" for region in REGIONS]
SHORT = Difference("max_model_len", "8192", "4096")


def verdict(state: State) -> Verdict:
    return Verdict(state, None, "as probed", float("inf"), state)


@given(
    st.dictionaries(st.sampled_from(IDS), st.sampled_from([0, 4096, 8192, 16384])),
    st.dictionaries(st.sampled_from(IDS), st.sampled_from(State)),
)
def test_the_contradicted_are_fewer_than_those_who_serve_and_agree(
    lengths: dict[str, int], states: dict[str, State]
) -> None:
    identities = {id_: Identity(max_model_len=length) for id_, length in lengths.items()}
    verdicts = {id_: verdict(state) for id_, state in states.items()}
    votes = {
        id_: length
        for id_, length in lengths.items()
        if length and id_ in states and states[id_].serves
    }
    expected = {
        id_
        for id_, length in votes.items()
        if any(n > len(votes) / 2 and most != length for most, n in Counter(votes.values()).items())
    }
    assert set(outvoted(CONFIG, TARGETS, identities, verdicts)) == expected
    assert 2 * len(expected) < len(votes) or not expected


def test_a_rollout_contradicts_nobody() -> None:
    identities = {id_: Identity(max_model_len=4096, version="1") for id_ in IDS}
    identities[IDS[0]] = Identity(max_model_len=4096, version="2")
    verdicts = dict.fromkeys(IDS, verdict(State.UP))
    assert outvoted(CONFIG, TARGETS, identities, verdicts) == {}


def test_dissent_takes_a_server_down_with_its_own_reason_and_never_up() -> None:
    mismatch = PeerMismatch(SHORT, 50.0)
    taken = mismatch.over(verdict(State.UP), 60.0)
    assert (taken.state, taken.condition, taken.changed_at) == (
        State.DOWN,
        Condition.WRONG_MODEL,
        50.0,
    )
    assert (taken.measured, taken.no_flip_before) == (State.UP, 60.0)
    for state in (State.DOWN, State.RECOVERING):
        assert mismatch.over(verdict(state), 60.0) == verdict(state)
    assert mismatch.over(UNKNOWN, 60.0) == UNKNOWN


def test_the_end_of_dissent_is_a_change_and_needs_to_be_seen() -> None:
    mismatches, asked = PeerMismatches(), {"a": "http://a.example", "b": "http://b.example"}
    mismatches.record({"a": SHORT}, ["a", "b"], asked, 10.0)
    mismatches.record({"a": SHORT}, ["a", "b"], asked, 20.0)
    assert mismatches.by_target() == {"a": PeerMismatch(SHORT, 10.0)}
    mismatches.record({}, ["b"], asked, 30.0)
    assert mismatches.by_target() == {"a": PeerMismatch(SHORT, 10.0)}, "not known who it is"
    mismatches.record({}, ["a", "b"], asked, 40.0)
    assert mismatches.by_target() == {"a": PeerMismatch(None, 40.0)}
    assert mismatches.by_target()["a"].over(verdict(State.UP), 45.0).changed_at == 40.0


@pytest.mark.parametrize(
    ("before", "after", "known"),
    [
        ('kind = "vllm"', 'kind = "http"', {IDS[0]: PeerMismatch(None, 20.0)}),
        ('model = "m"', 'model = "m"\nmust_agree = []', {IDS[0]: PeerMismatch(None, 20.0)}),
        ("192.0.2.10:8000", "192.0.2.11:8000", {IDS[0]: PeerMismatch(None, 20.0)}),
        ('["us-east", "us-west", ', '["us-west", ', {}),
        ('kind = "vllm"', 'kind = "vllm"\nfall = 2', {IDS[0]: PeerMismatch(SHORT, 10.0)}),
    ],
    ids=["another kind", "nothing must agree", "another URL", "no target", "the same question"],
)
def test_dissent_does_not_outlive_an_edit_after_which_nobody_is_asked(
    before: str, after: str, known: dict[str, PeerMismatch]
) -> None:
    """Nobody knows who it is after any of them: it is not asked, or has not answered yet."""
    mismatches = PeerMismatches()
    mismatches.record({IDS[0]: SHORT}, IDS, urls_asked(CONFIG, TARGETS, IDS), 10.0)
    assert before in TEXT
    edited = Config.model_validate(tomllib.loads(TEXT.replace(before, after)))
    mismatches.record({}, [], urls_asked(edited, probe_targets(edited), IDS), 20.0)
    assert mismatches.by_target() == known


A, B, C, D = IDS
WRONG = Difference("max_model_len", "2048", "4096")


@pytest.mark.parametrize(
    ("tell", "down", "known", "wrong"),
    [
        ([2048, 4096, 4096, None], "", "", "a"),
        ([2048, 4096, 4096, None], "", "a", "a"),
        ([2048, 4096, 4096, None], "bd", "a", "a"),
        ([2048, 4096, 4096, None], "abd", "a", "a"),
        ([8192, 4096, 4096, None], "bd", "a", "a"),
        ([2048, None, None, None], "bd", "a", "a"),
        ([2048, -1, -1, None], "d", "a", "a"),
        ([2048, 4096, 4096, None], "bcd", "a", ""),
        ([2048, 0, 4096, None], "cd", "a", ""),
        ([4096, 4096, 8192, None], "bd", "a", ""),
        ([0, 4096, 4096, None], "bd", "a", ""),
        ([2048, 2048, 4096, 4096], "", "a", ""),
        ([2048, 2048, 4096, None], "", "a", "c"),
        ([2048, 2048, 4096, None], "", "ab", "ab"),
        ([2048, 2048, 4096, None], "cd", "ab", ""),
        ([None, 4096, 4096, None], "", "a", ""),
    ],
    ids=[
        "outvoted", "still", "one of the others dies", "it dies too", "another wrong value",
        "the others have not told yet", "they have given tokens alone",
        "all of the others die", "the others do not export it",
        "it agrees with most of then", "it does not tell", "as many say what it says",
        "most say what it says", "two of them and one that is right", "two of them alone",
        "it has not told yet, for which the last holds",
    ],
)  # fmt: skip
def test_the_wrong_one_stays_so_until_it_agrees_and_nobody_becomes_so_by_a_death(
    tell: list[int | None], down: str, known: str, wrong: str
) -> None:
    names = dict(zip("abcd", IDS, strict=True))
    identities = {
        id_: Identity(fingerprint="f") if length == -1 else Identity(max_model_len=length)
        for id_, length in zip(IDS, tell, strict=True)
        if length is not None
    }
    states = {id_: State.DOWN if name in down else State.UP for name, id_ in names.items()}
    verdicts = {id_: verdict(state) for id_, state in states.items()}
    before = {names[name]: WRONG for name in known}
    found = contradicted(CONFIG, TARGETS, identities, verdicts, before)
    assert found.keys() == {names[name] for name in wrong}
    if wrong == "a":
        assert found[A] == Difference("max_model_len", str(tell[0]), "4096")


def test_what_an_earlier_process_knew_holds_until_it_is_known_who_it_is() -> None:
    asked = urls_asked(CONFIG, TARGETS, IDS)
    before = PeerMismatches()
    before.record({A: WRONG, B: WRONG}, IDS, asked, 10.0)
    before.record({A: WRONG}, IDS, asked, 20.0)
    assert before.kept(19.0).keys() == {A, B}
    assert before.kept(20.0) == {A: KeptMismatch(PeerMismatch(WRONG, 10.0), asked[A])}
    later = PeerMismatches(before.kept(20.0))
    assert later.differences() == {A: WRONG}
    later.record({}, [B], asked, 30.0)
    assert later.by_target() == {A: PeerMismatch(WRONG, 10.0)}
    later.record({}, [A, B], asked, 40.0)
    assert later.by_target() == {A: PeerMismatch(None, 40.0)}
    moved = PeerMismatches(before.kept(20.0))
    moved.record({}, [], asked | {A: "http://192.0.2.99:8000"}, 30.0)
    assert moved.by_target() == {A: PeerMismatch(None, 30.0)}


@pytest.mark.parametrize("known", [{}, {A: WRONG}], ids=["not yet", "wrong until now"])
@pytest.mark.parametrize(
    ("up", "withdrawn", "kept_out"),
    [
        ((A, B, C), (), True),
        ((A, B), ("ap-northeast",), True),
        ((A, B), ("us-west",), False),
        ((A, B), (B,), False),
        ((A, B, C), ("us-west",), True),
        ((A, B, C), ("us-west", "eu-west"), False),
        ((A, B, C), (B, C), False),
    ],
    ids=["nobody", "another region", "its region", "its endpoint", "one of two", "both regions",
         "both endpoints"],
)  # fmt: skip
def test_who_is_drained_keeps_nobody_out_of_service(
    up: tuple[str, ...], withdrawn: tuple[str, ...], known: dict[str, Difference], *, kept_out: bool
) -> None:
    """All that are up but A contradict it, the others are down."""
    identities = {id_: Identity(max_model_len=2048 if id_ == A else 4096) for id_ in up}
    verdicts = {id_: verdict(State.UP if id_ in up else State.DOWN) for id_ in IDS}
    found = contradicted(CONFIG, TARGETS, identities, verdicts, known, withdrawn)
    tie = len(up) == 2 and not known  # of two nobody is outvoted
    assert found.keys() == ({A} if kept_out and not tie else set())
