"""Times by network: the least of a window, in bounded memory, and of nobody alone."""

from __future__ import annotations

import ipaddress
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.rtt.networks import Networks, is_public

WINDOW = 100.0


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def networks(capacity: int = 1000) -> Networks:
    return Networks(capacity, WINDOW, lambda _: True)


def shown(known: Networks, minimum: int = 1, now: float = 0.0) -> dict[str, tuple[float, int]]:
    return {str(t.network): (t.ms, t.clients) for t in known.times(minimum, now)}


def test_a_client_counts_by_its_least_time() -> None:
    known = networks()
    for ms in (30.0, 20.0, 25.0):
        known.add(packed("8.8.8.8"), ms, 0.0)
    assert shown(known) == {"8.8.8.0/24": (20.0, 1)}


def test_a_network_has_the_lower_quartile_of_its_clients() -> None:
    known = networks()
    for host, ms in enumerate((1.0, 20.0, 22.0, 24.0, 300.0)):
        known.add(packed(f"8.8.8.{host}"), ms, 0.0)
    assert shown(known) == {"8.8.8.0/24": (20.0, 5)}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("8.8.8.8", "8.8.8.0/24"),
        ("::ffff:8.8.8.8", "8.8.8.0/24"),
        ("2002:808:808::1", "8.8.8.0/24"),
        ("64:ff9b::808:808", "8.8.8.0/24"),
        ("2001:0:1:2:3:4:f7f7:f7f7", "8.8.8.0/24"),
        ("2001:4860:4860::8888", "2001:4860:4860::/48"),
    ],
)
def test_addresses_that_stand_for_one_are_one_client(address: str, network: str) -> None:
    known = networks()
    known.add(packed(address), 20.0, 0.0)
    known.add(packed(address), 10.0, 0.0)
    if network.endswith("/24"):
        known.add(packed("8.8.8.8"), 15.0, 0.0)
    assert shown(known) == {network: (10.0, 1)}


def test_all_addresses_of_a_56_are_one_client() -> None:
    known = networks()
    for address in ("2001:4860:1:0::1", "2001:4860:1:ff:1::2", "2001:4860:1:100::1"):
        known.add(packed(address), 20.0, 0.0)
    assert shown(known) == {"2001:4860:1::/48": (20.0, 2)}


@pytest.mark.parametrize(
    ("network", "public"),
    [
        ("8.8.8.0/24", True), ("2001:4860:4860::/48", True), ("127.0.0.0/24", False),
        ("10.1.2.0/24", False), ("100.64.3.0/24", False), ("169.254.1.0/24", False),
        ("192.0.2.0/24", False), ("fd00:1:2::/48", False), ("fe80::/48", False), ("::/48", False),
    ],
)  # fmt: skip
def test_only_networks_of_the_public_internet_are_measured(network: str, public: bool) -> None:
    prefix = parse_prefix(network)
    assert is_public(prefix) is public
    known = Networks(10, WINDOW)
    known.add(prefix.address.to_bytes(prefix.bits // 8), 1.0, 0.0)
    assert len(known) == public


def test_who_is_not_measured_costs_no_memory() -> None:
    known = Networks(10, WINDOW, lambda network: network != parse_prefix("8.8.8.0/24"))
    known.add(packed("8.8.8.8"), 1.0, 0.0)
    known.add(packed("8.8.4.4"), 1.0, 0.0)
    assert shown(known) == {"8.8.4.0/24": (1.0, 1)}


def test_who_has_not_been_seen_for_longest_goes_first() -> None:
    known = networks(capacity=2)
    known.add(packed("8.8.1.1"), 1.0, 0.0)
    known.add(packed("8.8.2.1"), 2.0, 1.0)
    known.add(packed("8.8.1.1"), 1.0, 2.0)
    known.add(packed("8.8.3.1"), 3.0, 3.0)
    assert shown(known).keys() == {"8.8.1.0/24", "8.8.3.0/24"}


def test_who_has_not_been_seen_for_a_window_is_forgotten() -> None:
    known = networks()
    known.add(packed("8.8.1.1"), 1.0, 0.0)
    known.add(packed("8.8.2.1"), 2.0, 50.0)
    known.expire(WINDOW - 0.1)
    assert len(known) == 2
    known.expire(WINDOW)
    assert shown(known).keys() == {"8.8.2.0/24"}


STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.floats(0.1, 500), st.floats(0, WINDOW / 3)), max_size=80
)


@given(STEPS, st.integers(1, 12))
def test_memory_is_bounded_and_the_newest_stay(
    steps: list[tuple[int, float, float]], capacity: int
) -> None:
    known, now = networks(capacity), 0.0
    newest: list[int] = []
    for host, ms, pause in steps:
        now += pause
        known.add(packed(f"8.{host % 5}.{host % 3}.{host}"), ms, now)
        newest = [*(h for h in newest if h != host), host][-capacity:]
        assert len(known) == len(newest)
    counts: dict[str, int] = defaultdict(int)
    for host in newest:
        counts[f"8.{host % 5}.{host % 3}.0/24"] += 1
    assert {net: clients for net, (_, clients) in shown(known).items()} == counts


@given(STEPS)
def test_a_time_is_the_least_of_its_window(steps: list[tuple[int, float, float]]) -> None:
    """Of one client, up to when it was last seen: all of half a window, nothing of a whole."""
    known, now, seen = networks(), 0.0, []
    for _, ms, pause in steps:
        now += pause
        seen.append((now, ms))
        known.add(packed("8.8.8.8"), ms, now)
    for found, _ in shown(known).values():
        recent = [ms for at, ms in seen if at > now - WINDOW / 2]
        within = [ms for at, ms in seen if at > now - WINDOW - 1e-6]
        assert min(within) <= found <= min(recent)
        assert found in within


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.floats(0.1, 500)), max_size=60),
    st.integers(1, 8),
)
def test_no_row_rests_on_fewer_clients_than_asked(
    steps: list[tuple[int, int, float]], minimum: int
) -> None:
    known = networks()
    clients: dict[str, dict[int, float]] = defaultdict(dict)
    for net, host, ms in steps:
        known.add(packed(f"8.8.{net}.{host}"), ms, 0.0)
        least = clients[f"8.8.{net}.0/24"]
        least[host] = min(ms, least.get(host, ms))
    expected = {
        net: (sorted(least.values())[(len(least) - 1) // 4], len(least))
        for net, least in clients.items()
        if len(least) >= minimum
    }
    assert shown(known, minimum) == expected
    if minimum >= 5:  # then nobody's own time is the least one shown
        assert all(
            sum(ms <= found for ms in clients[net].values()) >= 2
            for net, (found, _) in expected.items()
        )


def test_networks_come_in_the_order_of_addresses() -> None:
    known = networks()
    for address in ("2001:4860::1", "9.9.9.9", "8.8.8.8", "2001:4000::1"):
        known.add(packed(address), 1.0, 0.0)
    times = [time.network for time in known.times(1, 0.0)]
    assert times == sorted(times)
    assert all(isinstance(network, Prefix) for network in times)
