"""Samples become positions when shares move, and sampling follows how much is asked."""

from __future__ import annotations

import random
from collections import Counter
from itertools import accumulate

import pytest

from resolverd.config.model import Service
from resolverd.engine.block_samples import BlockSample, BlockSamples
from resolverd.load.weighing import Weighing, weighs
from resolverd.policy.share import Share
from resolverd.policy.spill_state import RegionShare, Spill

SERVICE = Service(regions=("a", "b", "c"), policy="ttft")
HOME = ("chat", "a")
NOTHING = BlockSamples([])


class Clients:
    """Blocks of region a as unequal as Zipf 1.2, and what a daemon counts of them."""

    def __init__(self, number: int = 1000) -> None:
        self.chance = random.Random(number)
        self.words = [self.chance.getrandbits(64) for _ in range(number)]
        self.weights = list(accumulate((rank + 1) ** -1.2 for rank in range(number)))
        self.weighing, self.now = Weighing(), 100.0
        self.weighing.adopt({"chat": SERVICE}, self.now)

    def ask(self, queries: int) -> Counter[int]:
        return Counter(self.chance.choices(self.words, cum_weights=self.weights, k=queries))

    def pass_by(self, seconds: int, queries: int) -> bool:
        """Seconds with so many queries in each, of which as many are sampled as is wanted."""
        changed = False
        for _ in range(seconds):
            sampled = self.sampled()
            asked = list(self.ask(queries).elements())
            kept = [word for word in asked if self.chance.randrange(sampled) == 0]
            taken = BlockSamples([BlockSample(*HOME, word, sampled) for word in kept])
            self.now += 1.0
            changed |= self.weighing.take(taken, self.now)
        return changed

    def sampled(self) -> int:
        return self.weighing.over({})[HOME].sampled

    def sent_on(self, shares: dict[str, Share]) -> float:
        """The share of the queries to come that region a sends on."""
        self.weighing.place("chat", shares)
        share = self.weighing.over({("chat", r): s for r, s in shares.items()})[HOME]
        assert share.positions is not None
        asked = self.ask(20_000)
        below = {word for word in asked if share.positions.of(word) < share.spill_ratio}
        return sum(asked[word] for word in below) / asked.total()


def test_each_step_sends_on_a_tenth_of_what_is_asked() -> None:
    clients, before = Clients(), 0.0
    clients.pass_by(200, 100)
    for step in range(1, 6):
        sent = clients.sent_on({"a": Share(step / 10), "b": Share(0.0, step / 10)})
        assert sent - before == pytest.approx(0.1, abs=0.02)
        before = sent
        clients.pass_by(60, 100)


def test_what_is_counted_meanwhile_changes_no_answer_until_shares_move() -> None:
    clients = Clients()
    clients.pass_by(50, 100)
    shares = {"a": Share(0.2), "b": Share(0.0, 0.2)}
    clients.weighing.place("chat", shares)
    placed = clients.weighing.over({})[HOME].positions
    clients.pass_by(50, 100)
    clients.weighing.place("chat", shares)
    assert clients.weighing.over({})[HOME].positions is placed
    clients.weighing.place("chat", {"a": Share(0.2), "b": Share(0.0, 0.3)})
    again = clients.weighing.over({})[HOME].positions
    assert again is not None
    assert placed is not None
    for word in clients.words:
        assert (again.of(word) < 0.2) is (placed.of(word) < 0.2)


def test_a_receiver_that_takes_less_is_given_that_much_of_the_load() -> None:
    """Its share is a part of what is sent on, by the same positions."""
    clients = Clients()
    clients.pass_by(200, 100)
    for accept in (0.1, 0.2, 0.3):
        clients.weighing.place("chat", {"a": Share(0.4), "b": Share(0.0, accept)})
        positions = clients.weighing.over({})[HOME].positions
        assert positions is not None
        asked = clients.ask(20_000)
        taken = sum(n for word, n in asked.items() if positions.of(word) < accept)
        assert taken / asked.total() == pytest.approx(accept, abs=0.015)


def test_a_region_that_keeps_all_its_clients_has_no_positions() -> None:
    clients = Clients()
    clients.pass_by(20, 100)
    clients.weighing.place("chat", {"a": Share(0.2)})
    assert clients.weighing.over({})[HOME].positions is not None
    clients.weighing.place("chat", {})
    assert all(share.positions is None for share in clients.weighing.over({}).values())


