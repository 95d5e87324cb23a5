"""Ports, privileges and addresses: each check over a table of plain values."""

from __future__ import annotations

import pytest
from doctor.tables import assert_finding

from resolverd.config.types import Listener, parse_listener
from resolverd.doctor import addresses, ports
from resolverd.doctor.sockets import BoundSocket, Holder

OURS = Holder(812, "resolverd", True, "resolverd.service")
SYSTEMD = Holder(1, "systemd", False)
DNSMASQ = Holder(77, "dnsmasq", False, "dnsmasq.service")
BARE = Holder(78, "named", False)


def _udp(address: str, port: int = 53, inode: int = 9) -> BoundSocket:
    return BoundSocket("UDP", address, port, inode, 101, 0)


@pytest.mark.parametrize(
    ("listener", "held", "meets"),
    [
        ("192.0.2.1:53", "192.0.2.1", True),
        ("192.0.2.1:53", "192.0.2.2", False),
        ("192.0.2.1:53", "0.0.0.0", True),
        ("0.0.0.0:53", "127.0.0.53", True),
        ("[::]:53", "2001:db8::1", True),
        ("[2001:db8::1]:53", "::", True),
        ("[2001:db8::1]:53", "2001:db8::2", False),
        ("[::]:53", "0.0.0.0", False),
        ("[::]:53", "127.0.0.53", False),
        ("0.0.0.0:53", "::", True),
        ("192.0.2.1:53", "::1", False),
        ("192.0.2.1:54", "192.0.2.1", False),
    ],
)
def test_sockets_meet_on_one_address_or_where_one_is_a_wildcard(
    listener: str, held: str, meets: bool
) -> None:
    assert bool(ports.in_the_way(parse_listener(listener), [_udp(held)])) is meets


def test_port_0_is_never_held_and_only_the_transports_asked_for_count() -> None:
    assert ports.in_the_way(Listener("127.0.0.1", 0), [_udp("127.0.0.1", 0)]) == []
    tcp = BoundSocket("TCP", "127.0.0.1", 53, 9, 0, 0)
    both = [tcp, _udp("127.0.0.1")]
    assert ports.in_the_way(Listener("127.0.0.1", 53), both, ["TCP"]) == [tcp]


