"""What goes through replicas by their readings, and shares moved by it over a fleet."""

from __future__ import annotations

import math

import pytest
from load_fleet import Fleet, fleet_config, verdict

from resolverd.admin.load import service_loads
from resolverd.config.probe import Probe
from resolverd.health.readings import LoadReadings, Total
from resolverd.health.verdict import State
from resolverd.load.flow import FlowTracker
from resolverd.policy.learned import LearnedRate
from resolverd.policy.share import Share
from resolverd.policy.ttft import Flow

PROBE = Probe()


def read(*readings: LoadReadings) -> Flow | None:
    """What is known after these readings of one replica."""
    tracker = FlowTracker()
    for reading in readings:
        tracker.sample([("one", PROBE)], {"one": reading}, reading.at)
    return tracker.flow(["one"])


def at(seconds: float, completed: float | None, **more: object) -> LoadReadings:
    return LoadReadings(seconds, completed=completed, **more)  # type: ignore[arg-type]


def test_what_arrived_is_what_was_finished_and_what_is_more_inside() -> None:
    flow = read(at(0, 100, running=5, waiting=1), at(10, 140, running=8, waiting=8))
    assert flow is not None
    assert flow.arrivals == pytest.approx(4 + (16 - 6) / 10)
    assert flow.waiting == 8


def test_what_is_finished_while_some_wait_is_learned_and_kept_when_none_does() -> None:
    full = [at(5 * n, 20 * n, running=16, waiting=3) for n in range(4)]
    idle = [at(15 + 5 * n, 60 + 5 * n, running=4, waiting=0) for n in range(1, 9)]
    flow = read(*full, *idle)
    assert flow is not None
    assert (flow.max_rate, flow.concurrency) == (4, 16)
    assert flow.arrivals == pytest.approx(1)


def test_a_drain_follows_a_change_of_what_is_borne_by_and_by() -> None:
    before = [at(5 * n, 20 * n, running=16, waiting=3) for n in range(13)]
    after = [at(60 + 5 * n, 240 + 10 * n, running=8, waiting=3) for n in range(1, 61)]
    soon, late = read(*before, *after[:3]), read(*before, *after)
    assert soon is not None
    assert late is not None
    assert soon.max_rate is not None
    assert 3 < soon.max_rate < 4
    assert late.max_rate == pytest.approx(2, rel=0.02)
    assert late.concurrency == pytest.approx(8, rel=0.02)


def test_before_any_queue_the_kv_cache_tells_what_all_of_it_would_bear() -> None:
    flow = read(*(at(5 * n, 10 * n, running=4, waiting=0, kv_usage=0.25) for n in range(3)))
    assert flow is not None
    assert (flow.max_rate, flow.concurrency) == (8, 16)


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param([at(0, 1)], id="one reading"),
        pytest.param([at(0, None), at(5, None)], id="no count of what is finished"),
        pytest.param([at(5, 1), at(5, 1)], id="the same reading twice"),
        pytest.param([at(0, 50), at(5, 3)], id="another process"),
        pytest.param([at(0, 5, started=1.0), at(5, 6, started=2.0)], id="a newer process"),
    ],
)
def test_what_is_not_told_is_unknown(readings: list[LoadReadings]) -> None:
    assert read(*readings) is None


def test_neither_a_queue_nor_a_cache_tells_what_an_idle_replica_bears() -> None:
    flow = read(*(at(5 * n, n, running=1, waiting=0, kv_usage=0.01) for n in range(3)))
    assert flow is not None
    assert flow.max_rate is None


def test_readings_that_are_no_longer_fresh_are_forgotten_but_not_what_was_learned() -> None:
    tracker = FlowTracker()
    for n in range(4):
        reading = at(5 * n, 20 * n, running=16, waiting=3)
        tracker.sample([("one", PROBE)], {"one": reading}, reading.at)
    tracker.sample([("one", PROBE)], {"one": reading}, 1000.0)
    assert tracker.flow(["one"]) is None
    for n in range(2):
        reading = at(1000 + 5 * n, 100 + 5 * n, running=4, waiting=0)
        tracker.sample([("one", PROBE)], {"one": reading}, reading.at)
    flow = tracker.flow(["one"])
    assert flow is not None
    assert flow.max_rate == 4