@pytest.mark.parametrize(("queries", "most"), [(5, 5), (40, 40), (1200, 640), (20_000, 640)])
def test_sampling_is_as_dense_as_a_bounded_number_a_second_allows(queries: int, most: int) -> None:
    """All of a quiet host's queries, few of a busy one's; and it comes to rest."""
    clients = Clients(50)
    clients.pass_by(30, queries)
    assert not clients.pass_by(20, queries)
    assert queries / clients.sampled() <= most
    assert clients.sampled() == 1 or queries / clients.sampled() >= 64


def test_samples_that_were_dropped_make_sampling_sparser() -> None:
    clients = Clients()
    clients.weighing.take(NOTHING, 101.0)
    samples = [BlockSample(*HOME, 1, 1)] * 100
    assert clients.weighing.take(BlockSamples(samples, dropped=1_000_000), 102.0)
    assert clients.sampled() >= 2048


def test_many_regions_share_the_samples_that_are_taken() -> None:
    weighing = Weighing()
    regions = tuple(f"r{n}" for n in range(128))
    weighing.adopt({"chat": SERVICE.model_copy(update={"regions": regions})}, 0.0)
    weighing.take(NOTHING, 1.0)
    samples = [BlockSample("chat", region, 1, 8) for region in regions for _ in range(100)]
    for second in range(2, 12):
        weighing.take(BlockSamples(samples), float(second))
    assert {share.sampled for share in weighing.over({}).values()} == {64}


def test_a_region_that_is_edited_away_is_forgotten_and_others_are_not() -> None:
    clients = Clients()
    clients.pass_by(10, 100)
    clients.weighing.adopt({"chat": SERVICE.model_copy(update={"regions": ("a", "b")})}, 111.0)
    assert set(clients.weighing.over({})) == {HOME, ("chat", "b")}
    assert clients.weighing.unevenness()[HOME].samples > 100
    late = BlockSamples([BlockSample("chat", "c", 1, 1)])
    clients.weighing.take(late, 112.0)
    clients.weighing.adopt({}, 113.0)
    assert not clients.weighing.wanted
    assert clients.weighing.over({}) == {}


def test_how_unequal_blocks_are_is_told_by_region() -> None:
    clients = Clients()
    assert clients.weighing.unevenness() == {}
    clients.pass_by(100, 100)
    told = clients.weighing.unevenness()
    assert set(told) == {HOME}
    largest = clients.weights[0] / clients.weights[-1]
    assert told[HOME].largest == pytest.approx(largest, abs=0.03)
    assert 15 < told[HOME].heavy < 35
    assert told[HOME].placed == 0
    clients.weighing.place("chat", {"a": Share(0.2)})
    assert clients.weighing.unevenness()[HOME].placed == told[HOME].heavy


def test_a_later_process_places_blocks_as_the_one_before() -> None:
    """It knows what is asked from the beginning only; the first step that comes moves a step."""
    clients = Clients()
    clients.pass_by(100, 100)
    spill = Spill({"a": RegionShare(0.2), "b": RegionShare(accept_ratio=0.2)})
    clients.weighing.place("chat", spill.shares(0.0))
    before = clients.weighing.positions[HOME]
    later = Clients()
    later.words = clients.words
    later.weighing = Weighing()
    later.weighing.resume(clients.weighing.positions, {"chat": spill})
    later.weighing.adopt({"chat": SERVICE}, later.now)
    later.weighing.place("chat", spill.shares(0.0))
    assert later.weighing.positions[HOME] is before
    later.weighing.place("chat", {"a": Share(0.3), "b": Share(0.0, 0.2)})
    assert later.weighing.positions[HOME] is before, "nothing is known yet"
    later.weighing.place("chat", spill.shares(0.0))
    later.pass_by(100, 100)
    sent = later.sent_on({"a": Share(0.3), "b": Share(0.0, 0.3)})
    assert sent == pytest.approx(0.3, abs=0.02)
    after = later.weighing.positions[HOME]
    for word in later.words:
        assert before.of(word) >= 0.2 or after.of(word) < 0.2


def test_only_services_that_want_it_are_weighed() -> None:
    assert weighs(SERVICE)
    assert not weighs(Service(regions=("a",)))
