"""Entry points as a fragment: what it says, what it leaves to other files, why it is refused."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.kube.entry_points import EntryPoint
from resolverd.kube.fragment import Elsewhere, endpoints_in, fragment_of, places_of

DOOR = EntryPoint(
    "HTTPRoute prod/chat",
    "gateway.infra.inference",
    "eu-west",
    "chat",
    "203.0.113.10",
    "",
    "https",
    443,
    "chat.example",
)
TREE: dict[str, Any] = {
    "region": {"us-east": {"coordinates": [39.0, -77.5]}},
    "service": {"chat": {"regions": ["us-east"]}, "embed": {"regions": ["us-east"]}},
}
EMBED = DOOR._replace(service="embed", host="embed.example", said_by="HTTPRoute prod/embed")


def _elsewhere(tree: dict[str, Any] | None = None) -> Elsewhere:
    return Elsewhere(TREE if tree is None else tree, places_of(["eu-west"], None))


def _made(*entry_points: EntryPoint, tree: dict[str, Any] | None = None) -> Any:
    made = fragment_of(entry_points, _elsewhere(tree))
    assert not made.problems
    return json.loads(made.text)


def test_a_new_region_has_its_place_and_is_added_to_the_service() -> None:
    assert _made(DOOR) == {
        "region": {
            "eu-west": {
                "coordinates": [53.3, -6.3],
                "endpoint": [
                    {
                        "name": "eu-west.gateway.infra.inference.203.0.113.10",
                        "address": ["203.0.113.10"],
                        "url": "https://203.0.113.10:443",
                        "probe": {"host": "chat.example", "sni": "chat.example"},
                    }
                ],
            }
        },
        "service": {"chat": {"regions": ["eu-west"]}},
    }


def test_what_other_files_say_is_not_said_again() -> None:
    tree = {
        "region": {"eu-west": {"coordinates": [1.0, 2.0]}},
        "service": {"chat": {"regions": ["eu-west"]}},
    }
    made = _made(DOOR, tree=tree)
    assert made["region"]["eu-west"].keys() == {"endpoint"}
    assert "service" not in made


def test_coordinates_that_are_given_go_before_those_that_a_name_has() -> None:
    assert places_of(["eu-west"], (1.0, 2.0)) == {"eu-west": (1.0, 2.0)}
    assert places_of(["mars"], None) == {}
    dublin = (53.3, -6.3)
    assert places_of(["mars", "eu-west"], None) == {"mars": dublin, "eu-west": dublin}


@pytest.mark.parametrize(
    ("entry", "row"),
    [
        (
            DOOR._replace(address="2001:db8::1", scheme="http", port=8000),
            {
                "name": "eu-west.gateway.infra.inference.2001-db8--1",
                "address": ["2001:db8::1"],
                "url": "http://[2001:db8::1]:8000",
                "probe": {"host": "chat.example"},
            },
        ),
        (
            DOOR._replace(address="", hostname="lb.example", host=""),
            {
                "name": "eu-west.gateway.infra.inference.lb.example",
                "hostname": "lb.example.",
                "url": "https://lb.example:443",
            },
        ),
    ],
)
def test_an_endpoint_is_asked_where_its_entry_point_is(
    entry: EntryPoint, row: dict[str, Any]
) -> None:
    assert _made(entry)["region"]["eu-west"]["endpoint"] == [row]


@pytest.mark.parametrize(
    "probes",
    [
        {"region": {"eu-west": {"probe": {"host": "own.example", "sni": "own.example"}}}},
        {
            "service": {"chat": {"probe": {"sni": "own.example"}}},
            "region": {"eu-west": {"probe": {"host": "own.example:8443"}}},
        },
        {"probe": {"kind": "tcp"}},
        {"probe": {"kind": "vllm"}, "service": {"chat": {"probe": {"kind": "tcp"}}}},
        {
            "service": {"chat": {"probe": {"kind": "http"}}},
            "region": {"eu-west": {"probe": {"kind": "tcp"}}},
        },
    ],
    ids=["region", "both", "kind", "service-kind", "region-kind"],
)
def test_no_host_is_written_where_another_file_does_or_the_kind_has_none(
    probes: dict[str, Any],
) -> None:
    (row,) = _made(DOOR, tree=probes)["region"]["eu-west"]["endpoint"]
    assert "probe" not in row


def test_what_is_reached_at_one_address_is_one_endpoint_probed_at_its_best_port() -> None:
    made = _made(
        DOOR._replace(scheme="http", port=80, said_by="HTTPRoute a/b"),
        DOOR,
        DOOR._replace(name="service.infra.inference", port=8443),
    )
    (row,) = made["region"]["eu-west"]["endpoint"]
    assert row["url"] == "https://203.0.113.10:443"


def test_a_region_of_two_services_has_entry_points_of_both_alone() -> None:
    other = EMBED._replace(address="192.0.2.1")
    (first, second) = fragment_of([DOOR, other], _elsewhere()).problems
    assert {first.file, second.file} == {DOOR.said_by, other.said_by}
    assert first.id == "kube-other-services"
    assert 'to clients of "chat" too' in first.message + second.message
    assert "resolverd/region" in first.hint
    assert not fragment_of([DOOR, other._replace(region="us-east")], _elsewhere()).problems


@pytest.mark.parametrize(
    ("written", "row"),
    [
        ({"sni": "own.example"}, {"host": "chat.example"}),
        ({"host": "own.example"}, {"sni": "own.example"}),
        ({"host": "own.example:8443"}, {"sni": "own.example"}),
        ({"host": "203.0.113.10"}, {"sni": "chat.example"}),
    ],
)
def test_of_host_and_server_name_each_is_written_that_no_other_file_has(
    written: dict[str, str], row: dict[str, str]
) -> None:
    tree = {"service": {"chat": {"probe": written}}}
    (endpoint,) = _made(DOOR, tree=tree)["region"]["eu-west"]["endpoint"]
    assert endpoint["probe"] == row
    plain = DOOR._replace(scheme="http", port=80)
    (endpoint,) = _made(plain, tree=tree)["region"]["eu-west"]["endpoint"]
    assert endpoint.get("probe", {}) == {k: v for k, v in row.items() if k == "host"}


def _both(chat: dict[str, str], embed: dict[str, str]) -> Elsewhere:
    probes = {"chat": {"probe": chat}, "embed": {"probe": embed}}
    return _elsewhere({"service": probes})


def _whole(service: str) -> dict[str, str]:
    return {"host": f"{service}.example", "sni": f"{service}.example"}


@pytest.mark.parametrize(
    ("chat", "embed", "severity", "tables"),
    [
        ({}, {}, "error", ("chat", "embed")),
        (_whole("chat"), {}, "warning", ("embed",)),
        ({"host": "chat.example"}, {}, "warning", ("chat", "embed")),
        ({"sni": "chat.example"}, _whole("embed"), "warning", ("chat",)),
        ({"host": "chat.example"}, {"host": "embed.example"}, "warning", ("chat", "embed")),
        ({"host": "chat.example"}, _whole("embed"), "warning", ("chat",)),
    ],
)
def test_services_behind_one_entry_point_have_to_say_for_which_host_each_is_probed(
    chat: dict[str, str], embed: dict[str, str], severity: str, tables: tuple[str, ...]
) -> None:
    made = fragment_of([DOOR, EMBED], _both(chat, embed))
    (problem,) = made.problems
    assert (problem.id, problem.severity) == ("kube-several-hosts", severity)
    for service in ("chat", "embed"):
        table = (
            f'[service.{service}] probe = {{ host = "{service}.example", '
            f'sni = "{service}.example" }}'
        )
        assert (table in problem.hint) == (service in tables)
    lacking = [n for n, said in (("chat", chat), ("embed", embed)) if "host" not in said]
    told = [n for n in ("chat", "embed") if f'those of "{n}" have no host' in problem.message]
    assert told == (lacking if severity == "warning" else [])
    (row,) = json.loads(made.text)["region"]["eu-west"]["endpoint"]
    assert "probe" not in row


@pytest.mark.parametrize(
    ("chat", "embed", "row"),
    [
        (_whole("chat"), _whole("embed"), {}),
        (_whole("chat"), {"kind": "tcp"}, {}),
        ({}, {"kind": "tcp"}, _whole("chat")),
        ({}, _whole("chat"), _whole("chat")),
    ],
    ids=["each", "without", "only", "same"],
)
def test_services_behind_one_entry_point_are_each_probed_for_a_host(
    chat: dict[str, str], embed: dict[str, str], row: dict[str, str]
) -> None:
    made = fragment_of([DOOR, EMBED], _both(chat, embed))
    assert not made.problems
    (endpoint,) = json.loads(made.text)["region"]["eu-west"]["endpoint"]
    assert endpoint.get("probe", {}) == row


def test_a_line_of_an_endpoint_is_put_down_to_the_objects_that_say_so() -> None:
    made = fragment_of(
        [DOOR, DOOR._replace(address="192.0.2.1", said_by="HTTPRoute a/b")], _elsewhere()
    )
    lines = made.text.split("\n")
    blamed = {line.strip(): made.blame(number) for number, line in enumerate(lines, 1)}
    assert blamed['"url": "https://203.0.113.10:443",'] == "HTTPRoute prod/chat"
    assert blamed['"url": "https://192.0.2.1:443",'] == "HTTPRoute a/b"
    assert blamed['"coordinates": ['] == blamed['"service": {'] == ""


def test_no_entry_points_are_an_empty_fragment() -> None:
    assert fragment_of([], _elsewhere()).text == "{}\n"
    assert endpoints_in("{}\n") == endpoints_in("") == endpoints_in("[") == frozenset()


_DOORS = st.builds(
    EntryPoint,
    st.sampled_from(["HTTPRoute a/b", "Service c/d"]),
    st.sampled_from(["gateway.a.b", "service.c.d"]),
    st.sampled_from(["eu-west", "us-east", "eu-west-2"]),
    st.sampled_from(["chat", "embed"]),
    st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
    st.just(""),
    st.sampled_from(["http", "https"]),
    st.sampled_from([80, 443, 8000]),
    st.sampled_from(["", "chat.example"]),
)


@given(st.lists(_DOORS, max_size=8), st.randoms(use_true_random=False))
def test_the_same_entry_points_give_the_same_octets_and_every_address_once(
    entry_points: list[EntryPoint], chance: random.Random
) -> None:
    made = fragment_of(entry_points, _elsewhere())
    assert made == fragment_of(chance.sample(entry_points, len(entry_points)), _elsewhere())
    regions = json.loads(made.text).get("region", {})
    handed = {
        name: sorted(a for row in region["endpoint"] for a in row["address"])
        for name, region in regions.items()
    }
    assert handed == {
        name: sorted({d.address for d in entry_points if d.region == name})
        for name in {d.region for d in entry_points}
    }
    assert endpoints_in(made.text) == set(made.endpoints)
    assert len(set(made.endpoints)) == len(made.endpoints)
