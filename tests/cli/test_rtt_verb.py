"""`resolverd rtt --evaluate` over a matrix whose answers are worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.command import resolverd

# Austria is nearer to Milan on the map, and to Frankfurt on the wire.
PLACES = """\
id,city,country,latitude,longitude
1,Frankfurt,Germany,50.1,8.7
2,Milan,Italy,45.5,9.2
3,Leoben,Austria,47.0,14.0
4,Graz,Austria,47.1,15.4
5,Klagenfurt,Austria,46.6,14.3
6,São Paulo,Brazil,-23.5,-46.6
7,Oslo,Norway,59.9,10.7
"""
TIMES = """\
from,to,min_ms,mean_ms
1,2,12,13
2,1,12,13
3,1,11,12
3,2,31,33
4,1,13,13
4,2,33,33
1,5,12,12
2,5,32,32
6,1,200,201
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "places.csv").write_text(PLACES)
    (tmp_path / "rtt.csv").write_text(TIMES)
    return tmp_path


def test_each_policy_loses_what_its_choice_takes_longer(place: Path) -> None:
    ran = resolverd(
        *("rtt", "--evaluate", "rtt.csv", "--regions", "de=frankfurt,it=2", "--json"), cwd=place
    )
    assert ran.status == 0
    found = ran.json()
    assert found["regions"] == {"de": "1", "it": "2"}
    assert found["clients"] == 5  # São Paulo was not measured to Milan
    means = {policy: row["mean_ms"] for policy, row in found["policies"].items()}
    # All others say of Milan itself that Frankfurt is nearer, and it loses 12 ms.
    # By the map Leoben, Graz and Klagenfurt go to Milan, and each loses 20 ms.
    assert means == {"nearest": 12.0, "inverse-distance": 2.4, "latency": 2.4, "own-network": 0.0}
    assert found["policies"]["nearest"]["worst_ms"] == 20.0
    assert found["policies"]["nearest"]["within_2_ms_ratio"] == 0.4
    assert len(found["draws"]) == 1


def test_draws_are_the_same_for_the_same_seed_and_shown_one_by_one(place: Path) -> None:
    command = ("rtt", "--evaluate", "rtt.csv", "--regions", "1,2", "--edges", "1", "--draws", "3")
    first = resolverd(*command, "--json", cwd=place)
    assert first.json() == resolverd(*command, "--json", "--seed", "0", cwd=place).json()
    assert len(first.json()["draws"]) == 3
    shown = resolverd(*command, cwd=place)
    assert "5 clients, 2 regions, 1 edge drawn" in shown.out
    assert "worst draw" in shown.out


def test_what_is_known_may_be_a_table_or_another_matrix(place: Path) -> None:
    (place / "table.csv").write_text("where,region,ms\n47.1 15.4 AT,de,13\n47.1 15.4 AT,it,33\n")
    command = ("rtt", "--evaluate", "rtt.csv", "--regions", "de=1,it=2", "--json")
    by_table = resolverd(*command, "--from", "table.csv", cwd=place).json()["policies"]["latency"]
    (place / "wrong.csv").write_text("from,to,ms\n4,1,90\n4,2,9\n3,2,9\n3,1,90\n5,1,90\n5,2,9\n")
    misled = resolverd(*command, "--from", "wrong.csv", cwd=place).json()["policies"]["latency"]
    # Where Graz itself asks, the table says nothing, and the map is wrong: 20 ms more.
    assert by_table["mean_ms"] == 6.4
    assert misled["mean_ms"] >= 12.0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "--show or --evaluate"),
        (("--evaluate", "rtt.csv", "--regions", "Atlantis"), 2, 'no city "Atlantis"'),
        (("--evaluate", "rtt.csv", "--regions", "sao paulo,Oslo"), 2, "no city was measured"),
        (("--evaluate", "rtt.csv", "--regions", "1,Milan,1"), 2, '"Frankfurt" is named twice'),
        (("--evaluate", "rtt.csv", "--regions", "eu=1,eu=2"), 2, '"eu" is named twice'),
        (("--evaluate", "rtt.csv", "--edges", "0"), 2, "from 1 up"),
        (("--evaluate", "long.csv"), 1, "long.csv:2:1: rtt-matrix: is no CSV"),
        (("--evaluate", "empty.csv"), 1, "begin the file with the line: from,to,min_ms"),
        (("--evaluate", "none.csv"), 1, "none.csv: rtt-matrix: cannot be read"),
        (
            ("--evaluate", "rtt.csv", "--places", "rtt.csv"),
            1,
            "rtt.csv:1:1: rtt-matrix: the header",
        ),
        (("--evaluate", "bad.csv"), 1, 'bad.csv:3:1: rtt-matrix: min_ms is "soon"'),
        (
            ("--evaluate", "rtt.csv", "--from", "bad.csv", "none.csv", "--regions", "1"),
            1,
            "none.csv",
        ),
    ],
)
def test_what_cannot_be_done_is_said_with_the_exit_code_of_its_kind(
    place: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    (place / "bad.csv").write_text("from,to,ms\n1,2,5\n2,3,soon\n")
    (place / "long.csv").write_text(f"from,to,ms\n{'1' * 200_000},2,5\n")
    (place / "empty.csv").write_text("")
    ran = resolverd("rtt", *arguments, cwd=place)
    assert ran.status == status
    assert said in ran.err


def test_a_matrix_that_a_spreadsheet_saved_is_one_also_where_it_is_what_is_known(
    place: Path,
) -> None:
    text = (place / "rtt.csv").read_text()
    (place / "saved.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    command = ("rtt", "--evaluate", "rtt.csv", "--regions", "de=1,it=2", "--json", "--from")
    saved = resolverd(*command, "saved.csv", cwd=place)
    assert saved.status == 0, saved.err
    assert saved.json() == resolverd(*command, "rtt.csv", cwd=place).json()
