"""The pure parts of the vllm probe: budget, progress, judgement, identity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resolverd.health.identity import Difference, Identity, differences
from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.outcome import Condition
from resolverd.health.probes import canary, progress
from resolverd.health.probes.budget import TokenBudget
from resolverd.health.probes.canary import Answer
from resolverd.health.probes.classify import Known, classify, needs_health
from resolverd.health.probes.exchange import printable
from resolverd.health.probes.identify import read_identity
from resolverd.health.probes.progress import Own
from resolverd.health.probes.vllm_metrics import Engine, Page
from resolverd.health.untrusted_json import parse_json

# No deadline for one example: a loaded machine is no defect.
unhurried = hypothesis_settings(deadline=None)
seconds = st.floats(0, 3000, allow_nan=False)


@unhurried
@given(st.integers(100, 20_000), st.lists(st.tuples(seconds, st.integers(1, 500)), max_size=60))
def test_no_hour_spends_more_than_its_budget(per_hour: int, asks: list[tuple[float, int]]) -> None:
    """Every window of an hour that begins with a purchase, added up the slow way."""
    budget, now, spent = TokenBudget(per_hour, 0.0), 0.0, []
    for wait, tokens in asks:
        now += wait
        if budget.spend(tokens, now):
            spent.append((now, tokens))
    for begin, _ in spent:
        inside = sum(tokens for at, tokens in spent if begin <= at < begin + 3600)
        assert inside <= per_hour + 1e-6


@pytest.mark.parametrize(("every", "enough"), [(5.0, True), (1.0, True), (0.5, False)])
def test_the_default_budget_is_enough_for_a_canary_every_second(every: float, enough: bool) -> None:
    settings = VllmProbe()
    budget = TokenBudget(settings.canary_tokens_per_hour, 0.0)
    cost = canary.cost(settings.canary_prompt)
    assert all(budget.spend(cost, n * every) for n in range(int(4 * 3600 / every))) is enough


def test_a_clock_that_goes_back_gives_nothing() -> None:
    budget = TokenBudget(100, 50.0)
    assert budget.spend(10, 50.0)
    assert not budget.spend(1, 0.0)


BEFORE = Page(generated=10, prompt=100, iterations=10, rejections=0, started=1, responses={})


def test_a_kv_cache_that_fills_is_progress_of_its_engine() -> None:
    """A chunked prefill: no counter moves until all of the prompt is read."""

    def page(**caches: float) -> Page:
        engines = {k.encode(): Engine(running=1, kv_usage=v, prompt=5) for k, v in caches.items()}
        return Page(engines=engines)

    assert progress.moved(page(a=0.1, b=0.5), page(a=0.1, b=0.6), Own(0, 5, 3))
    assert not progress.moved(page(a=0.1), page(a=0.1))
    assert not progress.moved(page(a=0.6), page(a=0.1))
    assert not progress.moved(page(a=0.1), page(b=0.6))
    idle = Page(engines={b"a": Engine(running=0, kv_usage=0.9, prompt=5)})
    assert not progress.moved(page(a=0.1), idle)


def test_an_engine_does_not_borrow_another_ones_counter() -> None:
    before = Page(engines={b"a": Engine(prompt=5), b"b": Engine(prompt=900)})
    after = Page(engines={b"a": Engine(prompt=5), b"b": Engine(prompt=900)})
    assert not progress.moved(before, after)
    assert progress.moved(before, Page(engines={b"a": Engine(prompt=6)}))


def later(**changes: object) -> Page:
    fields = {f: getattr(BEFORE, f) for f in BEFORE._fields} | changes
    return Page(**fields)


@pytest.mark.parametrize(
    ("after", "own", "moved"),
    [
        (BEFORE, Own(), False),
        (later(generated=11), Own(), True),
        (later(prompt=101), Own(), True),
        (later(iterations=11), Own(), True),
        (later(generated=9), Own(), False),
        (Page(), Own(), False),
        # one canary of four tokens at most: its own steps are no progress, the next one is
        (later(generated=12, prompt=104, iterations=13), Own(1, 4), False),
        (later(generated=13, prompt=104, iterations=13), Own(1, 4), True),
        (later(generated=12, prompt=105, iterations=13), Own(1, 4), True),
        (later(generated=12, prompt=104, iterations=14), Own(1, 4), True),
        # nor are those of one that has not ended, or was asked for more
        (later(generated=12, prompt=104, iterations=13), Own(0, 4, 1), False),
        (later(generated=13, prompt=104, iterations=13), Own(0, 4, 1), True),
        (later(generated=26, prompt=104, iterations=27), Own(1, 4, 0, 16), False),
    ],
)
def test_counters_that_grow_by_more_than_our_own_are_progress(
    after: Page, own: Own, moved: bool
) -> None:
    assert progress.moved(BEFORE, after, own) is moved


@pytest.mark.parametrize(
    ("after", "accepts"),
    [
        (later(responses={}), True),
        (later(responses={"2xx": 9}), True),
        (later(responses=None), False),
        (later(responses={"5xx": 1}), False),
        (later(responses={"5xx": 3}, rejections=3), True),
        (later(responses={"5xx": 4}, rejections=3), False),
    ],
)
def test_errors_that_a_full_queue_does_not_explain_are_doubted(after: Page, accepts: bool) -> None:
    assert progress.accepts(BEFORE, after) is accepts


def test_only_a_canary_can_tell_that_a_page_is_stale() -> None:
    assert progress.stale(BEFORE, BEFORE, Own(1, 4))
    assert not progress.stale(BEFORE, BEFORE, Own())
    assert not progress.stale(BEFORE, later(generated=11), Own(1, 4))
    assert not progress.stale(Page(running=1), Page(running=1), Own(1, 4))


@pytest.mark.parametrize(
    ("answer", "health", "condition"),
    [
        (Answer(500), 200, Condition.NONE),
        (Answer(500), 404, Condition.NONE),
        (Answer(500), None, Condition.NONE),
        (Answer(200, error=500), 200, Condition.NONE),
        (Answer(503), 200, Condition.SHEDDING),
        (Answer(503), 404, Condition.SHEDDING),
        (Answer(503), None, Condition.NONE),
        (Answer(200, error=429), 200, Condition.SHEDDING),
        (Answer(529), 200, Condition.SHEDDING),
        (Answer(500, error=529), 200, Condition.SHEDDING),
        (Answer(501), None, Condition.MISCONFIGURED),
        (Answer(200, error=401), None, Condition.NONE),
        (Answer(200, error=0), None, Condition.NONE),
    ],
)
def test_judgement(answer: Answer, health: int | None, condition: Condition) -> None:
    assert classify(answer, health)[0] is condition


VLLM = Known(vllm_alone=True, listed=True)


@pytest.mark.parametrize(
    ("answer", "health", "known", "condition"),
    [
        # one vLLM drains; behind a gateway it may be one of several that ended
        (Answer(500), 200, VLLM, Condition.DRAINING),
        (Answer(500), 503, VLLM, Condition.NONE),
        (Answer(500), 200, Known(listed=True), Condition.NONE),
        # an empty list of models: nobody is there, whatever the status
        (Answer(404), None, Known(listed=False), Condition.NO_BACKEND),
        (Answer(503), 200, Known(listed=False), Condition.NO_BACKEND),
        (Answer(500), 200, Known(listed=False), Condition.NO_BACKEND),
        (Answer(200, error=502), None, Known(listed=False), Condition.NO_BACKEND),
        (Answer(401), None, Known(listed=False), Condition.MISCONFIGURED),
        # 404: of a model in the server's words, of a path without any
        (Answer(404, detail="The model `m` does not exist."), None, VLLM, Condition.WRONG_MODEL),
        (Answer(404, detail="Not Found"), None, Known(listed=True), Condition.MISCONFIGURED),
        (Answer(404), None, Known(listed=True), Condition.MISCONFIGURED),
        (Answer(404), None, Known(listed=True, completed=True), Condition.NONE),
        (Answer(404), None, Known(), Condition.NONE),
    ],
)
def test_an_answer_is_judged_by_who_gave_it(
    answer: Answer, health: int | None, known: Known, condition: Condition
) -> None:
    assert classify(answer, health, known)[0] is condition


@given(st.integers(100, 599), st.sampled_from([None, 0, 400, 429, 500, 503]))
def test_health_is_asked_wherever_it_makes_a_difference(status: int, error: int | None) -> None:
    answer = Answer(status, error=error)
    verdicts = {classify(answer, health, VLLM)[0] for health in (None, 200, 404, 500, 503)}
    assert len(verdicts) == 1 or needs_health(answer)


A, B, C = "a", "b", "c"


@pytest.mark.parametrize(
    ("lengths", "differing"),
    [
        ({A: 1, B: 1, C: 1}, {}),
        ({A: 1, B: 1, C: 2}, {C: ("2", "1")}),
        ({A: 1, B: 2}, {A: ("1", "no majority"), B: ("2", "no majority")}),
        ({A: 1, B: 0, C: 0}, {}),
        ({A: 1, B: 1, C: 0}, {}),
        ({}, {}),
    ],
)
def test_who_differs_from_the_majority_is_told(
    lengths: dict[str, int], differing: dict[str, tuple[str, str]]
) -> None:
    identities = {key: Identity(max_model_len=n, version="1") for key, n in lengths.items()}
    assert differences(identities, ["max_model_len", "version"]) == {
        key: [Difference("max_model_len", *values)] for key, values in differing.items()
    }


@given(st.dictionaries(st.text(max_size=3), st.sampled_from("xyz"), max_size=9))
def test_a_majority_never_differs(versions: dict[str, str]) -> None:
    identities = {key: Identity(version=v) for key, v in versions.items()}
    found = differences(identities, ["version"])
    for version in set(versions.values()):
        holders = [key for key, held in versions.items() if held == version]
        if 2 * len(holders) > len(versions):
            assert not found.keys() & set(holders)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'{"data": {}}', b'{"data": []}', b'{"data": [1, null]}',
        b'{"data": [{"id": 7}]}', b"[" * 100_000, b'{"data": ' * 50_000, b"\xff\xfe",
    ],
)  # fmt: skip
def test_a_list_of_models_that_is_none_tells_nobody(body: bytes) -> None:
    assert read_identity(body, None, "m") is None


def test_what_a_server_says_cannot_spoil_a_log() -> None:
    body = b'{"data": [{"id": "m\\u001b[31m\\nx", "root": 5, "max_model_len": "9"}]}'
    parsed = read_identity(body, b'{"version": ["1"]}', "m")
    assert parsed == Identity(models=("m [31m x",))
    assert printable("x" * 500).endswith("…")
    assert len(printable("x" * 500)) == 100
    assert parse_json(b"1" * 10_000) is None


def test_the_card_of_the_model_is_found_by_name_then_by_root() -> None:
    cards = (
        b'{"data": [{"id": "x", "root": "m", "max_model_len": 1},'
        b' {"id": "m", "root": "y", "max_model_len": 2}]}'
    )
    assert [read_identity(cards, None, m) for m in ("m", "x", "y", "z")] == [
        Identity(("x", "m"), "y", 2),
        Identity(("x", "m"), "m", 1),
        Identity(("x", "m"), "y", 2),
        Identity(("x", "m"), "m", 1),
    ]
