"""Sections turn small result files into figures and Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness.bench_results import TAILS

from bench import write
from bench.figures import Figure
from bench.registry import Bench
from bench.sections import (
    answer_path,
    at_scale,
    bars,
    edit,
    kill_to_out,
    saturated,
    scale,
    side_by_side,
    start,
)
from bench.sections.markdown import number, of_figures, quantity, ratio
from docs.parts import with_part

MACHINE = {
    "platform": "Linux-6.1",
    "cpu": "A CPU",
    "cores": 2,
    "python": "3.11.7",
    "commit": "0123456789abcdef",
}
QUIET = {"load_average": 0.1, "others_cores": 0.05, "stolen": 0.0, "waited": 0.1, "seconds": 9.0}


def test_a_table_has_no_column_that_is_empty_in_each_row() -> None:
    assert of_figures([Figure("a", 12.34, "s"), Figure("b", 2e6, "octets")]) == (
        "| what |  |\n| --- | ---: |\n| a | 12.3 s |\n| b | 2.00 MB |\n"
    )


def test_a_table_says_whether_a_bar_is_met() -> None:
    lines = of_figures(
        [
            Figure("a", 1.0, "s", beside="gdnsd", ratio=0.5, range=(0.4, 0.6), bar=1.0),
            Figure("b", 3.0, "", better="more", bar=5.0),
        ]
    ).splitlines()
    assert lines[2:] == [
        "| a | 1.00 s | gdnsd | 0.50 (0.40–0.60) | ≤ 1.00 | yes |",
        "| b | 3.00 | – | – | ≥ 5.00 | **no** |",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.00123, "0.0012"),
        (0.1234, "0.123"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (1234.5, "1,234"),
        (-2.5, "-2.50"),
    ],
)
def test_a_number_has_as_many_digits_as_count(value: float, text: str) -> None:
    assert number(value) == text


def test_quantities_are_in_units_that_read_well() -> None:
    assert quantity(0.0123, "share") == "1.23 %"
    assert ratio(1.066, (0.9, 12.3)) == "1.07 (0.90–12.3)"


def test_bars_name_their_figure_by_the_words_beside_them() -> None:
    row = {"what": "memory", "database": "full", "ratio": 0.8, "bar": 0.8, "met": "yes"}
    threads = {"threads": 2, "value": 3.0, "unit": "s", "bar": 2.0, "met": "no", "range": [1, 4]}
    assert [*bars.figures({"bars": [row, threads]})] == [
        Figure("memory, full", 0.8, "×", beside="gdnsd", ratio=0.8, bar=0.8),
        Figure("2 threads", 3.0, "s", range=(1, 4), bar=2.0),
    ]


def test_answers_without_sockets_have_a_column_of_batches_where_a_run_has_it() -> None:
    case = answer_path.BARRED
    old = {
        "nanoseconds_warm": {case: 100.0},
        "nanoseconds_cold": {case: 300.0},
        "names": 9,
        "plan_octets": 99,
        "bar": 200.0,
    }
    new = old | {"nanoseconds_batched": {case: 250.0}, "batch": 32}
    assert f"| {case} | 100 | 300 |\n" in answer_path.tables(old)
    head, _, line, *_ = answer_path.tables(new).splitlines()
    assert head.endswith("| the same in batches of 32 |")
    assert line == f"| {case} | 100 | 300 | 250 |"
    more = {figure.name for figure in answer_path.figures(new)} - {
        figure.name for figure in answer_path.figures(old)
    }
    assert more == {f"{case}, caches cold, in batches"}


def test_starts_have_their_bars_and_the_peak_of_ours() -> None:
    times = {"first_wall_s": 2.0, "wall_s": 1.5, "pss_mib": 80.0, "peak_mib": 120.0}
    document = {
        "rows": [
            {"server": name, "database": "full", **times, "peak_to_steady": 1.5}
            for name in ("gdnsd", "resolverd native")
        ],
        "bars": [
            {
                "what": "start",
                "database": "full",
                "server": "resolverd native",
                "ratio": 0.9,
                "bar": 1.0,
            }
        ],
    }
    first, peak = start.figures(document)
    assert (first.value, first.unit, first.ratio, first.met) == (1.5, "s", 0.9, True)
    assert (peak.name, peak.compared) == ("peak of memory, full database, resolverd native", 1.5)
    reload = {"event": "zone edited", "database": "full", "server": "resolverd native"}
    row = reload | {"peak_mib": 90.0, "ratio": 1.6, "bar": 1.5}
    first, peak = start.figures({**document, "peaks": [row]})
    assert peak.name == "peak of memory, zone edited, full database, resolverd native"
    assert (peak.compared, peak.met) == (1.6, False)


def test_probes_are_held_to_cores_delay_and_no_wrong_verdict() -> None:
    ours = {"cores": 0.07, "microseconds_per_request": 70.0, "healthy_failed": 1}
    ours |= {"delay_ms_p50": 20.0, "delay_ms_p99": 60.0}
    settings = {"endpoints": 1000, "kind": "http", "interval": 1.0}
    document = {"settings": settings, "servers": {"resolverd": ours, "gdnsd": dict(ours)}}
    held = {f.name.partition(": ")[2]: (f.compared, f.met) for f in at_scale.figures(document)}
    assert held == {
        "CPU of the daemon": (0.07, True),
        "CPU of a probe": (1.0, None),
        "endpoints that serve and were said to fail": (1, False),
        "delay, median": (20.0, None),
        "delay, p99": (60.0, False),
    }


def test_a_kill_is_held_to_the_longest() -> None:
    row = {"kills": 5, "min": 0.4, "median": 0.5, "p95": 0.6, "max": 0.8, "bound": 0.7}
    settings = {"interval": 0.2, "timeout": 0.5, "fall": 3}
    document = {"settings": settings, "seconds": {"refused": {**row, "held": False}}}
    assert [figure.met for figure in kill_to_out.figures(document)] == [None, False]
    assert "| 0.800 | 0.700 | **no** |" in kill_to_out.tables(document)


def test_an_engine_is_compared_with_the_echo_the_best_peer_and_the_tail_of_gdnsd(
    results_document: dict[str, Any],
) -> None:
    results_document["rows"].append(
        next(row for row in results_document["rows"] if row["server"] == "gdnsd")
        | {"server": "resolverd native", "mode": "static"}
    )
    figures = {figure.name: figure for figure in side_by_side.figures(results_document)}
    cost = figures["resolverd native, geo + ECS, 1 thread: CPU of an answer"]
    assert cost.ratio == pytest.approx(3.2 / 3.0)
    assert (cost.bar, cost.met) == (1.1, True)
    assert figures["resolverd native, geo + ECS, 1 thread: CPU"].ratio == 0.8
    assert figures["resolverd native, geo + ECS, 1 thread: p99 at half load"].ratio == 1.0
    assert figures["resolverd native: memory"].ratio == 1.0


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"busy": QUIET}, "; the machine was quiet (others took 0.1 of 2 cores, "),
        (
            {"busy": QUIET | {"others_cores": 1.4, "stolen": 0.05}},
            "**busy** (others took 1.4 of 2 cores, load average 0.1 at first, 5% of the time",
        ),
        ({}, "; how busy the machine was is not recorded."),
        ({"load": 14.2}, "is not recorded but for a load average of 14.2."),
        ({"changed": True}, "`0123456789ab` with changes that were not committed on A CPU"),
        ({"measured_at": "2026-11-29T19:00:00+00:00"}, "Linux-6.1, 2026-11-29;"),
    ],
)
def test_a_part_says_commit_machine_load_and_bars(more: dict[str, Any], line: str) -> None:
    said = write.measured({"name": "native-tails", **MACHINE, **TAILS, **more})
    assert line in said
    assert said.startswith("Measured at commit `0123456789ab`")
    assert said.endswith("Bars met: 0 of 1.")


def test_what_seeds_decide_is_said_to_be_of_no_machine() -> None:
    settings = {"blocks": 9, "exponent": 1.2, "queries": 5, "minutes": 1}
    steps = {"by_draws": {"min": 0.0, "max": 0.4}, "weighed": {"min": 0.09, "max": 0.11}}
    document = {"name": "spill-steps", **MACHINE, "settings": [settings | steps], "bar": 0.02}
    assert write.measured(document) == (
        "Computed at commit `0123456789ab`; the machine does not enter into it. Bars met: 1 of 1."
    )


@pytest.fixture
def one_bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The registry with the tails alone, on a page of their own."""
    bench = Bench("tails", "native.tails", "tails", 1, "native-tails", "tails", pages=("page.md",))
    monkeypatch.setattr(write, "BENCHES", (bench,))
    monkeypatch.setattr(write, "PERFORMANCE", "page.md")
    return bench


