"""`resolverd explain`: what it prints, and the world that it takes for granted."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.cli_place import SERVER
from cli.command import resolverd
from harness.config import CHAT, REGIONS, config_text
from harness.server import DOWN, HEAD, snapshot_of

from resolverd.dns.prefix import parse_prefix
from resolverd.engine.explain import explain

CHAT_NAME = "chat.inference.example"
ZONE = f"$ORIGIN inference.example.\n{HEAD.replace(' 300', ' 3')}chat 60 DYNA chat\n"

WHOLE = """\
name    chat.inference.example (service chat, policy nearest)
client  1.2.3.0/24
place   35.70, 139.70 JP AS (from city.mmdb), known for /8
pins    none
fence   ap-northeast, eu-west, us-east, us-west
answer  us-west (serving) 192.0.2.20
TTL     2 s: ap-northeast may change in 1 s, and failover_ttl is the least; 20 s otherwise
scope   /8
source  the files of resolverd.toml alone, every region taken as up but ap-northeast

rank  region            km  why
1     ap-northeast       0  down
2     us-west        8,316  answered
3     eu-west        9,590  less preferred
4     us-east       10,873  less preferred
"""


def test_it_prints_the_facts_and_then_every_region(place: Path) -> None:
    ran = resolverd("explain", CHAT_NAME, "1.2.3.0/24", "--down", "ap-northeast", cwd=place)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == WHOLE


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ((CHAT_NAME, "2.1.1.1"), ["pins    gdpr", "-     us-east       6,555  outside the fence"]),
        (
            (CHAT_NAME, "2.1.1.1", "--down", "eu-west"),
            [
                "answer  eu-west (all_down) 192.0.2.30 2001:db8::30",
                "note    no allowed region serves; this is the best of them",
                "1     eu-west       1,091  answered, though down",
            ],
        ),
        ((CHAT_NAME, "::ffff:1.2.3.4"), ["client  ::ffff:1.2.3.4/128 = 1.2.3.4/32"]),
        (
            (CHAT_NAME, "9.9.9.9"),
            ["place   50.10, 8.70 (no database places it: this edge host's own place)"],
        ),
        (
            ("low.inference.example", "1.2.3.4"),
            ["TTL     2 s: the DYNA record's ceiling; the service would allow 20 s"],
        ),
        (
            ("alias.inference.example", "1.2.3.4"),
            ["policy failover)", "answer  us-east (serving) us-east.gpus.example"],
        ),
        (
            ("fixed.inference.example", "198.51.100.0/24", "--down", "us-east"),
            [
                "fence   us-east",
                "answer  no region (nodata)",
                "scope   /0: client subnets are not honoured",
            ],
        ),
    ],
)
def test_each_fact_says_what_it_rests_on(
    place: Path, arguments: tuple[str, ...], rows: list[str]
) -> None:
    ran = resolverd("explain", *arguments, cwd=place)
    assert ran.status == 0
    for row in rows:
        assert row in ran.out, ran.out


SPILLED = """\
answer  us-west (spilled) 192.0.2.20
draw    0.3921 for 1.2.3.0/24; ap-northeast sends on those below 0.4
TTL     20 s: the service's ttl: nothing consulted may change before that
scope   /24
source  the files of resolverd.toml alone, every region taken as up, ap-northeast as overloaded

