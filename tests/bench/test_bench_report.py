"""Tables and chart are made from the result file alone, and hold every server."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from bench.native.chart import chart
from bench.native.rounds import to_best_peer
from bench.native.spread import ratios, spread
from bench.sections.markdown import table
from bench.sections.side_by_side import tables

_SVG = "{http://www.w3.org/2000/svg}"


def test_the_chart_has_a_bar_for_each_server_and_kind_of_query(
    results_document: dict[str, Any],
) -> None:
    bars = [
        bar
        for bar in ET.fromstring(chart(results_document)).iter(f"{_SVG}rect")
        if bar.get("data-server")
    ]
    assert sorted(bar.get("data-server", "") for bar in bars) == sorted(
        row["server"] for row in results_document["rows"]
    )


def test_the_chart_stays_inside_its_frame_and_labels_what_it_cuts(
    results_document: dict[str, Any],
) -> None:
    drawn = ET.fromstring(chart(results_document))
    width = float(drawn.get("width", "0"))
    for bar in drawn.iter(f"{_SVG}rect"):
        assert float(bar.get("x", "0")) + float(bar.get("width", "0")) <= width
    assert any(text.text == "10.00 × · 30.00 µs" for text in drawn.iter(f"{_SVG}text"))


def test_the_tables_name_every_server_and_what_is_missing(results_document: dict[str, Any]) -> None:
    text = tables(results_document)
    for row in results_document["rows"]:
        assert f" {row['server']} " in text.replace("**", " ")
    assert "- knot: knotd is not installed" in text
    assert "### One thread" in text


def test_a_table_has_as_many_cells_in_each_line_as_in_its_head() -> None:
    lines = table(("a", "b", "c"), [("1", "2", "3"), ("4", "5", "6")]).splitlines()
    assert [line.count("|") for line in lines] == [4, 4, 4, 4]


def test_a_spread_is_least_middle_and_most() -> None:
    assert spread([3.0, 1.0, 2.0]) == {"min": 1.0, "median": 2.0, "max": 3.0}
    assert ratios([2.0, 6.0], [1.0, 2.0]) == {"min": 2.0, "median": 2.5, "max": 3.0}


def test_the_best_peer_is_the_cheapest_of_the_same_kind_and_threads(
    results_document: dict[str, Any],
) -> None:
    rows = results_document["rows"]
    rows.append(rows[0] | {"server": "quick", "peer": True, "threads": 2})
    by_key = {
        (row["server"], row["mode"], row["threads"]): (row["best_peer"], row["cost_to_best_peer"])
        for row in to_best_peer(rows)
    }
    assert by_key["resolverd native", "static", 1] == ("gdnsd", 0.8)
    assert by_key["pdns", "geo + ECS", 1] == ("gdnsd", 7.5)
    assert by_key["quick", "static", 2] == ("quick", 1.0)


def test_without_a_peer_there_is_no_best_peer(results_document: dict[str, Any]) -> None:
    (row,) = to_best_peer([row for row in results_document["rows"] if row["server"] == "echo"][:1])
    assert row["best_peer"] is None
    assert row["cost_to_best_peer"] is None
