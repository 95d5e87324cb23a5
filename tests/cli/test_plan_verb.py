"""`resolverd plan`: tables, JSON, picture, what is refused; on the shipped configuration."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli.command import ROOT, Ran, resolverd

from resolverd.cli.plan_json import PlanDocument

TRAFFIC = """where,share,name
39 -77.5 US,40,Washington
37.8 -122.4 US,25,San Francisco
IE,20
JP,15
"""
CANDIDATES = """name,latitude,longitude,gpus,usd_per_hour,pins_of
singapore,1.35,103.8,2,2.49,
frankfurt,50.1,8.7,2,2.49,
paris,48.9,2.4,2,2.49,eu-west
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The shipped configuration with its zones, and files for a plan."""
    shutil.copy(ROOT / "resolverd.toml", tmp_path)
    shutil.copytree(ROOT / "zones", tmp_path / "zones")
    (tmp_path / "traffic.csv").write_text(TRAFFIC)
    (tmp_path / "candidates.csv").write_text(CANDIDATES)
    (tmp_path / "prices.csv").write_text("list,model,usd_per_hour\naws,H100_SXM,8.2222\n")
    return tmp_path


def _plan(place: Path, *options: str) -> Ran:
    return resolverd("plan", "--traffic", "traffic.csv", *options, cwd=place)


def _document(place: Path, *options: str) -> PlanDocument:
    ran = _plan(place, "--json", *options)
    assert ran.status == 0, ran.err
    return PlanDocument.model_validate_json(ran.out, strict=True)


def test_the_traffic_of_the_page_gives_its_gpus_and_its_costs(place: Path) -> None:
    now = _document(place, "--tensor-parallel", "2", "--prices", "prices.csv").now
    assert {r.name: r.gpus_by_traffic for r in now.regions} == {
        "us-east": 4, "us-west": 2, "eu-west": 2, "ap-northeast": 2,
    }  # fmt: skip
    assert [round(r.share, 2) for r in now.regions] == [0.40, 0.25, 0.20, 0.15]
    assert round(now.usd_per_month) == 17_928
    assert sum(r.usd_per_month_elsewhere["aws"] or 0 for r in now.regions) == pytest.approx(
        59_200, rel=1e-4
    )


def test_an_agent_of_ten_calls_has_ten_times_the_budget(place: Path) -> None:
    budgets = {b.name: b for b in _document(place).now.budgets}
    assert [(b.ms, b.calls, b.total_ms) for b in budgets.values()] == [
        (50, 1, 50), (100, 1, 100), (150, 1, 150), (50, 10, 500), (None, 1, None),
    ]  # fmt: skip
    assert budgets["voice"].within_ratio == pytest.approx(1.0)
    assert budgets["voice"].lost_ratios["ap-northeast"] == pytest.approx(0.15)


def test_without_a_region_its_users_go_farther_and_pinned_ones_nowhere(place: Path) -> None:
    document = _document(place, "--without", "eu-west")
    assert document.changed is not None
    assert document.changed.unserved_ratio == pytest.approx(0.20)
    assert document.now.unserved_ratio == 0
    assert document.changed.usd_per_month < document.now.usd_per_month


def test_a_region_that_is_added_takes_those_who_are_nearer(place: Path) -> None:
    document = _document(place, "--add", "37.5 127=2")
    assert document.changed is not None
    added = document.changed.regions[-1]
    assert (added.name, added.gpus) == ("37.5 127", 2)
    assert added.share == 0


def test_pinned_users_gain_from_a_candidate_of_their_pin_alone(place: Path) -> None:
    (place / "traffic.csv").write_text("where,share\nDE,50\nSG,50\n")
    gains = {g.name: g for g in _document(place, "--candidates", "candidates.csv").add}
    assert gains["frankfurt"].share == 0
    assert gains["paris"].share == pytest.approx(0.5)
    assert gains["singapore"].share == pytest.approx(0.5)


def test_a_prefix_is_placed_and_fenced_as_its_queries_are(place: Path) -> None:
    (place / "traffic.csv").write_text("where,share\n81.2.69.0/24,1\n85.214.0.0/16,1\n")
    users = {user.name: user for user in _document(place).users}
    assert users["85.214.0.0/16"].country == "DE"
    assert users["85.214.0.0/16"].fence == ["eu-west"]
    assert users["81.2.69.0/24"].fence is None


def test_the_fewest_regions_that_keep_users_within_a_budget(place: Path) -> None:
    options = ("--candidates", "candidates.csv", "--keep", "100", "--budget", "voice")
    keep = _document(place, *options).keep
    assert keep is not None
    assert keep.exact
    assert set(keep.regions) == {"us-east", "us-west", "ap-northeast", "eu-west"}


def test_users_whom_no_region_can_keep_within_a_budget_are_said_to_be_so(place: Path) -> None:
    (place / "traffic.csv").write_text("where,share\nDE,50\nAU,50\n")
    assert _document(place, "--keep", "51", "--budget", "voice").keep is None
    assert "no set is enough" in _plan(place, "--keep", "51", "--budget", "voice").out


def test_a_region_outside_its_hours_serves_nobody_then(place: Path) -> None:
    configuration = place / "resolverd.toml"
    text = configuration.read_text()
    head = "[region.ap-northeast]\n"
    assert head in text
    configuration.write_text(text.replace(head, f'{head}hours = ["mon-fri 06:00-18:00"]\n'))
    closed = _document(place, "--at", "2026-11-29T12:00Z").now
    opened = _document(place, "--at", "2026-11-30T12:00Z").now
    assert [r.serves for r in closed.regions] == [True, True, True, False]
    assert all(r.serves for r in opened.regions)
    assert closed.regions[3].open_ratio == pytest.approx(5 * 12 / 168)
    assert "GPUs for 257 h of service alone" in _plan(place).out
    at = ("--at", "2026-11-29T12:00Z")
    assert _document(place, *at).smaller == [], "who is closed is not of little traffic"


def test_where_times_were_measured_they_decide_who_is_served_where(place: Path) -> None:
    configuration = place / "resolverd.toml"
    text = configuration.read_text()
    assert 'policy = "nearest"' in text
    configuration.write_text(text.replace('policy = "nearest"', 'policy = "latency"', 1))
    (place / "traffic.csv").write_text("where,share\nJP,1\n")
    (place / "rtt.csv").write_text("where,region,ms\nJP,ap-northeast,180\nJP,us-west,95\n")
    expected = _document(place).users
    assert [user.region for user in expected] == ["ap-northeast"]
    measured = _document(place, "--set", 'rtt.files=["rtt.csv"]').users
    assert [user.region for user in measured] == ["us-west"]
    assert measured[0].ms == pytest.approx(95, abs=30)


def test_the_picture_is_an_svg_with_the_curves(place: Path) -> None:
    assert _plan(place, "--svg", "plan.svg", "--add", "SG").status == 0
    root = ElementTree.fromstring((place / "plan.svg").read_text())
    curves = [node for node in root.iter() if node.tag.endswith("polyline")]
    assert len(curves) == 2


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("where,share\nXX,5\n", 'traffic.csv:2:1: plan-file: "XX" is no prefix, no country'),
        ("where,share\nDE,lots\n", 'traffic.csv:2:1: plan-file: "lots" is no share'),
        ("where,share\n10.0.0.1/8,5\n", "traffic.csv:2:1: plan-file: 10.0.0.1/8 has host bits set"),
        ("where,share\n95 8 DE,5\n", 'traffic.csv:2:1: plan-file: "95" is no latitude'),
        ("place,part\nDE,5\n", "traffic.csv:1:1: plan-file: it has no column where and no share"),
        ("where,share\nDE,0\n", "traffic.csv: plan-file: it has no traffic"),
    ],
)
def test_a_traffic_file_that_makes_no_sense_is_refused_by_line(
    place: Path, written: str, said: str
) -> None:
    (place / "traffic.csv").write_text(written)
    ran = _plan(place)
    assert ran.status == 1
    assert said in ran.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--without", "mars"), 'there is no region "mars"; regions: us-east'),
        (("--add", "XX=2"), 'write SG=2, "1.35 103.8=2", or a candidate'),
        (("--service", "none"), 'there is no service "none"; services: chat, embed'),
        (("--gpus", "3"), "3 GPUs are 3 groups of 1, too few for 4 regions"),
        (("--at", "yesterday"), '"yesterday" is no time'),
        (("--keep", "101"), '"101" is no percentage'),
    ],
)
def test_what_cannot_be_planned_is_a_wrong_command_line(
    place: Path, options: tuple[str, ...], said: str
) -> None:
    ran = _plan(place, *options)
    assert ran.status == 2
    assert said in ran.err


def test_without_traffic_and_without_a_daemon_it_says_what_to_give(place: Path) -> None:
    ran = resolverd("plan", cwd=place)
    assert ran.status == 2
    assert "give traffic by place: --traffic CSV" in ran.err


def test_a_picture_that_cannot_be_written_is_said(place: Path) -> None:
    ran = _plan(place, "--svg", "missing/plan.svg")
    assert ran.status == 3
    assert "missing/plan.svg cannot be written: No such file or directory" in ran.err
    assert "Traceback" not in ran.err


def test_a_file_that_is_no_csv_is_refused_with_its_line(place: Path) -> None:
    (place / "traffic.csv").write_text(f"where,share\nDE,1\n{'1' * 200_000},2\n")
    ran = _plan(place)
    assert ran.status == 1
    assert "traffic.csv:3:1: plan-file: is no CSV" in ran.err


def test_an_added_candidate_is_the_one_of_its_file(place: Path) -> None:
    (place / "traffic.csv").write_text("where,share\nDE,50\nSG,50\n")
    (place / "candidates.csv").write_text(
        "name,latitude,longitude,gpus,usd_per_hour,pins_of\nparis,48.9,2.4,3,1.5,eu-west\n"
    )
    document = _document(place, "--candidates", "candidates.csv", "--add", "paris")
    assert document.changed is not None
    paris = document.changed.regions[-1]
    assert (paris.gpus, paris.usd_per_hour) == (3, 1.5)
    assert paris.share == pytest.approx(0.5), "pinned users too, as it is of their pin"
    assert document.add == [], "what is added already is not proposed"
    assert sum(r.gpus_by_traffic or 0 for r in document.changed.regions) == 13


def test_a_country_alone_stands_where_its_people_do(place: Path) -> None:
    """Not at this edge host: anycast brought it there, but its users are planned for."""
    (place / "traffic.csv").write_text("where,share\nJP,1\n")
    assert [user.region for user in _document(place).users] == ["ap-northeast"]


def test_a_point_of_no_known_country_is_outside_every_pin_and_gains(place: Path) -> None:
    (place / "traffic.csv").write_text("where,share\n1.3 103.8,1\n")
    document = _document(place, "--candidates", "candidates.csv")
    assert document.users[0].fence is None
    assert document.add[0].name == "singapore"
    assert document.add[0].share == 1


def test_what_follows_a_change_is_of_the_change(place: Path) -> None:
    names = ("us-east", "us-west", "eu-west", "ap-northeast")
    gone = _document(place, *(f"--without={name}" for name in names))
    assert gone.changed is not None
    assert gone.smaller == []
    assert gone.changed.mean_ms is None
    assert gone.changed.unserved_ratio == pytest.approx(1)
    options = ("--candidates", "candidates.csv", "--keep", "80", "--budget", "chat")
    kept = _document(place, "--without", "us-east", *options).keep
    assert kept is not None
    assert "us-east" not in kept.regions


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        ((), {"ap-northeast": (2, 1)}),
        (("--tensor-parallel", "2"), {"ap-northeast": (2, 1)}),
        (("--tensor-parallel", "1"), {}),
        (("--bits", "16", "--model-size", "11.4"), {"ap-northeast": (2, 1)}),
        (("--minor", "50", "--tensor-parallel", "2"), {
            "us-east": (4, 2), "us-west": (2, 1), "eu-west": (2, 1), "ap-northeast": (2, 1)
        }),
        (("--minor", "50", "--bits", "8"), {
            "us-east": (4, 2), "us-west": (2, 1), "eu-west": (2, 1), "ap-northeast": (2, 1)
        }),
        (("--minor", "50", "--bits", "12"), {}),  # three of four, by which heads do not split
        (("--bits", "16"), {}),
    ],
)  # fmt: skip
def test_a_smaller_model_needs_fewer_gpus_in_each_group(
    place: Path, options: tuple[str, ...], needed: dict[str, tuple[int, int]]
) -> None:
    smaller = _document(place, *options).smaller
    assert {one.region: (one.gpus, one.gpus_needed) for one in smaller} == needed
    for one in smaller:
        freed = one.gpus - one.gpus_needed
        assert one.usd_per_month_saved == pytest.approx(freed * 2.49 * 720)


def test_the_calls_of_an_agent_add_up(place: Path) -> None:
    document = _document(place, "--calls", "20")
    assert [u.agent_ms for u in document.users] == [20 * (u.ms or 0) for u in document.users]
    agent = next(b for b in document.now.budgets if b.name == "agent")
    assert (agent.ms, agent.calls, agent.total_ms) == (50, 20, 1000)


def test_biases_move_users_as_in_steering(place: Path) -> None:
    (place / "traffic.csv").write_text("where,share\n38.5 -95 US,1\n")
    assert _document(place).users[0].region == "us-east"
    after = _document(place, "--set", 'region.us-east.bias="40ms"').users[0]
    assert after.region == "us-west"
    assert after.ms is not None
    assert after.ms < 60, "a bias decides who, and is no time"


def test_a_policy_that_is_not_by_place_is_said_to_be_planned_as_if(place: Path) -> None:
    ran = _plan(place, "--service", "embed", "--json")
    assert ran.status == 0
    assert 'note: "embed" has the policy "weighted"; it is planned as if by latency' in ran.err


def test_regions_without_gpus_have_no_price_and_no_size(place: Path) -> None:
    configuration = place / "resolverd.toml"
    lines = configuration.read_text().splitlines(keepends=True)
    configuration.write_text("".join(line for line in lines if not line.startswith("gpus = ")))
    now = _document(place, "--prices", "prices.csv").now
    assert (now.usd_per_month, [r.gpus_by_traffic for r in now.regions]) == (0, [None] * 4)
    assert [r.usd_per_month_elsewhere for r in now.regions] == [{"aws": 0}] * 4
    assert _plan(place).status == 0


_NAMES = "us-east, us-west, eu-west, ap-northeast"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("traffic.csv", "where,share,usr\nDE,1,2\n", ':1:1: there is no column "usr"'),
        ("traffic.csv", "where,share\n50,8 DE,1\n", ":2:1: it has more cells than the header"),
        ("traffic.csv", "where,share,share\nDE,1,2\n", ":1:1: it has a column twice"),
        ("prices.csv", "list,model,usd_per_hour\na,M,1\na,M,2\n", ':3:1: "M" is on the list "a"'),
        ("candidates.csv", "name,latitude,longitude\na,1,1\na,2,2\n", ':3:1: "a" is there'),
        ("candidates.csv", "name,latitude,longitude\n,1,1\n", ":2:1: it has no name"),
        (
            "candidates.csv",
            "name,latitude,longitude,pins_of\na,1,1,eu-wset\n",
            f':2:1: pins_of: there is no region "eu-wset"; regions: {_NAMES}',
        ),
    ],
)
def test_a_file_with_what_would_be_passed_over_is_refused(
    place: Path, file: str, text: str, said: str
) -> None:
    (place / file).write_text(text)
    ran = _plan(place, "--prices", "prices.csv", "--candidates", "candidates.csv")
    assert ran.status == 1
    assert f"{file}{said}" in ran.err.replace("plan-file: ", "")


def test_a_file_that_is_not_there_is_said_once(place: Path) -> None:
    ran = _plan(place, "--prices", "missing.csv")
    assert ran.status == 1
    assert "missing.csv: plan-file: cannot be read: No such file or directory" in ran.err
    assert "Errno" not in ran.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--gpus", "1000001"), '"1000001" is not a number from 1 to 1000000'),
        (("--gpus", "0"), '"0" is not a number from 1 to 1000000'),
        (("--bits", "17"), '"17" is not a number from 1 to 16'),
        (("--add", "SG", "--add", "SG"), '--add "SG": a region of that name is there already'),
    ],
)
def test_bounds_are_told(place: Path, options: tuple[str, ...], said: str) -> None:
    ran = _plan(place, *options)
    assert ran.status == 2
    assert said in ran.err


def test_hours_are_tried_without_editing_the_configuration(place: Path) -> None:
    hours = 'region.ap-northeast.hours=["08:00-20:00"]'
    ran = _plan(place, "--set", hours)
    assert "GPUs for 360 h of service alone  1,793" in ran.out


def test_a_million_gpus_are_shared_out_in_time(place: Path) -> None:
    now = _document(place, "--gpus", "1000000").now
    assert [r.gpus_by_traffic for r in now.regions] == [400_000, 250_000, 200_000, 150_000]