PORTS: dict[str, tuple[str, list[BoundSocket] | None, list[Holder], str, str, str]] = {
    "free": ("192.0.2.1:53", [], [], "ok", "192.0.2.1:53 is free", ""),
    "hidden": ("192.0.2.1:53", None, [], "advice", "unknown", "sudo"),
    "ours": ("[::]:53", [_udp("::")], [OURS], "ok", "resolverd is serving (process 812)", ""),
    "ours, of a socket unit": (
        "[::]:53", [_udp("::")], [SYSTEMD, OURS], "ok", "serving (process 812)", ""
    ),
    "a socket unit's": (
        "0.0.0.0:53", [_udp("0.0.0.0")], [SYSTEMD], "advice", "by systemd", "list-sockets"
    ),
    "a service's": (
        "0.0.0.0:53", [_udp("192.0.2.1")], [DNSMASQ], "fault",
        "0.0.0.0:53 is held (UDP 192.0.2.1:53) by dnsmasq (process 77)",
        "systemctl disable --now dnsmasq.service",
    ),
    "a bare process's": ("0.0.0.0:53", [_udp("0.0.0.0")], [BARE], "fault", "named", "kill 78"),
    "somebody's": (
        "0.0.0.0:53", [_udp("0.0.0.0")], [], "warning", "we may not see, of the user with uid 101",
        "sudo resolverd doctor",
    ),
    "the stub's, in a wildcard's way": (
        "0.0.0.0:53", [_udp("127.0.0.53"), _udp("127.0.0.54")], [], "fault",
        "the stub of systemd-resolved at UDP 127.0.0.54:53, UDP 127.0.0.53:53",
        "DNSStubListener=no",
    ),
    "the stub's, seen by root": (
        "0.0.0.0:53", [_udp("127.0.0.53")], [Holder(9, "systemd-resolve", False)], "fault",
        "the stub of systemd-resolved", "restart systemd-resolved",
    ),
    "another's at the stub's address": (
        "0.0.0.0:53", [_udp("127.0.0.53")], [DNSMASQ], "fault", "by dnsmasq", "dnsmasq.service"
    ),
    "IPv6, perhaps for IPv4 too": (
        "192.0.2.1:53", [_udp("::")], [BARE], "warning", "unless that is for IPv6 alone", "ss -l"
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("listener", "met", "holding", "level", "seen", "hint"), PORTS.values(), ids=PORTS.keys()
)
def test_a_held_port_is_reported_with_its_holder(
    listener: str,
    met: list[BoundSocket] | None,
    holding: list[Holder],
    level: str,
    seen: str,
    hint: str,
) -> None:
    who = {9: tuple(holding)} if holding else {}
    assert_finding(ports.port("port", parse_listener(listener), met, who), level, seen, hint)


def test_the_stub_is_in_nobodys_way_who_lists_addresses() -> None:
    held = [_udp("127.0.0.53"), _udp("127.0.0.54")]
    assert ports.in_the_way(parse_listener("192.0.2.1:53"), held) == []


def test_without_the_admin_port_answers_go_on() -> None:
    held = [BoundSocket("TCP", "127.0.0.1", 9153, 9, 0, 0)]
    found = ports.port("admin-port", parse_listener("127.0.0.1:9153"), held, {9: (BARE,)})
    assert_finding(found, "warning", "named")


NO_POWERS = "0000000000000000"
BIND_SERVICE = "0000000000000400"
ALL_BUT_THAT = "000001fffffffbff"


@pytest.mark.parametrize(
    ("numbers", "effective", "first_free", "taken", "level", "seen"),
    [
        ([53], BIND_SERVICE, 1024, False, "ok", "may bind port 53"),
        ([53], NO_POWERS, 1024, False, "fault", "port 53 needs CAP_NET_BIND_SERVICE"),
        ([53], ALL_BUT_THAT, None, False, "fault", "needs"),
        ([53, 853, 53], NO_POWERS, 1024, False, "fault", "port 53, 853"),
        ([53], NO_POWERS, 53, False, "ok", "no port configured"),
        ([5300, 0], NO_POWERS, 1024, False, "ok", "no port configured"),
        ([53], NO_POWERS, 1024, True, "ok", "ours already"),
        ([53], None, 1024, False, "advice", "unknown"),
    ],
)
def test_low_ports_need_a_privilege(
    numbers: list[int],
    effective: str | None,
    first_free: int | None,
    taken: bool,
    level: str,
    seen: str,
) -> None:
    assert_finding(ports.capability(numbers, effective, first_free, taken), level, seen)


@pytest.mark.parametrize(
    ("numbers", "span", "reserved", "hint"),
    [
        ([53], "32768\t60999\n", "", None),
        ([40053], None, None, None),
        ([40053], "32768\t60999\n", "\n", "ports=40053"),
        ([32768, 60999, 61000], "32768\t60999\n", "\n", "ports=32768,60999"),
        ([40053], "32768\t60999\n", "40000-40100\n", None),
        ([40053], "32768\t60999\n", "40053\n", None),
        ([40053], "32768\t60999\n", "8080,40054\n", "ports=8080,40054,40053"),
    ],
)
def test_a_port_that_outgoing_connections_are_given_is_reported(
    numbers: list[int], span: str | None, reserved: str | None, hint: str | None
) -> None:
    found = ports.outgoing(numbers, span, reserved)
    assert (found is None) is (hint is None)
    if found is not None and hint is not None:
        assert_finding(found, "advice", "32768 to 60999", hint)
        assert found.hint.endswith(hint)


LOCAL = {"127.0.0.1", "192.0.2.1", "::1", "2001:db8::1"}


@pytest.mark.parametrize(
    ("listen", "anywhere", "level", "seen", "hint"),
    [
        (["0.0.0.0:53", "[::]:53"], set(), "ok", "only wildcards", ""),
        (["192.0.2.1:53", "127.9.9.9:53"], set(), "ok", "192.0.2.1, 127.9.9.9", ""),
        (["198.51.100.1:53"], set(), "fault", "198.51.100.1", "add 198.51.100.1/32 dev lo"),
        (["[2001:db8::9]:53"], set(), "fault", "2001:db8::9", "add 2001:db8::9/128 dev lo"),
        (["198.51.100.1:53"], {4}, "advice", "ip_nonlocal_bind", "dev lo"),
        (["198.51.100.1:53"], {6}, "fault", "198.51.100.1", "dev lo"),
        (["198.51.100.1:53", "[2001:db8::9]:53"], {4}, "fault", "::9", " && sudo ip address"),
    ],
)
def test_an_address_that_no_interface_has_is_reported(
    listen: list[str], anywhere: set[int], level: str, seen: str, hint: str
) -> None:
    listeners = [parse_listener(text) for text in listen]
    assert_finding(addresses.missing(listeners, LOCAL, anywhere), level, seen, hint)


@pytest.mark.parametrize(
    ("listen", "local", "known", "level", "seen"),
    [
        (["0.0.0.0:53", "[::]:53"], ["::1", "2001:db8::1"], True, "ok", ""),
        (["0.0.0.0:53", "[::]:53"], ["::1"], True, "advice", "beyond loopback"),
        (["0.0.0.0:53", "[::]:53"], None, True, "fault", "no IPv6"),
        (["0.0.0.0:53"], ["::1", "2001:db8::1"], True, "advice", "2001:db8::1"),
        (["0.0.0.0:53"], ["::1"], True, "ok", ""),
        (["0.0.0.0:53"], None, True, "ok", ""),
        (["127.0.0.1:53"], ["2001:db8::1"], True, "ok", ""),
        (["[::1]:53"], ["::1"], True, "ok", ""),
        (["[::1]:53"], None, False, "advice", "unknown"),
        ([], ["2001:db8::1"], True, "ok", ""),
    ],
)
def test_ipv6_is_as_the_host_has_it(
    listen: list[str], local: list[str] | None, known: bool, level: str, seen: str
) -> None:
    assert_finding(
        addresses.ipv6([parse_listener(text) for text in listen], local, known), level, seen
    )


def test_the_listeners_to_have_can_be_pasted() -> None:
    both = [parse_listener("192.0.2.1:53"), parse_listener("[::]:53")]
    assert addresses.ipv6(both, None, True).hint.endswith("""'server.listen=["192.0.2.1:53"]'""")
    more = addresses.ipv6(both[:1], ["2001:db8::1"], True)
    assert more.hint.endswith("""'server.listen=["192.0.2.1:53", "[::]:53"]'""")


@pytest.mark.parametrize(
    ("strict", "level", "seen"),
    [((), "ok", ""), (("eth0", "eth1"), "advice", "eth0, eth1"), (None, "advice", "cannot")],
)
def test_a_strict_filter_between_uplinks_is_reported(
    strict: tuple[str, ...] | None, level: str, seen: str
) -> None:
    assert_finding(addresses.reverse_path(strict), level, seen)


@pytest.mark.parametrize(
    ("names", "servers", "listen", "answered", "level", "seen"),
    [
        ([], None, "0.0.0.0:53", None, "ok", "no endpoint"),
        (["a.example"], ["198.51.100.9"], "0.0.0.0:53", [], "ok", "asked of 198.51.100.9"),
        (["a.example", "b.example"], ["198.51.100.9"], "0.0.0.0:53", [], "ok", "2 hostnames"),
        (["a.example"], ["192.0.2.1"], "0.0.0.0:53", [], "warning", "does not recurse"),
        (["a.example"], ["127.0.0.1"], "127.0.0.1:53", [], "warning", "does not recurse"),
        (["a.example"], ["192.0.2.1"], "0.0.0.0:5300", [], "ok", "asked of"),
        (["a.example"], ["192.0.2.1"], "[::]:53", [], "ok", "asked of"),
        (["a.example"], [], "0.0.0.0:53", [], "warning", "for lack of a nameserver"),
        (["a.example"], ["127.0.0.53"], "192.0.2.1:53", [], "warning", "nobody listens"),
        (["a.example"], ["127.0.0.53"], "192.0.2.1:53", ["127.0.0.53"], "ok", "asked of"),
        (["a.example"], ["127.0.0.53"], "0.0.0.0:53", ["127.0.0.53"], "ok", "asked of"),
        (["a.example"], ["127.0.0.1"], "192.0.2.1:53", ["0.0.0.0"], "ok", "asked of"),
        (["a.example"], ["127.0.0.1"], "192.0.2.1:53", ["192.0.2.1"], "warning", "nobody"),
        (["a.example"], ["127.0.0.1"], "192.0.2.1:53", None, "ok", "asked of"),
        (["a.example"], None, "192.0.2.1:53", None, "advice", "unknown"),
    ],
)
def test_a_host_that_asks_itself_or_nobody_for_names_is_reported(
    names: list[str],
    servers: list[str] | None,
    listen: str,
    answered: list[str] | None,
    level: str,
    seen: str,
) -> None:
    found = addresses.resolver(names, servers, [parse_listener(listen)], LOCAL, answered)
    assert_finding(found, level, seen)
