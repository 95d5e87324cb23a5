"""`explain` tells what an order is made of: times by source, biases, and other policies."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cli.cli_place import SERVER, SERVICES
from cli.command import resolverd
from harness.config import config_text

from resolverd.engine.orders import order_of

CHAT_NAME = "chat.inference.example"
TABLE = """\
where,region,ms,count,age
JP,eu-west,180,2,
1.2.3.0/24,us-west,20,18,7200
1.2.3.0/24,ap-northeast,150,18,
35.0 139.0 JP,ap-northeast,3,50,
"""


@pytest.fixture
def timed(place: Path) -> Path:
    """`place` with a table of round-trip times, and a bias."""
    text = config_text(SERVICES, server=SERVER)
    text = text.replace("[service.chat]", '[service.chat]\npolicy = "latency"', 1)
    text = text.replace("[region.us-east]", '[region.us-east]\nbias = "-30ms"', 1)
    (place / "resolverd.toml").write_text(text + '\n[rtt]\nfiles = ["rtt.csv"]\n')
    (place / "rtt.csv").write_text(TABLE)
    return place


def test_it_tells_the_sources_of_each_time_and_why_the_order_is_so(timed: Path) -> None:
    ran = resolverd("explain", CHAT_NAME, "1.2.3.0/24", cwd=timed)
    assert (ran.status, ran.err) == (0, "")
    assert re.search(
        r"^order +by the round-trip time that is expected, with a bias; ", ran.out, re.M
    )
    (row,) = [row for row in ran.out.splitlines() if row.startswith("1 ")]
    assert "us-west" in row
    assert "geography " in row
    assert "country " in row
    assert "prefix " in row
    said = " ".join(ran.out.split())
    assert re.search(r"20\.0 \(prefix, 2h(\d+s)? old, believed 90 %\)", said)
    assert "(-30 ms)" in ran.out


def test_another_policy_is_told_beside(timed: Path) -> None:
    ran = resolverd("explain", CHAT_NAME, "1.2.3.0/24", "--policy", "nearest", "--json", cwd=timed)
    told = json.loads(ran.out)
    order, beside = order_of(told["order"]), order_of(told["beside"])
    assert (order.policy, order.unit, order.preference[0]) == ("latency", "ms", "us-west")
    assert (beside.policy, beside.unit) == ("nearest", "km")
    assert beside.preference == ("ap-northeast", "us-west", "us-east", "eu-west")
    by_region = {cost.region: cost for cost in order.costs}
    measured = by_region["us-west"].measured
    assert [(time.of, time.ms, round(time.confidence, 1)) for time in measured] == [
        ("prefix", 20.0, 0.9)
    ]
    assert [time.of for time in by_region["eu-west"].measured] == ["country"]
    for cost in order.costs:
        assert cost.expected_ms == cost.made_of[-1].ms
        assert cost.made_of[0].name == "geography"
    east = by_region["us-east"]
    assert east.cost == pytest.approx((east.expected_ms or 0) - 30, abs=0.11)
    table = resolverd("explain", CHAT_NAME, "1.2.3.0/24", "--policy", "nearest", cwd=timed)
    said = "by nearest  ap-northeast, us-west, us-east, eu-west: by distance, with a bias"
    assert said in table.out


def test_what_latency_would_give_is_told_of_a_service_by_distance(timed: Path) -> None:
    text = (timed / "resolverd.toml").read_text().replace('policy = "latency"', "", 1)
    (timed / "resolverd.toml").write_text(text)
    ran = resolverd("explain", CHAT_NAME, "1.2.3.0/24", "--policy", "latency", "--json", cwd=timed)
    told = json.loads(ran.out)
    assert told["order"]["policy"] == "nearest"
    assert told["beside"]["preference"][0] == "us-west"
    assert told["beside"]["costs"][0]["measured"][0]["of"] == "prefix"
