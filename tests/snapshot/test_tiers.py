"""Pairs of services: what an edge service gives its clients, and the core service behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dns.message
import pytest
from harness.config import REGIONS, address_of, config_text
from harness.places import LONDON, NEW_YORK, SAN_FRANCISCO, TOKYO
from harness.server import DOWN, HEAD, Server, server

from resolverd.dns.prefix import parse_prefix
from resolverd.engine.explain import explain
from resolverd.geo.place import Place
from resolverd.policy.share import Share

ZONE = f"""{HEAD}
edge      60 DYNA edge
core.edge 60 DYNA edge/core
chat      60 DYNA chat
edge      300 TXT "core=core.edge.inference.example"
edge      300 HTTPS 1 . alpn=h2
"""
PAIR = """
[service.chat]
regions = ["us-east", "us-west"]
[service.edge]
regions = ["eu-west", "ap-northeast"]
core = "chat"
"""
PLACES: Mapping[str, Place] = {
    "10.0.0.0/16": TOKYO,
    "10.1.0.0/16": LONDON,
    "10.2.0.0/16": NEW_YORK,
    "10.3.0.0/16": SAN_FRANCISCO,
}
JAPAN, BRITAIN, EAST, WEST = "10.0.0.1", "10.1.0.1", "10.2.0.1", "10.3.0.1"


def served(
    services: str = PAIR,
    down: Sequence[str] = (),
    shares: Mapping[tuple[str, str], Share] | None = None,
) -> Server:
    verdicts = {f"{region}-1": DOWN for region in down}
    config = config_text(services)
    return server(
        {"inference.example.": ZONE}, config, places=PLACES, verdicts=verdicts, shares=shares
    )


def given(served: Server, name: str, client: str) -> str | None:
    """The region whose address a client is given; None for NODATA."""
    message = served.ask(f"{name}.inference.example.", source=client)
    return region_of(message)


def region_of(message: dns.message.Message) -> str | None:
    addresses = [rdata.address for rrset in message.answer for rdata in rrset]
    found = [region for region in REGIONS if address_of(region) in addresses]
    assert len(found) <= 1
    return found[0] if found else None


def ttl_of(served: Server, name: str, client: str) -> int:
    return int(served.ask(f"{name}.inference.example.", source=client).answer[0].ttl)


def test_the_edge_is_answered_with_its_nearest_region() -> None:
    assert given(served(), "edge", JAPAN) == "ap-northeast"
    assert given(served(), "edge", BRITAIN) == "eu-west"


@pytest.mark.parametrize("policy", ["nearest", "failover", "weighted", "latency", "ttft"])
def test_every_edge_region_comes_before_every_core_region_whatever_the_policy(policy: str) -> None:
    """A client beside a core region included."""
    services = PAIR.replace("core =", f'policy = "{policy}"\ncore =')
    for client in (EAST, WEST, BRITAIN, JAPAN):
        assert given(served(services), "edge", client) in {"eu-west", "ap-northeast"}
        assert given(served(services, ["eu-west"]), "edge", client) == "ap-northeast"
        assert given(served(services, ["ap-northeast"]), "edge", client) == "eu-west"


def test_a_bias_moves_no_core_region_before_an_edge_region() -> None:
    services = PAIR.replace('"us-west"]\n', '"us-west"]\npolicy = "latency"\n')
    config = config_text(services).replace(
        "[region.us-west]\n", '[region.us-west]\nbias = "-900ms"\n'
    )
    one = server({"inference.example.": ZONE}, config, places=PLACES)
    assert given(one, "edge", WEST) in {"eu-west", "ap-northeast"}


def test_where_no_edge_region_serves_the_core_answers_as_its_own_list_has_it() -> None:
    one = served(down=["eu-west", "ap-northeast"])
    for client in (JAPAN, BRITAIN, EAST, WEST):
        assert given(one, "edge", client) == given(one, "chat", client)
    assert given(one, "edge", JAPAN) == "us-west"


def test_without_fallback_all_down_says_what_is_answered() -> None:
    services = PAIR + 'core_fallback = false\nall_down = "nodata"\n'
    one = served(services, ["eu-west", "ap-northeast"])
    assert given(one, "edge", JAPAN) is None
    assert one.ask("edge.inference.example.", source=JAPAN).rcode() == 0
    assert given(served(services, ["eu-west"]), "edge", BRITAIN) == "ap-northeast"


def test_a_region_of_both_services_is_one_of_the_edge() -> None:
    services = PAIR.replace('"eu-west", "ap-northeast"', '"eu-west", "us-east"')
    assert given(served(services), "edge", EAST) == "us-east"
    assert given(served(services, ["eu-west", "us-east"]), "edge", BRITAIN) == "us-west"


def test_a_full_edge_region_is_relieved_by_the_edge_alone() -> None:
    """The core stands in where nothing of the edge serves, not where it is full."""
    shares = {
        ("edge", "eu-west"): Share(spill_ratio=1.0),
        ("edge", "ap-northeast"): Share(spill_ratio=1.0),
        ("chat", "us-east"): Share(accept_ratio=1.0),
    }
    assert given(served(shares=shares), "edge", BRITAIN) == "eu-west"
    shares[("edge", "ap-northeast")] = Share(accept_ratio=1.0)
    assert given(served(shares=shares), "edge", BRITAIN) == "ap-northeast"


def test_behind_the_edge_a_full_core_region_sends_on_as_for_its_own_clients() -> None:
    shares = {
        ("chat", "us-west"): Share(spill_ratio=1.0),
        ("chat", "us-east"): Share(accept_ratio=1.0),
    }
    one = served(down=["eu-west", "ap-northeast"], shares=shares)
    assert given(one, "edge", JAPAN) == "us-east"
    assert given(one, "core.edge", JAPAN) == "us-east"


def test_the_core_behind_an_edge_is_the_nearest_to_the_edge_region_given() -> None:
    """From London us-east is nearer; but seen from Tokyo, whose region is given, us-west is."""
    one = served(down=["eu-west"])
    assert given(one, "chat", BRITAIN) == "us-east"
    assert given(one, "edge", BRITAIN) == "ap-northeast"
    assert given(one, "core.edge", BRITAIN) == "us-west"
    assert given(served(), "core.edge", BRITAIN) == "us-east"


def test_the_core_behind_an_edge_follows_a_spill_of_the_edge() -> None:
    shares = {
        ("edge", "eu-west"): Share(spill_ratio=1.0),
        ("edge", "ap-northeast"): Share(accept_ratio=1.0),
    }
    one = served(shares=shares)
    assert given(one, "edge", BRITAIN) == "ap-northeast"
    assert given(one, "core.edge", BRITAIN) == "us-west"


def test_where_the_edge_gives_a_core_region_that_comes_first() -> None:
    one = served(down=["eu-west", "ap-northeast"])
    for client in (JAPAN, BRITAIN, EAST, WEST):
        assert given(one, "core.edge", client) == given(one, "edge", client)


def test_where_the_edge_gives_no_region_the_core_has_its_own_order() -> None:
    services = PAIR + 'core_fallback = false\nall_down = "nodata"\n'
    one = served(services, ["eu-west", "ap-northeast"])
    for client in (JAPAN, BRITAIN, EAST, WEST):
        assert given(one, "core.edge", client) == given(one, "chat", client)


def test_a_core_region_that_is_down_is_passed_over() -> None:
    one = served(down=["us-west"])
    assert given(one, "core.edge", JAPAN) == "us-east"


@pytest.mark.parametrize(
    ("scope", "edge", "core"),
    [
        # Pins of both services: what they leave of either.
        ("", "eu-west", "us-east"),
        # A pin of the edge alone holds for what answers behind it, and not for the core's name.
        ('services = ["edge"]', "eu-west", "us-west"),
        # A pin of the core alone leaves the edge's own regions as they are.
        ('services = ["chat"]', "ap-northeast", "us-east"),
    ],
)
def test_fences_hold_over_both_hops(scope: str, edge: str, core: str) -> None:
    pin = f'[pin.p]\nsubnets = ["10.0.0.0/16"]\nregions = ["eu-west", "us-east"]\n{scope}\n'
    assert given(served(PAIR + pin), "edge", JAPAN) == edge
    one = served(PAIR + pin, ["ap-northeast", "eu-west"])
    assert given(one, "edge", JAPAN) == "us-east"  # us-west is nearer, but a pin keeps it
    assert given(one, "chat", JAPAN) == core
    every = served(PAIR + pin, ["ap-northeast", "eu-west", "us-east"])
    allowed = {"": {"eu-west", "us-east"}, 'services = ["edge"]': {"eu-west", "us-east"}}
    assert given(every, "edge", JAPAN) in allowed.get(scope, {"eu-west", "ap-northeast", "us-east"})


def test_clients_of_no_known_country_are_not_kept_from_the_core() -> None:
    """With a pin by country they have a name of their own, which holds nothing back."""
    pin = '[pin.p]\ncountries = ["DE"]\nregions = ["eu-west", "us-east"]\nservices = ["edge"]\n'
    one = served(PAIR + pin, ["ap-northeast", "eu-west"])
    assert given(one, "edge", "203.0.113.7") == given(one, "chat", "203.0.113.7")


def test_the_ttl_is_the_least_of_both_hops() -> None:
    fast = PAIR.replace("core =", 'ttl = "20s"\nfailover_ttl = "3s"\ncore =')
    assert ttl_of(served(fast), "core.edge", JAPAN) == 20
    assert ttl_of(served(fast), "chat", JAPAN) == 60
    assert ttl_of(served(fast, ["ap-northeast"]), "core.edge", JAPAN) == 3
    assert ttl_of(served(fast, ["us-west"]), "core.edge", JAPAN) == 5
    assert ttl_of(served(fast, ["us-west"]), "edge", JAPAN) == 20


def test_a_client_subnet_counts_where_both_services_honour_it() -> None:
    for ecs in ("[service.chat]\n", "[service.edge]\n"):
        one = served(PAIR.replace(ecs, f"{ecs}ecs = false\n"))
        assert _of_subnet(one, "10.1.0.0/24") == "us-west"
    assert _of_subnet(served(), "10.1.0.0/24") == "us-east"


def _of_subnet(served: Server, subnet: str) -> str | None:
    """The core region that a resolver in Japan is given for clients of a subnet."""
    return region_of(served.ask("core.edge.inference.example.", source=JAPAN, ecs=subnet))


def test_a_name_of_an_edge_may_say_which_its_core_is() -> None:
    """TXT and HTTPS stand beside a DYNA."""
    one = served()
    text = one.ask("edge.inference.example.", "TXT").answer[0][0]
    assert text.to_text() == '"core=core.edge.inference.example"'
    assert one.ask("edge.inference.example.", "HTTPS").answer


@pytest.mark.parametrize("name", ["edge", "core.edge"])
def test_explain_tells_both_hops_and_their_sum(name: str) -> None:
    one = served(down=["eu-west"])
    found = explain(f"{name}.inference.example", parse_prefix("10.1.0.0/24"), one.snapshot)
    hops = found.hops
    assert hops is not None
    assert (hops.edge.service, hops.edge.start, hops.edge.region) == ("edge", None, "ap-northeast")
    assert (hops.core.service, hops.core.start, hops.core.region) == (
        "chat",
        "ap-northeast",
        "us-west",
    )
    assert hops.edge.km == pytest.approx(9558, abs=5)
    assert hops.core.km == pytest.approx(8316, abs=5)
    assert hops.km == pytest.approx(9558 + 8316, abs=10)
    assert hops.ms is None
    assert found.region == given(one, name, BRITAIN)


def test_explain_tells_milliseconds_where_both_services_go_by_them() -> None:
    services = PAIR.replace("[service.edge]", 'policy = "latency"\n[service.edge]')
    one = served(services + 'policy = "latency"\n')
    found = explain("edge.inference.example", parse_prefix("10.1.0.0/24"), one.snapshot).hops
    assert found is not None
    assert found.edge.ms is not None
    assert found.core.ms is not None
    assert found.edge.ms > 0
    assert found.core.ms > 0
    assert found.ms == pytest.approx(found.edge.ms + found.core.ms, abs=0.2)
    one = served(services)
    by_distance = explain("edge.inference.example", parse_prefix("10.1.0.0/24"), one.snapshot)
    assert by_distance.hops is not None
    assert by_distance.hops.ms is None


def test_explain_shows_who_stands_behind_an_edge_as_less_preferred() -> None:
    found = explain("edge.inference.example", parse_prefix("10.1.0.0/24"), served().snapshot)
    told = {each.region: (each.preferred, each.reason) for each in found.candidates}
    assert told == {
        "eu-west": (1, "answered"),
        "ap-northeast": (2, "less_preferred"),
        "us-east": (3, "less_preferred"),
        "us-west": (4, "less_preferred"),
    }


@pytest.mark.parametrize("fallback", ["", "core_fallback = false\n"], ids=["", "no fallback"])
@pytest.mark.parametrize("policy", ["nearest", "latency", "failover"])
@pytest.mark.parametrize(
    "pinned",
    [
        pytest.param("", id="no pin"),
        pytest.param('regions = ["ap-northeast", "us-west"]', id="keeps out one of each"),
        pytest.param('regions = ["us-west"]', id="keeps out all of the edge's"),
        pytest.param('regions = ["eu-west"]', id="keeps out all of the core's"),
        pytest.param(
            'regions = ["eu-west", "us-east"]\nservices = ["edge"]', id="by a pin of the edge alone"
        ),
    ],
)
def test_explain_has_the_cost_of_every_candidate_in_their_order(
    pinned: str, policy: str, fallback: str
) -> None:
    services = f'{PAIR}policy = "{policy}"\n{fallback}'
    services += f'[pin.x]\nsubnets = ["10.1.0.0/24"]\n{pinned}\n' if pinned else ""
    one = served(services)
    for name in ("edge", "core.edge", "chat"):
        found = explain(f"{name}.inference.example", parse_prefix("10.1.0.0/24"), one.snapshot)
        costs = [cost.region for cost in found.order.costs]
        assert sorted(costs) == sorted(each.region for each in found.candidates)
        assert tuple(costs[: len(found.order.preference)]) == found.order.preference


def test_a_service_alone_has_no_hops() -> None:
    found = explain("chat.inference.example", parse_prefix("10.1.0.0/24"), served().snapshot)
    assert found.hops is None
