"""Tables of measured times: what is read, what is refused, and what is doubted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.errors import Problem, ProblemsError
from resolverd.geo.countries import countries
from resolverd.geo.distance import Coordinates
from resolverd.rtt.kept_table import HEADER as KEPT_HEADER
from resolverd.rtt.kept_table import KeptRow, lines_of
from resolverd.rtt.samples import Sample, Samples
from resolverd.rtt.table import read_tables

REGIONS = {"us-east": (39.0, -77.5), "eu-west": (53.3, -6.3)}
PLACES = {"office": (50.1, 8.7), "overlay": None, "branch": countries()["DE"]}
NOW, DAY = 1_790_000_000.0, 86_400.0
HEADER = "where,region,ms,count,age\n"


def _read(
    tmp_path: Path, *texts: str, half_life: float = DAY, written: float = NOW
) -> tuple[Samples, tuple[Problem, ...]]:
    paths = [tmp_path / f"table-{index}.csv" for index in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
        os.utime(path, (written, written))
    return read_tables(paths, REGIONS, NOW, half_life, 7 * DAY, PLACES)


def _about(confidence: float) -> Any:
    return pytest.approx(confidence)


def _refused(tmp_path: Path, text: str) -> list[Problem]:
    with pytest.raises(ProblemsError) as caught:
        _read(tmp_path, text)
    return list(caught.value.problems)


def test_each_kind_of_where_is_kept_as_what_it_is(tmp_path: Path) -> None:
    text = HEADER + (
        "192.0.2.0/24,us-east,20,2,0\n"
        "2001:db8::/48,eu-west,30,2,0\n"
        "::ffff:198.51.100.0/120,us-east,25,2,0\n"
        "AS64500,us-east,40,2,0\n"
        "DE,eu-west,35,2,0\n"
        "place office,eu-west,36,2,0\n"
        "50.1 8.7 DE,eu-west,33,2,0\n"
        "-33.9 151.2,us-east,210,2,0\n"
    )
    samples, warnings = _read(tmp_path, text)
    assert not warnings
    assert samples.regions == ("us-east", "eu-west")
    half = _about(0.5)
    assert samples.around(parse_prefix("192.0.2.7"))[0] == (Sample(0, 20.0, half),)
    assert samples.around(parse_prefix("198.51.100.0/24"))[0] == (Sample(0, 25.0, half),)
    assert samples.around(parse_prefix("2001:db8:0:1::/64"))[0] == (Sample(1, 30.0, half),)
    assert samples.asns == {64500: (Sample(0, 40.0, half),)}
    assert samples.countries == {"DE": (Sample(1, 35.0, half),)}
    assert samples.places == {"office": (Sample(1, 36.0, half),)}
    assert [(mark.point, mark.country) for mark in samples.landmarks] == [
        ((-33.9, 151.2), ""),
        ((50.1, 8.7), "DE"),
    ]


@pytest.mark.parametrize(
    ("header", "row", "written", "confidence"),
    [
        ("where,region,ms,count,age", "AS1,us-east,40,2,0", NOW, 2 / 4),
        ("where,region,ms,count,age", "AS1,us-east,40,8,86400", NOW, 4 / 6),
        ("where,region,ms,count,age", "AS1,us-east,40,8,0", NOW - DAY, 4 / 6),
        ("where,region,ms,count,measured", "AS1,us-east,40,8,2026-09-20T14:13:20", NOW, 4 / 6),
        ("where,region,ms,measured", "AS1,us-east,40,2026-09-21T16:13:20+02:00", NOW - DAY, 8 / 10),
        (
            "where,region,ms,count,age,measured",
            "AS1,us-east,40,8,1,2026-09-20T14:13:20",
            NOW,
            4 / 6,
        ),
        ("where,region,ms,count,age,measured", "AS1,us-east,40,8,86400,", NOW, 4 / 6),
        ("ms,count,region,where", "40,8,us-east,AS1", NOW - DAY, 4 / 6),
        ("where,region,ms", "AS1,us-east,40", NOW, 8 / 10),
        ("where, region, ms, count", "AS1, us-east, 40, 8", NOW - DAY, 4 / 6),
    ],
)
def test_a_sample_is_believed_by_its_count_and_age(
    tmp_path: Path, header: str, row: str, written: float, confidence: float
) -> None:
    samples, _ = _read(tmp_path, f"{header}\n{row}\n", written=written)
    age = DAY if confidence == 4 / 6 else 0.0
    assert samples.asns[1] == (Sample(0, 40.0, _about(confidence), age),)


def test_rows_of_one_prefix_and_region_are_joined_by_weight_also_across_files(
    tmp_path: Path,
) -> None:
    first = HEADER + "192.0.2.0/24,us-east,20,3,0\n10.0.0.0/8,us-east,9,1,0\nFR,us-east,80,1,0\n"
    second = HEADER + "192.0.2.0/24,us-east,40,1,0\nFR,us-east,90,1,0\n"
    samples, _ = _read(tmp_path, first, second)
    assert samples.around(parse_prefix("192.0.2.0/24"))[0] == (Sample(0, 25.0, _about(4 / 6)),)
    assert samples.countries["FR"] == (Sample(0, 85.0, 0.5),)


def test_all_that_is_wrong_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    rows = [
        ("192.0.2.1/24,us-east,20,1,0", "rtt-where"),
        ("192.0.2.0/33,us-east,20,1,0", "rtt-where"),
        ("AS0,us-east,20,1,0", "rtt-where"),
        ("XY,us-east,20,1,0", "rtt-where"),
        ("91 8.7 DE,us-east,20,1,0", "rtt-where"),
        ("somewhere,us-east,20,1,0", "rtt-where"),
        ("AS1,us-east,fast,1,0", "rtt-number"),
        ("AS1,us-east,nan,1,0", "rtt-number"),
        ("AS1,us-east,0,1,0", "rtt-number"),
        ("AS1,us-east,20,-1,0", "rtt-number"),
        ("AS1,us-east,20,1,soon", "rtt-number"),
        ("AS1,us-east,20,1", "rtt-row"),
        ("AS1,us-east,20,1,0,0", "rtt-row"),
    ]
    problems = _refused(tmp_path, HEADER + "# told\n" + "\n".join(row for row, _ in rows))
    assert [(p.line, p.id) for p in problems] == [(n, kind) for n, (_, kind) in enumerate(rows, 3)]
    assert all(p.hint and p.severity == "error" for p in problems)


def test_tables_that_were_appended_are_read_as_one_each_row_of_its_own_age(tmp_path: Path) -> None:
    rows = {"50.1 8.7": KeptRow(92.4, 2, NOW - DAY), "60.2 24.9": KeptRow(110.0, 2, NOW)}
    shown = ["\n".join([KEPT_HEADER, *lines_of("us-east", {w: r})]) for w, r in rows.items()]
    first, second = (f"{text}\n" for text in shown)
    together, warnings = _read(tmp_path, first + second, written=NOW + DAY)
    assert not warnings
    assert together.landmarks == _read(tmp_path, first, second)[0].landmarks
    assert {landmark.row[0].age for landmark in together.landmarks} == {0.0, DAY}
    other = _refused(tmp_path, first + HEADER + "DE,us-east,30,2,0\n")
    assert (other[0].line, other[0].id) == (3, "rtt-header")


def test_rows_with_a_time_below_a_header_with_ages_are_refused_with_what_to_do(
    tmp_path: Path,
) -> None:
    (row,) = lines_of("us-east", {"50.1 8.7": KeptRow(92.4, 2, NOW)})
    shown, other = _refused(tmp_path, f"{HEADER}{row}\nDE,us-east,30,2,soon\n")
    assert (shown.line, shown.id, other.line, other.id) == (2, "rtt-number", 3, "rtt-number")
    assert "measured in place of age" in shown.hint
    assert "measured" not in other.hint


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "rtt-header"),
        ("region,ms\n", "rtt-header"),
        ("where,region,ms,speed\n", "rtt-header"),
        ("where,region,ms,ms\n", "rtt-header"),
        ("where,region,ms,measured\nAS1,us-east,3,yesterday\n", "rtt-time"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str, kind: str) -> None:
    (problem,) = _refused(tmp_path, text)
    assert problem.id == kind


def test_a_file_that_cannot_be_read_is_a_problem_beside_those_of_others(tmp_path: Path) -> None:
    wrong, latin = tmp_path / "wrong.csv", tmp_path / "latin.csv"
    wrong.write_text(HEADER + "AS1,us-east,fast,1,0\n")
    latin.write_bytes(b"where,region,ms\nplace B\xfcro,us-east,3\n")
    os.utime(wrong, (NOW, NOW))
    with pytest.raises(ProblemsError) as caught:
        read_tables([tmp_path / "none.csv", wrong, latin], REGIONS, NOW, DAY, DAY)
    found = [(Path(p.file).name, p.line, p.id) for p in caught.value.problems]
    assert found == [
        ("none.csv", 0, "rtt-unreadable"),
        ("wrong.csv", 2, "rtt-number"),
        ("latin.csv", 2, "rtt-encoding"),
    ]


def test_of_a_thousand_faults_of_one_kind_the_first_are_shown_and_the_rest_counted(
    tmp_path: Path,
) -> None:
    problems = _refused(tmp_path, HEADER + "AS1,us-east,fast,1,0\n" * 1000)
    assert len(problems) < 50
    assert any("980 more" in p.message for p in problems)


def test_what_outruns_light_is_not_believed_and_said_so(tmp_path: Path) -> None:
    text = HEADER + (
        "50.1 8.7 DE,us-east,5,9,0\n"
        "50.1 8.7 DE,eu-west,25,9,0\n"
        "place office,us-east,6,9,0\n"
        "place overlay,us-east,1,9,0\n"
        "53.3 -6.2 IE,eu-west,0.3,9,0\n"
    )
    samples, warnings = _read(tmp_path, text)
    assert [(w.line, w.id, w.severity) for w in warnings] == [
        (2, "rtt-physics", "warning"),
        (4, "rtt-physics", "warning"),
    ]
    assert [[s.region for s in mark.row] for mark in samples.landmarks] == [[1], [1]]
    assert set(samples.places) == {"overlay"}


def test_a_country_and_a_place_in_one_are_held_against_the_nearest_part_of_it(
    tmp_path: Path,
) -> None:
    text = HEADER + (
        "DE,us-east,20,9,0\n"  # over the Atlantic
        "DE,eu-west,9,9,0\n"
        "US,us-east,2,9,0\n"  # the region stands in it
        "place branch,us-east,20,9,0\n"
        "place branch,eu-west,9,9,0\n"
    )
    samples, warnings = _read(tmp_path, text)
    assert [(w.line, w.id, w.severity) for w in warnings] == [
        (2, "rtt-physics", "warning"),
        (5, "rtt-physics", "warning"),
    ]
    assert "from Germany to us-east" in warnings[0].message
    kept = {code: [s.region for s in row] for code, row in samples.countries.items()}
    assert kept == {"DE": [1], "US": [0]}
    assert [s.region for s in samples.places["branch"]] == [1]


def _in_frankfurt(network: Prefix) -> Coordinates | None:
    return None if network.address >> (network.bits - 8) == 10 else (50.1, 8.7)


def _of_networks(tmp_path: Path, rows: list[str]) -> tuple[Samples, tuple[Problem, ...]]:
    path = tmp_path / "networks.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    os.utime(path, (NOW, NOW))
    return read_tables([path], REGIONS, NOW, DAY, 7 * DAY, PLACES, _in_frankfurt)


@pytest.mark.parametrize("network", ["198.18.{}.0/24", "2001:db8:{}::/48"])
def test_networks_of_which_many_outrun_light_are_believed_of_no_region_that_they_do_so_to(
    tmp_path: Path, network: str
) -> None:
    fast = [f"{network.format(n)},us-east,{3 if n % 3 else 90},9,0" for n in range(30)]
    sound = [f"{network.format(n)},eu-west,25,9,0" for n in range(30)]
    samples, warnings = _of_networks(tmp_path, [*sound, *fast])
    (warning,) = warnings
    assert (warning.line, warning.id, warning.severity) == (33, "rtt-physics", "warning")
    assert "20 of 30 networks" in warning.message
    assert f"{network.format(1)} in 3 ms from us-east" in warning.message
    columns = samples.v4 if "." in network else samples.v6
    assert {*columns.regions} == {1}
    assert len(columns) == len(columns.ages) == 30


def test_of_a_few_networks_that_outrun_light_the_databases_are_thought_wrong(
    tmp_path: Path,
) -> None:
    rows = [f"198.18.{n}.0/24,us-east,{90 if n % 6 else 3},9,0" for n in range(30)]
    samples, warnings = _of_networks(tmp_path, rows)
    assert not warnings
    assert len(samples.v4) == 30
    # So few have a known place that their share means nothing.
    unknown = [f"10.0.{n}.0/24,us-east,3,9,0" for n in range(30)]
    samples, warnings = _of_networks(tmp_path, [*unknown, "198.18.0.0/24,us-east,3,9,0"])
    assert not warnings
    assert len(samples.v4) == 31


def test_a_table_that_nobody_renews_is_doubted_as_a_whole_and_said_so(tmp_path: Path) -> None:
    old = HEADER + f"AS1,us-east,40,9,{8 * DAY}\nAS2,us-east,40,9,{9 * DAY}\n"
    young = HEADER + "AS4,us-east,40,9,60\n"
    samples, warnings = _read(tmp_path, old, young)
    assert set(samples.asns) == {4}
    (warning,) = warnings
    assert (Path(warning.file).name, warning.id) == ("table-0.csv", "rtt-stale")
    assert "nothing of it is used" in warning.message


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("measured", "2027-09-21T14:13:20Z"),
        ("measured", "2026-09-21T14:20:00Z"),
        ("age", str(-2 * DAY)),
        ("age", "-1e11"),
    ],
)
def test_a_row_of_a_time_that_has_not_come_is_as_old_as_its_file_and_told(
    tmp_path: Path, header: str, cell: str
) -> None:
    columns = f"where,region,ms,count,{header}\n"
    text = f"{columns}AS1,us-east,40,8,\nAS2,us-east,40,8,{cell}\n192.0.2.0/24,us-east,9,8,{cell}\n"
    samples, (warning,) = _read(tmp_path, text, written=NOW - DAY)
    assert samples.asns[2] == samples.asns[1] == (Sample(0, 40.0, _about(4 / 6), DAY),)
    assert samples.around(parse_prefix("192.0.2.0/24"))[0][0].age == DAY
    assert (warning.line, warning.id, warning.severity) == (3, "rtt-time-ahead", "warning")
    assert warning.message.startswith("2 rows are of a time that has not come, this one by")


def test_a_row_of_a_time_that_has_not_come_goes_with_its_file(tmp_path: Path) -> None:
    text = "where,region,ms,measured\nAS2,us-east,40,2027-09-21T14:13:20Z\n"
    samples, warnings = _read(tmp_path, text, written=NOW - 8 * DAY)
    assert not samples.asns
    assert [warning.id for warning in warnings] == ["rtt-stale", "rtt-time-ahead"]


@pytest.mark.parametrize("cell", ["2026-09-21T14:13:20Z", "2026-09-21T14:15:20Z"])
def test_a_clock_that_is_little_ahead_is_no_fault(tmp_path: Path, cell: str) -> None:
    samples, warnings = _read(
        tmp_path, f"where,region,ms,count,measured\nAS1,us-east,40,8,{cell}\n", written=NOW - DAY
    )
    assert not warnings
    assert samples.asns[1][0].age == 0.0


@pytest.mark.parametrize(
    ("header", "cell", "rows"),
    [
        ("age", "60", []),
        ("measured", "", []),
        ("measured", "2026-09-20T14:13:20Z\nAS2,us-east,40,8,", []),
        ("measured", "2027-09-21T14:13:20Z", [2]),
    ],
)
def test_a_file_of_a_time_that_has_not_come_is_told(
    tmp_path: Path, header: str, cell: str, rows: list[int]
) -> None:
    text = f"where,region,ms,count,{header}\nAS1,us-east,40,8,{cell}\n"
    *ahead, warning = _read(tmp_path, text, written=NOW + 3 * DAY)[1]
    assert [row.line for row in ahead] == rows
    assert (warning.line, warning.id, warning.severity) == (0, "rtt-time-ahead", "warning")
    assert "written 3 days from now" in warning.message


def test_a_file_of_a_time_that_has_not_come_whose_rows_have_times_is_no_doubt(
    tmp_path: Path,
) -> None:
    text = "where,region,ms,count,measured\nAS1,us-east,40,8,2026-09-20T14:13:20Z\n"
    assert not _read(tmp_path, text, written=NOW + 3 * DAY)[1]


def test_a_row_of_an_unknown_region_is_not_told_for_its_time(tmp_path: Path) -> None:
    text = HEADER + f"AS1,nowhere,40,8,{-2 * DAY}\nAS1,us-east,40,8,{-2 * DAY}\n"
    ahead, stranger = _read(tmp_path, text)[1]
    assert (ahead.line, ahead.message[:10]) == (3, "one row is")
    assert (stranger.line, stranger.id) == (2, "rtt-region")


@pytest.mark.parametrize("where", ["192.0.2.0/24", "AS3", "DE", "place office", "50.1 8.7 DE"])
def test_a_row_that_is_too_old_is_left_out_however_often_it_was_measured(
    tmp_path: Path, where: str
) -> None:
    row = f"{where},eu-west,400,1e9,{7 * DAY + 60}\n"
    samples, warnings = _read(tmp_path, HEADER + row + "AS4,us-east,40,9,60\n")
    assert samples == _read(tmp_path, HEADER + "AS4,us-east,40,9,60\n")[0]
    assert [w.id for w in warnings] == ["rtt-stale"]
    assert warnings[0].message.startswith("one row is left out")


def test_a_place_named_as_a_country_is_not_that_country(tmp_path: Path) -> None:
    paths = [tmp_path / "one.csv"]
    paths[0].write_text(HEADER + "place DE,us-east,100,2,0\nDE,eu-west,20,2,0\n")
    os.utime(paths[0], (NOW, NOW))
    samples, _ = read_tables(paths, REGIONS, NOW, DAY, 7 * DAY, {"DE": None})
    assert samples.places == {"DE": (Sample(0, 100.0, _about(0.5)),)}
    assert samples.countries == {"DE": (Sample(1, 20.0, _about(0.5)),)}


@pytest.mark.parametrize("where", ["192.0.2.0/24", "DE", "place office", "50.1 8.7 DE"])
def test_spaces_around_cells_are_no_part_of_them(tmp_path: Path, where: str) -> None:
    padded, warnings = _read(tmp_path, HEADER + f" {where} , us-east , 200 , 9 , 0 \n")
    assert not warnings
    assert padded == _read(tmp_path, HEADER + f"{where},us-east,200,9,0\n")[0]


def test_a_region_or_place_that_nobody_has_is_warned_about_once(tmp_path: Path) -> None:
    text = (
        HEADER + "AS1,moon,40,9,0\nAS2,moon,40,9,0\nAS2,us-east,40,9,0\nplace lab,us-east,9,9,0\n"
    )
    samples, warnings = _read(tmp_path, text)
    assert [(w.line, w.id) for w in warnings] == [(2, "rtt-region"), (5, "rtt-place")]
    assert set(samples.asns) == {2}
    assert not samples.places