def test_another_process_after_a_silence_has_nothing_of_the_one_before() -> None:
    tracker = FlowTracker()
    for n in range(4):
        reading = at(5 * n, 20 * n, running=16, waiting=3, started=1.0)
        tracker.sample([("one", PROBE)], {"one": reading}, reading.at)
    tracker.sample([("one", PROBE)], {"one": reading}, 1000.0)
    for n in range(2):
        reading = at(1000 + 5 * n, 5 * n, running=4, waiting=0, started=2.0)
        tracker.sample([("one", PROBE)], {"one": reading}, reading.at)
    flow = tracker.flow(["one"])
    assert flow is not None
    assert flow.max_rate is None


@pytest.mark.parametrize(
    ("started", "completed", "known"),
    [
        pytest.param(1.0, 100, True, id="the same process"),
        pytest.param(2.0, 100, False, id="a process that started later"),
        pytest.param(1.0, 30, False, id="a process whose total began anew"),
        pytest.param(None, 100, False, id="a process that does not tell"),
    ],
)
def test_what_an_earlier_daemon_learned_is_true_of_the_same_process(
    started: float | None, completed: float, known: bool
) -> None:
    before, after = FlowTracker(), FlowTracker()
    for n in range(4):
        reading = at(5 * n, 20 * n, running=16, waiting=3, started=1.0)
        before.sample([("one", PROBE)], {"one": reading}, reading.at)
    assert before.learned == {"one": LearnedRate(4, 16, 15, 1.0, 60)}
    after.resume({**before.learned, "gone": LearnedRate(9, 9, 9, None, 9)})
    after.sample([("one", PROBE)], {}, 100)
    assert after.learned == before.learned, "it outlives the next restart too, unread"
    for n in range(2):
        reading = at(101 + 5 * n, completed + n, running=4, waiting=0, started=started)
        after.sample([("one", PROBE)], {"one": reading}, reading.at)
    flow = after.flow(["one"])
    assert flow is not None
    assert flow.max_rate == (4 if known else None)
    assert bool(after.learned) is known


def test_what_was_kept_is_for_those_that_are_there_at_first() -> None:
    tracker = FlowTracker()
    tracker.resume({"late": LearnedRate(9, 9, 9, None, 9)})
    tracker.sample([("one", PROBE)], {}, 1.0)
    tracker.sample([("one", PROBE), ("late", PROBE)], {}, 2.0)
    assert tracker.learned == {}


def test_replicas_of_which_nothing_is_known_are_taken_to_be_like_the_others() -> None:
    tracker, targets = FlowTracker(), [("one", PROBE), ("two", PROBE), ("new", PROBE)]
    for n in range(3):
        readings = {
            name: at(5 * n, factor * n, running=16, waiting=2)
            for name, factor in (("one", 20), ("two", 40))
        }
        tracker.sample(targets, readings, 5 * n)
    flow = tracker.flow(["one", "two", "new"])
    assert flow == Flow(18, 6, 18, 48)
    assert tracker.flow(["new", "gone"]) is None


def test_prefill_is_what_is_left_of_the_time_to_first_token() -> None:
    flow = read(
        at(0, 0, ttft_total=Total(1.0, 1), queue_total=Total(0.5, 1)),
        at(5, 4, ttft_total=Total(9.0, 5), queue_total=Total(6.5, 5)),
    )
    assert flow is not None
    assert flow.prefill == pytest.approx(0.5)


BY_COST = {"policy": "ttft", "ttl": "60s"}
FAR = {"b": {"coordinates": [1, 30]}}


def moved(fleet: Fleet) -> dict[tuple[str, str], Share]:
    """The shares now, without what weighs blocks."""
    return fleet.load.spilling.shares(fleet.now)


