"""The section of the latest answers: ratios to gdnsd's, and what each bar comes to."""

from __future__ import annotations

import json

import pytest
from harness.bench_results import TAILS

from bench.figures import Figure
from bench.sections import tails


def test_tails_have_the_rounds_of_each_ratio() -> None:
    assert [*tails.figures(TAILS)] == [
        Figure(
            "p99, 1 thread, publishing",
            *(150.0, "µs"),
            beside="gdnsd",
            ratio=2.0,
            range=(1.5, 2.5),
            bar=1.0,
        )
    ]
    assert tails.tables(TAILS).splitlines()[2:] == [
        "| gdnsd | – | 1 | 100 | – |",
        "| **resolverd native** | publishing | 1 | 150 | **2.00**, not ≤ 1.00 |",
    ]


def test_tails_tell_what_was_lost_where_the_run_counted_it() -> None:
    told = json.loads(json.dumps(TAILS))
    for row in told["rows"]:
        row["lost"] = 0.00254
    assert "| gdnsd | – | 1 | 0.25% | 100 | – |" in tails.tables(told)


def test_tails_stand_beside_a_quiet_peer_and_beside_one_at_the_same_work() -> None:
    both = json.loads(json.dumps(TAILS))
    (quiet,) = both["bars"]
    alike = quiet | {"gdnsd meanwhile": "publishing", "ratio": 0.5, "by chance": "0.40–0.60"}
    both["bars"] = [quiet | {"gdnsd meanwhile": "nothing"}, alike]
    beside_quiet, beside_alike = tails.figures(both)
    assert beside_quiet == next(iter(tails.figures(TAILS)))
    assert beside_alike.name == "p99, 1 thread, both publishing"
    assert (beside_alike.ratio, beside_alike.range) == (0.5, (0.4, 0.6))
    head, _, _, ours = tails.tables(both).splitlines()
    assert head.endswith("| p99 ÷ gdnsd | p99 ÷ gdnsd at the same |")
    assert ours.endswith("| **2.00**, not ≤ 1.00 | 0.50, ≤ 1.00 |")


def test_tails_tell_in_brackets_what_the_generator_saw_and_the_bar_is_for_both() -> None:
    seen = json.loads(json.dumps(TAILS))
    for row in seen["rows"]:
        row["p99 seen"] = 2 * row["p99"]
    seen["bars"][0] |= {"ratio": 0.9, "seen": 1.1}
    head, _, peer, ours = tails.tables(seen).splitlines()
    assert "| p99 µs (as seen) |" in head
    assert "| 100 (200) |" in peer
    assert ours.endswith("| 150 (300) | **0.90 (1.10)**, not ≤ 1.00 |")
    stamped, as_seen = tails.figures(seen)
    assert (stamped.ratio, as_seen.ratio, as_seen.bar) == (0.9, 1.1, 1.0)
    assert as_seen.name == f"{stamped.name}, as the generator saw it"


def test_tails_tell_of_the_middle_turn_in_a_table_of_its_own() -> None:
    told = json.loads(json.dumps(TAILS))
    for row in told["rows"]:
        row["p99 of the middle turn"] = row["p99"] / 2
    told["bars"][0]["middle turn"] = 1.5
    *_, middle = tails.figures(told)
    assert (middle.name, middle.value, middle.ratio, middle.bar) == (
        "p99, 1 thread, publishing, of the middle turn",
        *(75.0, 1.5, None),
    )
    assert tails.tables(told).splitlines()[5:] == [
        "| server | meanwhile | threads | p99 µs of the middle turn | p99 ÷ gdnsd |",
        "| --- | --- | ---: | ---: | ---: |",
        "| gdnsd | – | 1 | 50 | – |",
        "| **resolverd native** | publishing | 1 | 75 | 1.50 |",
    ]


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        ("0.80–3.00", "**2.00**, ≤ 1.00 or not (by chance 0.80–3.00)"),
        ("1.01–3.00", "**2.00**, not ≤ 1.00"),
    ],
)
def test_tails_over_the_bar_within_chance_are_said_to_be_neither(chance: str, words: str) -> None:
    told = json.loads(json.dumps(TAILS))
    told["bars"][0]["by chance"] = chance
    assert tails.tables(told).splitlines()[-1].endswith(f"| {words} |")


def test_tails_of_pooled_rounds_have_what_chance_allows() -> None:
    pooled = json.loads(json.dumps(TAILS))
    for row in pooled["rows"]:
        del row["all"]
    pooled["bars"][0]["by chance"] = "1.68–3.28"
    (figure,) = tails.figures(pooled)
    assert figure.range == (1.68, 3.28)
    echo = pooled["rows"][0] | {"server": "echo"}
    assert "| echo | – | 1 | 100 | – |" in tails.tables({**pooled, "rows": [echo]})
