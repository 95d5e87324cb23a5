"""Entry points of a cluster's objects (Gateway API v1, InferencePool v1 and v1alpha2)."""

from __future__ import annotations

import random

import pytest
from cluster_objects import (
    OLD_POOL,
    RULES_POOL,
    Made,
    balancer,
    cluster,
    gateway,
    listener,
    pool,
    route,
)
from hypothesis import given
from hypothesis import strategies as st

from resolverd.kube.entry_points import EntryPoint, LeftOut, Rules
from resolverd.kube.translate import translate

HOST = "chat.inference.example"
RULES = Rules(
    ("eu-west", "eu-west-embed", "eu-north"),
    frozenset({"eu-west", "eu-west-embed"}),
    frozenset({"chat", "embed"}),
    {HOST: "chat", "embed.inference.example": "embed"},
)
ADDRESS = "203.0.113.10"


def _entry_points(*objects: Made) -> list[EntryPoint]:
    return list(translate(cluster(*objects), RULES).entry_points)


def _left_out(*objects: Made) -> list[LeftOut]:
    found = translate(cluster(*objects), RULES)
    assert not found.entry_points
    return list(found.left_out)


def test_a_route_is_reached_at_its_gateway_for_the_service_of_its_hostname() -> None:
    assert _entry_points(gateway(ADDRESS), route(HOST)) == [
        EntryPoint(
            "HTTPRoute prod/chat",
            "gateway.infra.inference",
            "eu-west",
            "chat",
            ADDRESS,
            "",
            "https",
            443,
            HOST,
        )
    ]


@pytest.mark.parametrize(
    "objects",
    [
        (gateway(ADDRESS), route("else.example", service="chat")),
        (gateway(ADDRESS), route(service="chat")),
        (gateway(ADDRESS), route("x.example", backend=RULES_POOL), pool(service="chat")),
        (gateway(ADDRESS), route("x.example", backend=OLD_POOL), pool(old=True, service="chat")),
        (
            gateway(ADDRESS),
            route("x.example"),
            balancer(name="llama", kind="ClusterIP", service="chat"),
        ),
        (balancer(ADDRESS, service="chat"),),
        (balancer(ADDRESS, hostname=f"other.example, {HOST}."),),
    ],
    ids=["route", "no-hostname", "pool", "old-pool", "backend", "balancer", "balancer-hostname"],
)
def test_an_annotation_says_which_service_it_is(objects: tuple[Made, ...]) -> None:
    (entry,) = _entry_points(*objects)
    assert (entry.service, entry.address) == ("chat", ADDRESS)


def test_the_routes_own_annotation_goes_before_its_backends_and_its_hostnames() -> None:
    (entry,) = _entry_points(
        gateway(ADDRESS), route(HOST, backend=RULES_POOL, service="embed"), pool(service="chat")
    )
    assert entry.service == "embed"


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ((route(HOST),), "Gateway infra/inference is not there"),
        ((gateway(ADDRESS, programmed="False"), route(HOST)), "is not programmed"),
        ((gateway(ADDRESS, programmed="Unknown"), route(HOST)), "is not programmed"),
        ((gateway(ADDRESS), route(HOST, accepted="False")), "has not accepted it"),
        ((gateway(ADDRESS), route(HOST, accepted="Unknown")), "has not accepted it"),
        ((gateway(), route(HOST)), "has no address yet"),
        ((gateway("300.1.2.3"), route(HOST)), "'300.1.2.3' does not appear to be"),
        ((gateway(ADDRESS), route(HOST, backend=RULES_POOL)), "InferencePool prod/llama is not"),
        (
            (gateway(ADDRESS), route(HOST, backend=RULES_POOL), pool(accepted="False")),
            "InferencePool prod/llama is not there, or its Gateways refuse it",
        ),
        ((gateway(ADDRESS), route(HOST, service="chta")), 'there is no service "chta"'),
        ((gateway(ADDRESS), route(HOST, region="mars")), "none of this cluster's regions"),
        ((gateway(ADDRESS), route(HOST, region="eu-north")), 'there is no region "eu-north"'),
        (
            (gateway(ADDRESS, listeners=[listener("tcp", 9000)]), route(HOST)),
            "no listener of its Gateway",
        ),
        (
            (gateway(ADDRESS, listeners=[listener(hostname="*.other.example")]), route(HOST)),
            "no listener of its Gateway",
        ),
        ((balancer(service="chat"),), "its load balancer has no address yet"),
        (
            (balancer(ADDRESS, ports=[{"port": 1}, {"port": 2, "name": "x"}], service="chat"),),
            "nothing says which of its ports",
        ),
        ((balancer(ADDRESS, service="chat", port="grpc"),), 'it has no TCP port "grpc"'),
        ((balancer(ADDRESS, service="chat", scheme="gopher"),), "write http or https"),
    ],
)
def test_what_gives_no_door_is_told_with_the_reason(objects: tuple[Made, ...], reason: str) -> None:
    (each,) = _left_out(*objects)
    assert reason in f"{each.reason}; {each.hint}"
    assert each.object in ("HTTPRoute prod/chat", "Service prod/llama-lb")