class Servers:
    """Replicas of 16 requests at a time, 4 a second each at most; a fleet that reads them."""

    def __init__(self, service: dict[str, object] | None = None) -> None:
        self.fleet = Fleet(fleet_config(BY_COST | (service or {}), **FAR))
        self.completed, self.queues = {"a-1": 0.0, "b-1": 0.0}, {"a-1": 0.0, "b-1": 0.0}

    async def pass_by(self, seconds: int, **demand: float) -> None:
        """Seconds in which that many requests a second are those of each region's clients."""
        for second in range(seconds):
            share = min(self.fleet.spill_ratio(), self.fleet.accept_ratio())
            gone = share * demand["a"]
            for target, load in (("a-1", demand["a"] - gone), ("b-1", demand["b"] + gone)):
                left = self.queues[target] + load
                done = min(4.0, left)
                self.completed[target] += done
                self.queues[target] = left - done
                if second % 5 == 0:
                    self.fleet.add_reading(
                        target,
                        math.floor(self.queues[target]),
                        completed=self.completed[target],
                        running=16.0 if self.queues[target] >= 1 else 4 * load,
                    )
            await self.fleet.tick()
            self.fleet.now += 1.0


async def test_a_region_whose_queue_alone_tells_is_relieved_without_any_capacity_written() -> None:
    servers = Servers()
    await servers.pass_by(120, a=3.0, b=1.0)
    assert moved(servers.fleet) == {}
    await servers.pass_by(600, a=5.0, b=1.0)
    assert 0.2 <= servers.fleet.spill_ratio() <= 0.5
    assert servers.queues["a-1"] == 0
    await servers.pass_by(900, a=1.0, b=1.0)
    assert servers.fleet.spill_ratio() == 0
    assert servers.fleet.load.spilling.episodes == {("chat", "a"): 1}


async def test_what_is_learned_and_what_it_costs_is_shown() -> None:
    servers = Servers()
    await servers.pass_by(120, a=3.0, b=1.0)
    unknown = service_loads(servers.fleet.load, servers.fleet.plan)["chat"]["a"]["cost"]
    assert unknown["max_requests_per_second"] is None
    assert unknown["queue_seconds"] is None
    await servers.pass_by(20, a=8.0, b=1.0)
    shown = service_loads(servers.fleet.load, servers.fleet.plan)["chat"]["a"]["cost"]
    assert shown["max_requests_per_second"] == 4
    assert shown["queue_seconds"] >= servers.queues["a-1"] / 4 - 10
    assert 0 < shown["rtt_seconds"] < 0.02
    plain = Fleet()
    assert service_loads(plain.load, plain.plan)["chat"]["a"]["cost"] is None


async def test_a_region_that_dies_has_no_share_by_cost_either() -> None:
    servers = Servers()
    await servers.pass_by(300, a=5.0, b=1.0)
    assert servers.fleet.spill_ratio() > 0
    servers.fleet.said["a-1"] = verdict(State.DOWN)
    servers.fleet.steer()
    assert (servers.fleet.spill_ratio(), servers.fleet.accept_ratio()) == (0, 0)


async def test_a_service_by_cost_can_be_told_to_send_nobody_on() -> None:
    servers = Servers({"spill": {"enabled": False}})
    await servers.pass_by(300, a=5.0, b=1.0)
    assert moved(servers.fleet) == {}


async def test_where_nothing_is_finished_or_told_no_share_moves_by_cost() -> None:
    fleet = Fleet(fleet_config(BY_COST, **FAR))
    await fleet.pass_by(300, {"a-1": 50.0, "b-1": 0.0})
    assert moved(fleet) == {}


async def test_an_alert_that_degrades_makes_a_region_send_on_what_others_bear() -> None:
    servers = Servers()
    await servers.pass_by(120, a=3.9, b=1.0)
    servers.fleet.load.alerting.degraded = lambda region: region == "a"  # type: ignore[method-assign]
    await servers.pass_by(120, a=3.0, b=1.0)
    assert servers.fleet.spill_ratio() > 0.2
