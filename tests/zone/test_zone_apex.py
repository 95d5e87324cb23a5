"""The apex is the SOA's owner (RFC 1034 §4.2.1), however the file writes its names."""

from __future__ import annotations

from pathlib import Path

import pytest
from zone_files import places

from resolverd.zone.loader import load_zones

DATA = "SOA ns1.z.example. host.z.example. 1 3600 900 604800 300"
FROM_THE_ROOT = f"""\
$ORIGIN .
$TTL 300
z.example IN {DATA}
    NS ns1.z.example.
$ORIGIN z.example.
ns1 A 192.0.2.1
$ORIGIN sub.z.example.
a A 192.0.2.2
"""
FROM_THE_PARENT = FROM_THE_ROOT.replace("$ORIGIN .", "$ORIGIN example.", 1).replace(
    "z.example IN", "z IN"
)
ABSOLUTE = f"""\
z.example. 300 IN {DATA}
z.example. 300 IN NS ns1.z.example.
ns1 300 IN A 192.0.2.1
a.sub.z.example. 300 IN A 192.0.2.2
"""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("z.example.zone", FROM_THE_ROOT, []),
        ("any.zone", FROM_THE_ROOT, []),
        ("any.zone", FROM_THE_PARENT, []),
        ("z.example.zone", ABSOLUTE, []),
        ("db.z.example", ABSOLUTE, ["db.z.example:1:1: zone-origin-differs"]),
        ("a..b.zone", "$ORIGIN example.\n" + ABSOLUTE.replace("ns1 ", "ns1.z "), []),
    ],
    ids=[
        "from the root",
        "named otherwise",
        "from its parent",
        "absolute",
        "absolute and named otherwise",
        "below its first $ORIGIN",
    ],
)
def test_a_zone_is_its_soa_s_owner(
    tmp_path: Path, name: str, text: str, expected: list[str]
) -> None:
    (tmp_path / name).write_text(text)
    zones, problems = load_zones([name], tmp_path, services={})
    assert places(problems) == expected
    [zone] = zones.values()
    assert str(zone.origin) == "z.example."
    owners = {str(rrset.owner) for rrsets in zone.rrsets.values() for rrset in rrsets.values()}
    assert owners == {"z.example.", "ns1.z.example.", "a.sub.z.example."}


def test_an_soa_whose_owner_lost_its_final_dot_is_no_apex(tmp_path: Path) -> None:
    (tmp_path / "z.zone").write_text(
        f"$ORIGIN z.example.\n$TTL 300\nz.example {DATA}\n@ NS ns.x.\n"
    )
    zones, problems = load_zones(["z.zone"], tmp_path, services={})
    assert zones == {}
    below = next(problem for problem in problems if problem.id == "zone-soa-below-apex")
    assert (below.line, below.column) == (3, 1)
    assert below.hint == 'write "@" or "z.example.", with its final dot'


def test_an_soa_relative_to_the_file_s_name_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "example.zone").write_text(
        "$TTL 300\nz " + DATA + "\n NS ns1.z.example.\nns1.z A 192.0.2.1\n"
    )
    zones, problems = load_zones(["example.zone"], tmp_path, services={})
    assert (problems, [str(origin) for origin in zones]) == ([], ["z.example."])