def test_a_name_that_clients_ask_for_is_no_place_where_they_are_sent() -> None:
    rules = RULES._replace(steered=lambda name: name == "lb.inference.example")
    for name in (HOST, "lb.inference.example."):
        (left,) = translate(cluster(gateway(hostnames=[name]), route(HOST)), rules).left_out
        assert "is what clients ask for" in left.reason
        found = translate(cluster(gateway(ADDRESS, hostnames=[name]), route(HOST)), rules)
        assert [(e.address, e.hostname) for e in found.entry_points] == [(ADDRESS, "")]
        both = cluster(gateway(hostnames=[name, "lb.other.example"]), route(HOST))
        assert [e.hostname for e in translate(both, rules).entry_points] == ["lb.other.example"]


@pytest.mark.parametrize(
    "objects",
    [
        (gateway(ADDRESS), route("www.example")),
        (gateway(ADDRESS), route()),
        (balancer(ADDRESS),),
        (balancer(ADDRESS, kind="ClusterIP", service="chat"),),
        (gateway(ADDRESS),),
    ],
)
def test_what_is_not_ours_is_passed_over_in_silence(objects: tuple[Made, ...]) -> None:
    assert _left_out(*objects) == []


@pytest.mark.parametrize("which", [0, 1])
def test_an_object_that_is_being_deleted_is_gone_though_a_finalizer_keeps_it(which: int) -> None:
    objects = [gateway(ADDRESS), route(HOST)]
    objects[which]["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x"]}
    assert not _entry_points(*objects)


def test_each_address_is_an_entry_point_once_and_in_its_normal_form() -> None:
    entry_points = _entry_points(
        gateway("2001:DB8::1", "192.0.2.9", "192.0.2.10", "192.0.2.9"), route(HOST)
    )
    assert [entry.address for entry in entry_points] == ["192.0.2.10", "192.0.2.9", "2001:db8::1"]


def test_a_load_balancer_may_be_a_hostname() -> None:
    name = "a1.elb.example.com"
    (of_gateway,) = _entry_points(gateway(hostnames=[f"{name.upper()}."]), route(HOST))
    (of_service,) = _entry_points(balancer(hostnames=[name], service="chat"))
    assert (of_gateway.hostname, of_gateway.address) == (name, "")
    assert (of_service.hostname, of_service.address) == (name, "")


@pytest.mark.parametrize(
    ("parent", "listeners", "scheme", "port"),
    [
        ({}, [listener("http", 80), listener("https", 443)], "https", 443),
        ({}, [listener("https", 8443), listener("b", 443, "HTTPS")], "https", 443),
        ({}, [listener("http", 8080)], "http", 8080),
        ({"sectionName": "http"}, [listener("http", 80), listener("https", 443)], "http", 80),
        ({"port": 8443}, [listener("https", 443), listener("b", 8443, "HTTPS")], "https", 8443),
        (
            {},
            [listener("a", 443, "HTTPS", "*.other.example"), listener("b", 444, "HTTPS", HOST)],
            "https",
            444,
        ),
        ({}, [listener("a", 443, "TLS", HOST), listener("http", 80)], "http", 80),
    ],
)
def test_the_listener_is_the_one_that_the_services_clients_come_to(
    parent: Made, listeners: list[Made], scheme: str, port: int
) -> None:
    (entry,) = _entry_points(gateway(ADDRESS, listeners=listeners), route(HOST, parent=parent))
    assert (entry.scheme, entry.port, entry.host) == (scheme, port, HOST)