rank  region            km  why
1     ap-northeast       0  sends this client on, with 0.4 of its clients
2     us-west        8,316  answered: takes what others send on, up to 1
3     eu-west        9,590  less preferred
4     us-east       10,873  less preferred
"""


def test_explain_of_a_client_who_is_sent_on_has_from_where_and_why(place: Path) -> None:
    ran = resolverd("explain", CHAT_NAME, "1.2.3.0/24", "--spill", "ap-northeast=0.4", cwd=place)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith(SPILLED), ran.out


@pytest.mark.parametrize(
    ("spills", "rows"),
    [
        (
            ["ap-northeast=0.1"],
            ["1     ap-northeast       0  answered: sends on 0.1 of its clients, not this one"],
        ),
        (
            ["ap-northeast=1", "us-west=0.5"],
            [
                "answer  eu-west (spilled)",
                "2     us-west        8,316  sends on 0.5 of its own clients",
                "3     eu-west        9,590  answered: takes what others send on, up to 1",
            ],
        ),
        (
            ["ap-northeast=1", "us-west=1", "eu-west=1", "us-east=0.01"],
            [
                "answer  ap-northeast (serving)",
                "answered: sends on 1 of its clients, but none takes this one",
                "4     us-east       10,873  sends on 0.01 of its own clients",
            ],
        ),
    ],
)
def test_explain_has_for_each_region_why_it_keeps_sends_on_or_takes(
    place: Path, spills: list[str], rows: list[str]
) -> None:
    options = [option for spill in spills for option in ("--spill", spill)]
    ran = resolverd("explain", CHAT_NAME, "1.2.3.0/24", *options, cwd=place)
    for row in rows:
        assert row in ran.out, ran.out


@pytest.mark.parametrize(
    "text", ["ap-northeast", "ap-northeast=", "ap-northeast=2", "ap-northeast=x"]
)
def test_a_share_that_is_none_is_refused(place: Path, text: str) -> None:
    ran = resolverd("explain", CHAT_NAME, "1.2.3.0/24", "--spill", text, cwd=place)
    assert ran.status == 2
    assert "is not a region and its share; write us-east=0.3" in ran.err


def test_an_overloaded_region_that_is_not_there_is_refused(place: Path) -> None:
    ran = resolverd("explain", CHAT_NAME, "1.2.3.0/24", "--spill", "mars=1", cwd=place)
    assert ran.status == 2
    assert 'there is no region "mars" to take as overloaded' in ran.err


def test_json_holds_the_same_and_no_infinity(place: Path) -> None:
    ran = resolverd(
        "explain", CHAT_NAME, "1.2.3.0/24", "--down", "ap-northeast", "--json", cwd=place
    )
    document = ran.json()
    assert (ran.status, ran.err) == (0, "")
    assert (document["region"], document["ttl"], document["scope"]) == ("us-west", 2, 8)
    assert document["answer"] == ["192.0.2.20"]
    min_until_flip = {c["region"]: c["status"]["min_until_flip"] for c in document["candidates"]}
    assert min_until_flip == {
        "ap-northeast": 2.0,
        "us-west": None,
        "eu-west": None,
        "us-east": None,
    }


def test_an_endpoint_with_a_hostname_alone_is_said_to_need_a_daemon(place: Path) -> None:
    path = place / "resolverd.toml"
    written = "address = ['192.0.2.40', '2001:db8::40']"
    text = path.read_text()
    assert written in text
    path.write_text(text.replace(written, 'hostname = "gpu.example"'))
    ran = resolverd("explain", CHAT_NAME, "1.2.3.4", cwd=place)
    assert "answer  ap-northeast (serving) with the addresses of its hostname" in ran.out


@pytest.mark.parametrize("said", ["refused", "servfail"])
def test_a_refusal_has_no_ttl(said: str) -> None:
    pin = '[pin.p]\nsubnets = ["10.0.0.0/8"]\nregions = ["eu-west"]\n'
    few = CHAT.replace(', "eu-west", "ap-northeast"', "")
    snapshot = snapshot_of(ZONE, config_text(few + f'no_region = "{said}"\n' + pin))
    refused = explain(CHAT_NAME, parse_prefix("10.1.0.0/16"), snapshot)
    assert (refused.outcome, refused.ttl) == ("no_region", None)
    assert refused.ttl_why == f"{said.upper()} has none"
    assert refused.note == "residency pins leave this client no region"


def test_nodata_has_the_negative_ttl_of_the_zone_where_that_is_least() -> None:
    verdicts = {f"{region}-1": DOWN for region in REGIONS}
    snapshot = snapshot_of(ZONE, config_text(CHAT + 'all_down = "nodata"\n'), verdicts=verdicts)
    document = explain(CHAT_NAME, parse_prefix("10.1.0.0/16"), snapshot)
    assert (document.outcome, document.ttl) == ("nodata", 3)
    assert document.ttl_why == "the negative TTL of the zone"


def test_the_embedded_database_places_when_none_is_named(place: Path) -> None:
    ran = resolverd(
        "explain", CHAT_NAME, "133.11.1.0/24", "--set", "server.geoip=[]", "--json", cwd=place
    )
    assert "JP AS (from dbip-city-compact.mmdb)" in ran.json()["place"]


def test_an_edge_service_has_a_row_for_each_region_behind_it_outside_the_fence_too(
    place: Path,
) -> None:
    pair = """
[service.chat]
regions = ["us-east", "us-west"]
[service.chat-edge]
regions = ["eu-west", "ap-northeast"]
core = "chat"
[pin.x]
subnets = ["198.51.100.0/24"]
regions = ["ap-northeast", "us-west"]
"""
    server = SERVER.replace("zones/*.zone", "edge.zone")
    (place / "resolverd.toml").write_text(config_text(pair, server=server))
    zone = ZONE.replace("chat 60 DYNA chat", "edge 60 DYNA chat-edge\nchat 60 DYNA chat")
    (place / "edge.zone").write_text(zone)
    ran = resolverd("explain", "edge.inference.example", "198.51.100.7", cwd=place)
    assert (ran.status, ran.err) == (0, "")
    rows = [row.split() for row in ran.out.splitlines()]
    (first,) = [number for number, row in enumerate(rows) if row[:1] == ["rank"]]
    assert [(row[0], row[1], row[3]) for row in rows[first + 1 :]] == [
        ("1", "ap-northeast", "answered"),
        ("2", "us-west", "less"),
        ("-", "eu-west", "outside"),
        ("-", "us-east", "outside"),
    ]
