"""What a zone would be refused for: it is left out and said, and keeps nothing else out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli.cli_place import SERVER, SERVICES
from cli.command import resolverd
from external_dns.controller import ExternalDns, ask, endpoint
from external_dns.provider_process import FRAGMENT, Provider, running
from harness.config import config_text

FINE = endpoint("fine.inference.example", "A", "192.0.2.3")
MANY = [f"10.{n >> 8}.{n & 255}.1" for n in range(5000)]
REFUSED = [
    (endpoint("blue.inference.example", "CNAME", "a.example", setIdentifier="two"), "another set"),
    (endpoint("both.inference.example", "CNAME", "a.example"), "cannot stand beside the TXT"),
    (endpoint("*.foo.inference.example", "NS", "ns.example.net"), "zone-wildcard-ns"),
    (endpoint("_no-region.inference.example", "A", "192.0.2.1"), "zone-no-region"),
    (endpoint("large.inference.example", "A", *MANY), "zone-too-large"),
    (endpoint("long.inference.example", "TXT", "x" * 66_000), "zone-too-large"),
    (endpoint("alias.inference.example", "TXT", "x"), "a DYNA written by hand"),
    (endpoint("twice.inference.example", "A", "192.0.2.2"), "wanted twice"),
]
"""What the zone is refused for, and a part of the reason."""
STRICTLY = [
    (endpoint("m.inference.example", "MX", "10 none.inference.example"), "zone-missing-address"),
    (endpoint("d.inference.example", "NS", "ns.d.inference.example"), "zone-missing-glue"),
]
"""What only `server.zone_checks = "strict"` refuses the zone for."""
BESIDE = [
    endpoint("blue.inference.example", "CNAME", "b.example", setIdentifier="one"),
    endpoint("both.inference.example", "TXT", "text"),
    endpoint("twice.inference.example", "A", "192.0.2.1"),
]
"""Those beside which some of them cannot stand."""


@pytest.mark.parametrize("checks", ["lenient", "strict"])
def test_one_endpoint_that_the_zone_is_refused_for_stops_no_other_change(
    place: Path, checks: str
) -> None:
    refused = REFUSED + (STRICTLY if checks == "strict" else [])
    server = f'{SERVER}zone_checks = "{checks}"\n'
    (place / "resolverd.toml").write_text(config_text(SERVICES, server=server))
    wanted = [*BESIDE, *(document for document, _ in refused), FINE]
    with running(place) as provider:
        controller = ExternalDns(provider.url)
        _, answer = controller.sync(wanted)
        assert answer is not None
        assert answer.status == 204, answer.body
        assert controller.sync(wanted)[1] is None, "it is never asked for again"
        kept = _kept(provider)
        assert {(e["dnsName"], e["recordType"]) for e in [*BESIDE, FINE]} <= kept
        gone = controller.sync([*BESIDE, *(document for document, _ in refused)])[1]
        assert gone is not None
        assert gone.status == 204
        assert ("fine.inference.example", "A") not in _kept(provider)
    left_out = [e for e in provider.events if e["event"] == "external_dns.left_out"]
    said = {(e["qname"], e["qtype"]): e["reason"] for e in left_out}
    assert len(said) == len(left_out) == len(refused), "each is said once"
    for document, reason in refused:
        assert reason in said[document["dnsName"], document["recordType"]]
    assert resolverd("check", cwd=place).status == 0


def test_a_name_is_not_taken_from_whom_it_was_given(place: Path, provider: Provider) -> None:
    controller = ExternalDns(provider.url)
    first = endpoint("t.inference.example", "CNAME", "lb.example.net")
    controller.sync([first])
    moved = endpoint("t.inference.example", "CNAME", "other-lb.example.net")
    for asked in (first, moved):
        controller.sync([asked, endpoint("t.inference.example", "TXT", "mine")])
        assert ("t.inference.example", "CNAME") in _kept(provider)
        assert ("t.inference.example", "TXT") not in _kept(provider)
    assert "other-lb.example.net." in (place / FRAGMENT).read_text()


def test_what_a_policy_without_deletions_leaves_stops_no_other_change(provider: Provider) -> None:
    """As upsert-only, where a Service's type of record changes: the one that was there stays."""
    controller = ExternalDns(provider.url)
    controller.sync([endpoint("t.inference.example", "CNAME", "lb.example.net")])
    changed = endpoint("t.inference.example", "A", "192.0.2.4")
    answer = ask(f"{provider.url}/records", {"create": [changed, FINE]})
    assert answer.status == 500
    assert "t.inference.example A: it cannot stand beside the CNAME" in answer.json()["error"]
    assert ("fine.inference.example", "A") in _kept(provider)
    assert ("t.inference.example", "A") not in _kept(provider)


def test_an_owner_s_record_that_would_be_below_a_steered_wildcard_takes_its_record_along_alone(
    place: Path,
) -> None:
    with (place / "zones" / "inference.zone").open("a") as zone:
        zone.write("*.chat 60 DYNA chat\n")
    mail = endpoint("chat.inference.example", "MX", "10 mx.example.net")
    with running(place) as provider:
        controller = ExternalDns(provider.url, prefix="%{record_type}-owner.")
        answer = controller.sync([mail, FINE])[1]
        assert answer is not None
        assert answer.status == 500
        assert "*.chat.inference.example, written by hand, steers it" in answer.json()["error"]
        assert _kept(provider) == {
            ("fine.inference.example", "A"),
            ("a-owner.fine.inference.example", "TXT"),
        }


def test_what_becomes_of_the_operator_s_records_is_among_the_problems(
    place: Path, provider: Provider
) -> None:
    with (place / "zones" / "inference.zone").open("a") as zone:
        zone.write("in MX 10 app\n")
    controller = ExternalDns(provider.url)
    controller.sync([FINE])
    controller.sync([FINE, endpoint("app.inference.example", "CNAME", "lb.example.net")])
    controller.sync([endpoint("app.inference.example", "CNAME", "lb.example.net")])
    ask(f"{provider.health}/healthz")
    written = [e for e in provider.events if e["event"] == "external_dns.written"]
    problems = [[_id(problem) for problem in event["problems"]] for event in written]
    assert problems == [[], ["zone-alias-target"], []], "what was so before is not said again"


def _id(problem: str) -> str:
    return problem.split(": ")[1]


def _kept(provider: Provider) -> set[tuple[str, str]]:
    records: list[dict[str, Any]] = ask(f"{provider.url}/records").json()
    return {(record["dnsName"], record["recordType"]) for record in records}