def test_a_listener_that_is_not_programmed_is_none() -> None:
    made = gateway(ADDRESS, listeners=[listener("http", 80), listener("https", 443)])
    broken = {"type": "Programmed", "status": "False"}
    made["status"]["listeners"] = [{"name": "https", "conditions": [broken]}]
    (entry,) = _entry_points(made, route(HOST))
    assert (entry.scheme, entry.port) == ("http", 80)


@pytest.mark.parametrize(
    ("ports", "more", "scheme", "port"),
    [
        ([{"port": 443}], {}, "https", 443),
        ([{"port": 8000}], {"scheme": "https"}, "https", 8000),
        ([{"name": "http", "port": 80}, {"name": "https", "port": 8443}], {}, "https", 8443),
        ([{"name": "a", "port": 80}, {"name": "b", "port": 81}], {"port": "b"}, "http", 81),
        ([{"name": "a", "port": 80}, {"name": "b", "port": 81}], {"port": "80"}, "http", 80),
        ([{"port": 8000, "protocol": "UDP"}, {"port": 9000}], {}, "http", 9000),
        ([{"port": 8000, "appProtocol": "https"}], {}, "https", 8000),
    ],
)
def test_the_port_of_a_load_balancer_is_annotated_or_the_only_one_or_named(
    ports: list[Made], more: dict[str, str], scheme: str, port: int
) -> None:
    (entry,) = _entry_points(balancer(ADDRESS, ports=ports, service="chat", **more))
    assert (entry.scheme, entry.port) == (scheme, port)


def test_a_wildcard_route_stands_for_the_names_below_it_that_zones_have() -> None:
    entry_points = _entry_points(gateway(ADDRESS), route("*.inference.example"))
    assert [(d.service, d.host) for d in entry_points] == [
        ("chat", HOST),
        ("embed", "embed.inference.example"),
    ]


def test_a_name_below_a_wildcard_of_a_zone_is_of_its_service() -> None:
    rules = RULES._replace(
        hostnames={"*.inference.example": "chat", "embed.inference.example": "embed"}
    )
    made = cluster(
        gateway(ADDRESS),
        route("a.inference.example", "embed.inference.example"),
        balancer("192.0.2.7", hostname="b.inference.example"),
    )
    assert [(d.address, d.service, d.host) for d in translate(made, rules).entry_points] == [
        (ADDRESS, "chat", "a.inference.example"),
        (ADDRESS, "embed", "embed.inference.example"),
        ("192.0.2.7", "chat", "b.inference.example"),
    ]
    (whole,) = translate(
        cluster(gateway(ADDRESS), route("*.inference.example")),
        rules._replace(hostnames={"*.inference.example": "chat"}),
    ).entry_points
    assert (whole.service, whole.host) == ("chat", "")


@pytest.mark.parametrize("on", ["gateway", "route"])
def test_a_region_is_annotated_on_the_route_or_its_gateway(on: str) -> None:
    named = "eu-west-embed"
    of_gateway = gateway(ADDRESS, region=named if on == "gateway" else "eu-west")
    (entry,) = _entry_points(of_gateway, route(HOST, region=named if on == "route" else ""))
    assert entry.region == named


def test_a_status_that_repeats_no_namespace_is_of_the_same_parent() -> None:
    made = route(HOST, namespace="infra")
    del made["status"]["parents"][0]["parentRef"]["namespace"]
    assert _entry_points(gateway(ADDRESS), made)