PAGE = """\
before
<!-- measured native-tails: begin; made -->
{}<!-- measured native-tails: end -->
between
<!-- overview: begin; made -->
<!-- overview: end -->
"""


@pytest.mark.usefixtures("one_bench")
def test_a_result_that_is_not_there_yet_is_said_to_be_missing(results: Path) -> None:
    page = results / "page.md"
    page.write_text(PAGE.format(""))
    (text,) = write.pages(results, results).values()
    assert 'Not measured yet: `make bench ONLY="tails"`.' in text
    assert "| `tails` | tails | [page](page.md) | – | not measured yet | – |" in text


def test_a_page_is_written_between_its_lines_and_nowhere_else(
    one_bench: Bench, results: Path
) -> None:
    document = {"name": "native-tails", **MACHINE, **TAILS}
    (results / "native-tails.json").write_text(json.dumps(document))
    page = results / "page.md"
    page.write_text(PAGE.format("typed: 0.5\n"))
    made = write.pages(results, results)
    expected = PAGE.format(f"\n{write.part(results / 'native-tails.json', one_bench)}\n\n")
    assert made == {page: with_part(expected, "overview", write.overview(results))}
    assert "| `tails` | tails | [page](page.md) | **0 of 1** | `0123456789ab` |" in made[page]
    page.write_text(made[page])
    assert write.pages(results, results) == made, "and once more, the same"


