"""What daemons had found out by themselves, in a later start: verdicts, shares, rates."""

from __future__ import annotations

import json
import time

import pytest
from harness.config import CHAT
from harness.process import NEAREST, SECOND
from kept_host import HANG, PROBES, Host, address

from resolverd.kept.keeper import NAME

_TARGETS = ("eu-west-1", "us-west-1")


def test_a_start_with_fresh_verdicts_waits_for_no_probe_and_promises_little(fresh: Host) -> None:
    fresh.regions.hanging.update(("us-east", "us-west", "eu-west", "ap-northeast"))
    fresh.start(ready=False)
    took = fresh.running.until(lambda: fresh.running.ask("GET", "/readyz")[0] == 200)
    assert took < HANG, "it waits for no probe"
    assert address(fresh, "chat.inference.example") == (NEAREST, 5)  # failover_ttl
    fresh.regions.hanging.clear()
    fresh.running.until(lambda: address(fresh, "chat.inference.example")[1] > 5)


def test_verdicts_that_were_held_for_long_are_believed_after_a_restart(fresh: Host) -> None:
    """No probe has counted for an hour, and the last one ended just before the restart."""
    standing = fresh.standing()
    for verdict in standing["verdicts"].values():
        assert verdict["known_at"] >= verdict["at"]
        verdict["at"] -= 3600
    (fresh.state / NAME).write_text(json.dumps(standing))
    fresh.regions.hanging.update(("us-east", "us-west", "eu-west", "ap-northeast"))
    fresh.start()
    assert address(fresh, "chat.inference.example") == (NEAREST, 5)  # failover_ttl
    kept = {target: verdict["known_at"] for target, verdict in standing["verdicts"].items()}
    fresh.drain("1s")  # which is on the disk once it is confirmed, and all else with it
    again = fresh.standing()["verdicts"]
    assert {t: v["known_at"] for t, v in again.items()} == pytest.approx(kept, abs=0.1)


def test_a_region_that_was_down_is_not_answered_after_a_restart(here: Host) -> None:
    here.regions.dead.add("eu-west")
    here.start()
    here.running.until(lambda: here.running.answer() == SECOND)
    here.running.until(lambda: here.standing()["verdicts"]["eu-west-1"]["state"] == "down")
    here.kill()
    here.regions.hanging.update(("us-east", "us-west", "eu-west", "ap-northeast"))
    here.start()
    assert here.running.answer() == SECOND


@pytest.mark.parametrize("why", ["stale", "other settings"])
def test_verdicts_that_say_nothing_any_more_are_not_used(fresh: Host, why: str) -> None:
    if why == "stale":
        standing = fresh.standing()
        for verdict in standing["verdicts"].values():
            verdict["known_at"] -= 70
        (fresh.state / NAME).write_text(json.dumps(standing))
    else:
        fresh.write(probe=PROBES.replace(f"{HANG:g}s", "2s") + 'path = "/other"\n')
    fresh.regions.hanging.add("eu-west")
    fresh.start(ready=False)
    fresh.running.until(lambda: fresh.running.ask("GET", "/readyz")[0] == 503)
    time.sleep(1)  # which a start with verdicts that are used does not take
    assert fresh.running.ask("GET", "/readyz")[0] == 503
    fresh.regions.hanging.clear()
    fresh.running.until(lambda: fresh.running.ask("GET", "/readyz")[0] == 200)


def test_a_share_goes_on_where_it_was_and_an_old_one_does_not(fresh: Host) -> None:
    service = CHAT + 'spill = { step = 0.2, max_ratio = 0.4, dwell = "60s", smoothing = 1.0 }\n'
    hold = {
        "spill_ratio": 0.4,
        "accept_ratio": 1.0,
        "moved": time.time(),
        "in_flight": 0.4,
        "in_flight_at": time.time(),
        "step_pending": False,
        "warming": False,
        "not_serving": False,
        "started": None,
    }
    for age, share in ((0, 0.4), (1000, 0.0)):
        fresh.write(services=service)
        standing = fresh.standing()
        standing["shares"] = {"chat": {"due": time.time() + 60, "regions": {"eu-west": hold}}}
        standing["at"] = time.time() - age
        (fresh.state / NAME).write_text(json.dumps(standing))
        fresh.start()
        spilled = fresh.running.metric(r'resolverd_spill_ratio\{region="eu-west",service="chat"\}')
        assert spilled == share
        fresh.kill()


def test_what_was_learned_goes_on_where_the_endpoint_is_the_same(fresh: Host) -> None:
    fresh.write(services=CHAT + 'policy = "ttft"\n')
    standing = fresh.standing()
    learned = {
        "max_rate": 11.8,
        "concurrency": 32.0,
        "at": time.time() - 3600,
        "started": None,
        "completed": 4711.0,
    }
    same, other = (verdict["probe"] for verdict in (standing["verdicts"][t] for t in _TARGETS))
    standing["rates"] = {
        "eu-west-1": {**learned, "probe": same},
        "us-east-1": {**learned, "probe": same},  # which is asked with another header
        "us-west-1": {**learned, "probe": other, "at": time.time() - 90_000},
        "mars-1": {**learned, "probe": same},
    }
    assert same != other
    (fresh.state / NAME).write_text(json.dumps(standing))
    fresh.start()
    began = standing["at"]
    fresh.running.until(lambda: fresh.standing()["at"] > began)
    fresh.drain()  # which is on the disk once it is confirmed, and all else with it
    kept = fresh.standing()["rates"]
    assert kept.keys() == {"eu-west-1"}
    assert (kept["eu-west-1"]["max_rate"], kept["eu-west-1"]["completed"]) == (11.8, 4711.0)
    assert kept["eu-west-1"]["at"] == pytest.approx(learned["at"], abs=1.0)