_OBJECTS = [
    gateway(ADDRESS, "2001:db8::1"),
    gateway("192.0.2.1", name="other", programmed="False"),
    route(HOST),
    route("*.inference.example", name="all"),
    route(HOST, name="away", accepted="False"),
    route("a.example", name="pooled", backend=RULES_POOL),
    pool(service="embed"),
    balancer("192.0.2.7", "192.0.2.6", service="chat"),
    balancer(name="none", service="chat"),
]


@given(st.randoms(use_true_random=False), st.sets(st.integers(0, len(_OBJECTS) - 1)))
def test_the_same_objects_in_any_order_say_the_same(
    chance: random.Random, chosen: set[int]
) -> None:
    some = [_OBJECTS[index] for index in sorted(chosen)]
    shuffled = chance.sample(some, len(some))
    assert translate(cluster(*some), RULES) == translate(cluster(*shuffled), RULES)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70000) | st.sampled_from(["", HOST, "True", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "namespace", "kind", "port", "protocol", "hostname", "value", "type", "ip"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@st.composite
def _mangled(draw: st.DrawFn) -> Made:
    """An object of which some part is anything, as another release of its CRD might have it."""
    made: Made = draw(
        st.sampled_from([gateway(ADDRESS), route(HOST, service="chat"), balancer(ADDRESS)])
    )
    part = draw(st.sampled_from(["spec", "status"]))
    whole = dict(made[part])
    within = draw(st.sampled_from(sorted(whole)))
    rows = whole[within]
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and draw(st.booleans()):
        row = {**rows[0], draw(st.sampled_from(sorted(rows[0]))): draw(_JSON)}
        whole[within] = [row, *rows[1:]]
    else:
        whole[within] = draw(_JSON)
    return {**made, part: draw(st.sampled_from([whole, None, [], "x"]) | st.just(whole))}


@given(st.lists(_mangled(), max_size=3))
def test_no_object_is_too_strange(objects: list[Made]) -> None:
    found = translate(cluster(gateway(ADDRESS), route(HOST), *objects), RULES)
    assert all(0 < entry.port < 65536 and entry.address for entry in found.entry_points)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (route(HOST, name="x", hostname="chat inference!"), "which is no hostname"),
        (route(HOST, name="x", hostname="2001:db8::1"), "which is no hostname"),
        (balancer("192.0.2.77", service="chat", hostname="a..b"), "which is no hostname"),
        (balancer("fe80::1%eth0", service="chat"), "has a zone"),
        (balancer("192.0.2", service="chat"), "does not appear to be an IPv4 or IPv6 address"),
        (balancer(hostnames=["-bad-.example"], service="chat"), "is no hostname"),
        (balancer(hostnames=["."], service="chat"), "is no hostname"),
        (balancer(hostnames=[f"{'a' * 64}.example"], service="chat"), "is no hostname"),
    ],
)
def test_what_cannot_be_written_is_left_out_by_itself(bad: Made, reason: str) -> None:
    found = translate(cluster(gateway(ADDRESS), route(HOST), bad), RULES)
    assert [entry.said_by for entry in found.entry_points] == ["HTTPRoute prod/chat"]
    assert [reason in each.reason for each in found.left_out] == [True]


@pytest.mark.parametrize(
    ("given", "address", "hostname"),
    [
        ("192.0.2.3", "192.0.2.3", ""),
        ("2001:DB8::3", "2001:db8::3", ""),
        ("B\u00fcro.ELB.example.", "", "xn--bro-hoa.elb.example"),
        ("a_b.elb.example", "", "a_b.elb.example"),
    ],
)
def test_a_hostname_is_taken_for_what_it_is(given: str, address: str, hostname: str) -> None:
    (entry,) = _entry_points(balancer(hostnames=[given], service="chat"))
    assert (entry.address, entry.hostname) == (address, hostname)


def test_a_probe_asks_for_no_hostname_with_a_wildcard() -> None:
    (entry,) = _entry_points(balancer(ADDRESS, service="chat", hostname=f"*.else.example, {HOST}"))
    assert entry.host == HOST
    (entry,) = _entry_points(balancer(ADDRESS, service="chat", hostname="*.else.example"))
    assert entry.host == ""
