"""The webhook provider as external-dns meets it: what it wants is kept, and is then left alone."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cli.cli_place import SERVER, SERVICES
from cli.command import TIMEOUT, resolverd
from cli.live import live
from external_dns.controller import MEDIA_TYPE, ExternalDns, ask, endpoint
from external_dns.provider_process import FRAGMENT, Provider, running
from harness.waiting import wait_until

LONG = "k" * 300
WANTED = [
    endpoint("app.inference.example", "A", "192.0.2.9", "192.0.2.7"),
    endpoint("app.inference.example", "AAAA", "2001:DB8::9"),
    endpoint("lb.inference.example", "CNAME", "a1b2.elb.example.net", recordTTL=60),
    endpoint("*.apps.inference.example", "A", "192.0.2.11"),
    endpoint(
        "shared.inference.example",
        "A",
        "192.0.2.21",
        recordTTL=60,
        setIdentifier="eu",
        providerSpecific=[{"name": "webhook/weight", "value": "10"}],
    ),
    endpoint("shared.inference.example", "A", "192.0.2.22", "192.0.2.21", setIdentifier="us"),
    endpoint("note.inference.example", "TXT", 'v=1; say "hello" \\ grüße'),
    endpoint("key.inference.example", "TXT", f'"{LONG}"'),
    endpoint("mail.inference.example", "MX", "10 mx.example.net", "5 mx.example.org"),
    endpoint("_sip._tcp.inference.example", "SRV", "0 5 5060 sip.example.net"),
    endpoint("www.elsewhere.example", "A", "192.0.2.99"),
]

UNKEPT = [
    (endpoint("www.inference.example", "A", "192.0.2.1"), "the zone has A records"),
    (endpoint("chat.inference.example", "AAAA", "2001:db8::1"), "a DYNA written by hand"),
    (endpoint("chat.inference.example", "NS", "ns.example.net"), "a DYNA written by hand"),
    (endpoint("www.inference.example", "AAAA", "2001:db8::1"), "the zone has A of that name"),
    (endpoint("also.inference.example", "A", "192.0.2.1"), "the zone has CNAME"),
    (endpoint("www.inference.example", "CNAME", "a.example"), "the zone has A of that name"),
    (endpoint("x.cut.inference.example", "A", "192.0.2.1"), "cut.inference.example is deleg"),
    (endpoint("x.old.inference.example", "A", "192.0.2.1"), "old.inference.example is deleg"),
    (endpoint("inference.example", "NS", "ns.example.net"), "the zone has NS records"),
    (endpoint("a7.inference.example", "A", "192.0.2.1\nevil"), "is more than a line"),
    (endpoint("a8.inference.example", "A", "192.0.2.256"), 'A target "192.0.2.256"'),
    (endpoint("a9.inference.example", "A"), "it has no targets"),
    (endpoint("a10.inference.example", "A", "192.0.2.1", recordTTL=2**31), "a TTL of"),
    (endpoint("a11.inference.example", "CNAME", "a.example", "b.example"), "one target"),
    (endpoint("a12.inference.example", "LOC", "1 N 2 E 3m"), "LOC is not kept here"),
    (endpoint(f"{'a' * 64}.inference.example", "A", "192.0.2.1"), "is not a domain name"),
]
"""What cannot be kept, and a part of the reason."""


def test_all_that_is_wanted_is_kept_once_and_never_asked_for_again(
    place: Path, provider: Provider
) -> None:
    controller = ExternalDns(provider.url)
    changes, answer = controller.sync(WANTED)
    assert controller.include == ["inference.example"]
    assert answer is not None
    assert answer.status == 204, answer.body
    assert len(changes["create"]) == 2 * (len(WANTED) - 1), "records and their owners, in the zone"
    written = (place / FRAGMENT).read_bytes()
    assert controller.sync(WANTED)[1] is None
    assert controller.sync(list(reversed(WANTED)))[1] is None
    assert resolverd("check", cwd=place).status == 0
    assert (place / FRAGMENT).read_bytes() == written


def test_a_change_a_type_that_changes_and_an_end_leave_what_is_wanted_last(
    place: Path, provider: Provider
) -> None:
    controller = ExternalDns(provider.url)
    controller.sync(WANTED)
    app = endpoint("app.inference.example", "A", "192.0.2.10", recordTTL=30)
    alias = endpoint("mail.inference.example", "CNAME", "elsewhere.example")
    changes, answer = controller.sync([app, alias])
    assert answer is not None
    assert answer.status == 204, answer.body
    assert [d["dnsName"] for d in changes["updateNew"]] == [
        "app.inference.example",
        "a-app.inference.example",
    ]
    rows = [row for row in (place / FRAGMENT).read_text().splitlines() if row[0] != ";"]
    assert "app.inference.example. 30 IN A 192.0.2.10" in rows
    assert "mail.inference.example. 300 IN CNAME elsewhere.example." in rows
    assert len(rows) == 4
    controller.sync([])
    assert ask(f"{provider.url}/records").json() == []


def test_dig_is_answered_what_external_dns_wanted(place: Path) -> None:
    (place / FRAGMENT).write_text("")
    with live(place, SERVICES, SERVER) as daemon, running(place) as provider:
        ExternalDns(provider.url).sync(WANTED)

        def dig(name: str, type_: str) -> list[str]:
            server = ("@127.0.0.1", "-p", str(daemon.port))
            command = ["dig", *server, "+short", "+time=5", name, type_]
            ran = subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=TIMEOUT
            )
            return sorted(ran.stdout.splitlines())

        wait_until(
            lambda: dig("app.inference.example", "A") == ["192.0.2.7", "192.0.2.9"],
            "the edit to be served",
            within=TIMEOUT,
        )
        assert dig("app.inference.example", "AAAA") == ["2001:db8::9"]
        assert dig("any.apps.inference.example", "A") == ["192.0.2.11"]
        assert dig("lb.inference.example", "CNAME") == ["a1b2.elb.example.net."]
        assert dig("shared.inference.example", "A") == ["192.0.2.21", "192.0.2.22"]
        assert dig("mail.inference.example", "MX") == ["10 mx.example.net.", "5 mx.example.org."]
        assert dig("_sip._tcp.inference.example", "SRV") == ["0 5 5060 sip.example.net."]
        assert dig("key.inference.example", "TXT") == [f'"{"k" * 255}" "{"k" * 45}"']
        assert dig("note.inference.example", "TXT") == [
            '"v=1; say \\"hello\\" \\\\ gr\\195\\188\\195\\159e"'
        ]
        (owner,) = dig("a-app.inference.example", "TXT")
        assert "heritage=external-dns,external-dns/owner=default" in owner
        assert dig("www.inference.example", "A") == ["192.0.2.80"], "written by hand"


def test_what_cannot_be_kept_is_left_out_and_said_and_keeps_nothing_else_out(
    provider: Provider,
) -> None:
    wanted = [document for document, _ in UNKEPT]
    fine = endpoint("fine.inference.example", "A", "192.0.2.3")
    controller = ExternalDns(provider.url)
    changes, answer = controller.sync([*wanted, fine])
    assert answer is not None
    assert answer.status == 204, answer.body
    assert [d["dnsName"] for d in changes["create"]] == [
        "fine.inference.example",
        "a-fine.inference.example",
    ]
    controller.sync([*wanted, fine])
    for document, reason in UNKEPT:
        answer = ask(f"{provider.url}/records", {"create": [document]})
        assert (answer.status, reason in answer.json()["error"]) == (500, True), answer.body
    wait_until(
        lambda: len(_events(provider, "external_dns.refused")) == len(UNKEPT), "all to be refused",
        within=TIMEOUT,
    )  # fmt: skip
    said = {
        (e["qname"], e["qtype"]): e["reason"] for e in _events(provider, "external_dns.left_out")
    }
    assert len(said) == len(_events(provider, "external_dns.left_out")), "each is said once"
    for document, reason in UNKEPT:
        assert reason in said[document["dnsName"], document["recordType"]]


def test_of_a_change_what_the_zone_is_refused_for_is_a_500_with_its_reason_and_the_rest_is_made(
    place: Path, provider: Provider
) -> None:
    ExternalDns(provider.url).sync(WANTED[:1])
    wanted = [
        endpoint("new.inference.example", "CNAME", "elsewhere.example"),
        endpoint("new.inference.example", "A", "192.0.2.3"),
        endpoint("*.foo.inference.example", "NS", "ns.example.net"),
    ]
    answer = ask(f"{provider.url}/records", {"create": wanted})
    assert answer.status == 500, "of a 4xx external-dns's process ends"
    assert "new.inference.example CNAME: it cannot stand beside the A" in answer.json()["error"]
    assert "zone-wildcard-ns" in answer.json()["error"]
    rows = [row for row in (place / FRAGMENT).read_text().splitlines() if row[0] != ";"]
    assert {row.split(" ", 1)[0] for row in rows} == {
        f"{name}.inference.example." for name in ("app", "a-app", "new")
    }
    left = {path.name for path in (place / "zones").iterdir()}
    assert left == {"inference.zone", "external-dns.records", ".external-dns.records.lock"}
    wait_until(
        lambda: bool(_events(provider, "external_dns.refused")), "the refusal", within=TIMEOUT
    )


def test_the_owner_of_a_zone_s_own_name_is_refused_with_the_prefix_that_places_it(
    place: Path, provider: Provider
) -> None:
    apex = endpoint("inference.example", "A", "192.0.2.3")
    answer = ExternalDns(provider.url).sync([apex, WANTED[0]])[1]
    assert answer is not None
    assert answer.status == 500
    kept = {record["dnsName"] for record in ask(f"{provider.url}/records").json()}
    assert kept == {"app.inference.example", "a-app.inference.example"}, "it keeps nothing else out"
    assert "--txt-prefix=%{record_type}-owner." in answer.json()["error"]
    told = ExternalDns(provider.url, prefix="%{record_type}-owner.")
    assert told.sync([apex])[1] is not None
    assert told.sync([apex])[1] is None
    assert "inference.example. 300 IN A 192.0.2.3\n" in (place / FRAGMENT).read_text()


def test_a_wildcard_s_owner_may_be_named_by_a_replacement(provider: Provider) -> None:
    controller = ExternalDns(provider.url, wildcard="any")
    wild = [endpoint("*.apps.inference.example", "A", "192.0.2.11")]
    assert controller.sync(wild)[1] is not None
    names = [record["dnsName"] for record in ask(f"{provider.url}/records").json()]
    assert sorted(names) == ["*.apps.inference.example", "a-any.apps.inference.example"]
    assert controller.sync(wild)[1] is None


def test_a_request_that_is_sent_again_is_done_once(place: Path, provider: Provider) -> None:
    """external-dns waits for 15 s, and asks for the same at its next interval."""
    create = {"create": [endpoint("a.inference.example", "A", "192.0.2.3")]}
    assert [ask(f"{provider.url}/records", create).status for _ in range(2)] == [204, 204]
    delete = {"delete": create["create"]}
    assert [ask(f"{provider.url}/records", delete).status for _ in range(2)] == [204, 204]
    assert ask(f"{provider.url}/records").json() == []


def test_changes_are_read_as_every_version_writes_them(provider: Provider) -> None:
    document = endpoint("a.inference.example", "A", "192.0.2.3")
    capitals = {"Create": [document], "UpdateOld": None, "UpdateNew": None, "Delete": None}
    assert ask(f"{provider.url}/records", capitals).status == 204
    empty = {**document, "setIdentifier": None, "providerSpecific": None, "labels": None}
    assert ask(f"{provider.url}/adjustendpoints", [empty]).json() == [empty]
    (kept,) = ask(f"{provider.url}/records").json()
    assert kept == {k: v for k, v in document.items() if k != "labels"}


@pytest.mark.parametrize(
    "body", [[], {"create": {}}, {"create": [7]}, {"create": [{"targets": 1}]}]
)
def test_what_external_dns_never_writes_is_a_400(provider: Provider, body: object) -> None:
    assert ask(f"{provider.url}/records", body).status == 400


def test_another_version_of_the_protocol_is_not_spoken(provider: Provider) -> None:
    other = MEDIA_TYPE.replace("version=1", "version=2")
    assert ask(provider.url, accept=other).status == 406
    assert ask(provider.url, accept="*/*").status == 200


def test_more_changes_than_a_mebibyte_are_taken_at_once(provider: Provider) -> None:
    many = [endpoint(f"h{n}.inference.example", "TXT", f'"{n} {"x" * 180}"') for n in range(4000)]
    assert ask(f"{provider.url}/records", {"create": many}).status == 204
    assert len(ask(f"{provider.url}/records").json()) == 4000


def test_a_fragment_that_was_edited_by_hand_is_not_written_over(
    place: Path, provider: Provider
) -> None:
    ExternalDns(provider.url).sync(WANTED[:1])
    assert ask(f"{provider.health}/healthz").status == 200
    edited = (place / FRAGMENT).read_text() + "mine.inference.example. A 192.0.2.1\n"
    (place / FRAGMENT).write_text(edited)
    answer = ask(f"{provider.url}/records")
    assert answer.status == 500
    assert "is not as it was written" in answer.json()["error"]
    create = {"create": [endpoint("a.inference.example", "A", "192.0.2.3")]}
    assert ask(f"{provider.url}/records", create).status == 500
    assert [ask(f"{provider.health}/healthz").status for _ in range(3)] == [503, 503, 503]
    wait_until(
        lambda: bool(_events(provider, "external_dns.refused")), "the refusal", within=TIMEOUT
    )
    assert len(_events(provider, "external_dns.refused")) == 1, "said once"
    assert (place / FRAGMENT).read_text() == edited


def test_a_fragment_that_is_gone_is_made_again(place: Path, provider: Provider) -> None:
    controller = ExternalDns(provider.url)
    controller.sync(WANTED)
    written = (place / FRAGMENT).read_bytes()
    (place / FRAGMENT).unlink()
    assert controller.sync(WANTED)[1] is not None
    assert (place / FRAGMENT).read_bytes() == written


def test_two_providers_of_one_fragment_undo_nothing_of_each_other(
    place: Path, provider: Provider
) -> None:
    """As while a pod is replaced: external-dns of both asks its own."""

    def create(url: str, name: str) -> int:
        wanted = {"create": [endpoint(f"{name}.inference.example", "A", "192.0.2.3")]}
        return ask(f"{url}/records", wanted).status

    with running(place) as other, ThreadPoolExecutor(8) as pool:
        urls = [provider.url, other.url] * 12
        names = [f"n{number}" for number in range(len(urls))]
        assert {*pool.map(create, urls, names)} == {204}
        for each in (provider, other):
            kept = {record["dnsName"] for record in ask(f"{each.url}/records").json()}
            assert kept == {f"{name}.inference.example" for name in names}


def test_what_is_no_text_is_left_out(provider: Provider) -> None:
    odd = endpoint("odd.inference.example", "TXT", "\ud800")
    fine = endpoint("fine.inference.example", "TXT", "fine")
    answer = ask(f"{provider.url}/adjustendpoints", [odd, fine])
    assert (answer.status, answer.json()) == (200, [fine])


def test_what_the_operator_writes_later_is_the_operator_s(place: Path, provider: Provider) -> None:
    controller = ExternalDns(provider.url)
    controller.sync(WANTED)
    with (place / "zones" / "inference.zone").open("a") as zone:
        zone.write("app 60 A 192.0.2.80\n")
    controller.sync(WANTED)
    rows = [row for row in (place / FRAGMENT).read_text().splitlines() if row[0] != ";"]
    assert not any(row.startswith("app.") for row in rows), "an AAAA would draw clients away"
    assert any(row.startswith("lb.") for row in rows)
    assert controller.sync(WANTED)[1] is None


def test_what_the_operator_s_records_cannot_stand_beside_gives_way(
    place: Path, provider: Provider
) -> None:
    controller = ExternalDns(provider.url)
    controller.sync(WANTED)
    with (place / "zones" / "inference.zone").open("a") as zone:
        zone.write("app 60 CNAME elsewhere.example.\n")
    assert resolverd("check", cwd=place).status == 1
    controller.sync(WANTED)
    assert resolverd("check", cwd=place).status == 0
    assert controller.sync(WANTED)[1] is None


def test_a_zone_that_is_broken_meanwhile_is_not_changed(place: Path, provider: Provider) -> None:
    zone = place / "zones" / "inference.zone"
    sound = zone.read_text()
    zone.write_text(f"{sound}broken A\n")
    create = {"create": [endpoint("a.inference.example", "A", "192.0.2.3")]}
    answer = ask(f"{provider.url}/records", create)
    assert answer.status == 500
    assert "inference.zone:" in answer.json()["error"]
    zone.write_text(sound)
    assert ask(f"{provider.url}/records", create).status == 204


def test_two_zones_have_a_fragment_each(place: Path) -> None:
    (place / "zones" / "apps.example.zone").write_text(
        "$ORIGIN apps.example.\n$TTL 60\n@ SOA ns.elsewhere.example. h 1 1 1 1 1\n"
        '@ NS ns.elsewhere.example.\n$INCLUDE "apps.records"\n'
    )
    with running(place, "--zone", "apps.example", "--output", "zones/apps.records") as provider:
        controller = ExternalDns(provider.url)
        one = endpoint("a.inference.example", "A", "192.0.2.3")
        other = endpoint("a.apps.example", "A", "192.0.2.4")
        assert controller.sync([one, other])[1] is not None
        assert controller.include == ["inference.example", "apps.example"]
        assert "a.apps.example. 300 IN A" in (place / "zones" / "apps.records").read_text()
        assert "apps.example" not in (place / FRAGMENT).read_text()
        assert controller.sync([one, other])[1] is None


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--zone", "inference.example"), 2, "the following arguments are required: --output"),
        (("--zone", "a.example", "--output", "a"), 1, "no zone file is of a.example"),
        (
            ("--zone", "inference.example", "--output", "zones/other.records"),
            1,
            'write at its end: $INCLUDE "other.records"',
        ),
        (("--zone", "inference.example", "--output", "zones/own.zone"), 1, "for a zone of its own"),
        (("--zone", "inference.example", "--output", "missing/a"), 3, "missing/a"),
        (
            ("--zone", "a.example", "--zone", "b.example", "--output", "a"),
            2,
            "give one --output for each --zone",
        ),
        (("--zone", "a.example", "--output", "a", "--ttl", "-1"), 2, '"-1" is not a TTL'),
        (
            ("--zone", "inference.example", "--output", "zones/inference.zone"),
            3,
            "is not as it was written",
        ),
    ],
)
def test_what_cannot_be_kept_is_said_at_the_start(
    place: Path, options: tuple[str, ...], status: int, said: str
) -> None:
    (place / FRAGMENT).write_text("")
    before = (place / "zones" / "inference.zone").read_bytes()
    ran = resolverd("external-dns", *options, cwd=place)
    assert ran.status == status, ran.err
    assert said in ran.err
    assert (place / "zones" / "inference.zone").read_bytes() == before


def _events(provider: Provider, name: str) -> list[dict[str, Any]]:
    return [event for event in provider.events if event["event"] == name]