@pytest.mark.usefixtures("one_bench")
def test_a_result_file_gets_its_figures_and_loses_none_of_its_details(results: Path) -> None:
    path = results / "native-tails.json"
    path.write_text(json.dumps({"name": "native-tails", **TAILS, **MACHINE}))
    (made,) = write.files(results).values()
    document = json.loads(made)
    assert [row["met"] for row in document.pop("figures")] == [False]
    assert document == {"name": "native-tails", **MACHINE, **TAILS}


@pytest.mark.parametrize("page", ["", PAGE.format("") * 2, PAGE.format("").replace("begin", "end")])
def test_a_page_without_the_two_lines_or_with_them_twice_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="parts 'measured native-tails'"):
        with_part(page, "measured native-tails", "text")


def test_sizes_are_held_to_seconds_or_to_the_smallest() -> None:
    server, size = "resolverd native", "200 regions"
    rows = [
        {"server": server, "size": size, "first_s": 2.0, "again_s": 1.0, "pss_mib": 90.0}
        | {"peak_mib": 120.0, "to_smallest": 1.05}
    ]
    bars = [
        {"server": server, "what": "memory ÷ smallest", "size": size, "ratio": 1.1, "bar": 1.2},
        {"server": server, "what": "start, s", "size": size, "ratio": 6.0, "bar": 5.0},
        {"server": "gdnsd", "what": "start, s", "size": size, "ratio": 9.0, "bar": 5.0},
    ]
    document = {"rows": rows, "bars": bars, "absent": {"knot: all": "not installed"}}
    assert [(f.name, f.value, f.unit, f.ratio, f.met) for f in scale.figures(document)] == [
        ("resolverd native, 200 regions: memory", 90.0, "MiB", 1.1, True),
        ("resolverd native, 200 regions: start", 6.0, "s", None, False),
    ]
    assert "Left out:\n\n- knot: all: not installed\n" in scale.tables(document)


def test_an_edit_is_held_to_seconds_and_its_cpu_to_gdnsds() -> None:
    ours = {"kind": "one name", "server": "resolverd native", "s": 0.6, "cpu_s": 0.4}
    theirs = {"kind": "one name", "server": "gdnsd", "s": 0.2, "cpu_s": 0.2}
    rows = [
        ours | {"lag_ms": 12.0, "bar_s": 0.5, "met": "no"},
        theirs | {"lag_ms": 0.0, "bar_s": None, "met": ""},
    ]
    document = {"names": 100_000, "rows": rows}
    wire, cpu = edit.figures(document)
    assert (wire.compared, wire.met) == (0.6, False)
    assert (cpu.compared, cpu.beside) == (2.0, "gdnsd")
    lines = edit.tables(document).splitlines()
    assert lines[4] == "| one name | **resolverd native** | 0.600 | 0.400 | 12.0 | 0.5 | **no** |"
    assert lines[5] == "| one name | gdnsd | 0.200 | 0.200 | – | – | – |"


def test_deaths_under_load_are_beside_those_under_little() -> None:
    rows = [{"asked": "little", "median s": 2.0, "most s": 2.5}]
    rows += [{"asked": "all it can answer", "median s": 3.0, "most s": 4.0}]
    calm, loaded = saturated.figures({"rows": rows})
    assert (calm.compared, calm.range) == (2.0, (2.0, 2.5))
    assert (loaded.name, loaded.compared) == ("a death, asked all it can answer", 1.5)
