"""Databases, capacity, queues and the clock: each check over a table of plain values."""

from __future__ import annotations

from pathlib import Path

import pytest
from doctor.tables import assert_finding
from hypothesis import given
from hypothesis import strategies as st

from resolverd.doctor import capacity, databases, queues
from resolverd.doctor.clock import clock
from resolverd.doctor.finding import LEVELS, Finding, octets, worst
from resolverd.doctor.procfs import Tracking

NOW = 1_800_000_000.0
DAY = 86400.0
MIB = 1 << 20


@pytest.mark.parametrize(
    ("days", "level", "seen"),
    [
        (0.5, "ok", "is 0 days old"),
        (-0.5, "ok", "is 0 days old"),
        (45, "ok", "45 days"),
        (46, "advice", "46 days"),
        (180, "advice", "180 days"),
        (181, "warning", "181 days"),
        (NOW / DAY, "warning", "20,833 days"),
        (-3, "warning", "3 days from now"),
    ],
)
def test_a_database_is_judged_by_its_age(days: float, level: str, seen: str) -> None:
    assert_finding(databases.age("city.mmdb", NOW - days * DAY, NOW, Path("/geo")), level, seen)


def test_a_newer_database_is_fetched_to_where_the_old_one_is() -> None:
    old = databases.age("city.mmdb", 0, NOW, Path("/var/my geo"))
    assert old.hint == "resolverd geo fetch '/var/my geo'"
    assert "server.geoip" in databases.age("embedded", 0, NOW, None).hint


@pytest.mark.parametrize(
    ("cities", "level", "seen"),
    [
        (False, "advice", "each database in server.geoip knows countries only"),
        (True, "ok", "with cities"),
    ],
)
def test_countries_alone_are_coarse(cities: bool, level: str, seen: str) -> None:
    assert_finding(databases.precision(cities), level, seen)


@pytest.mark.parametrize(
    ("limit", "process", "level", "seen", "hint"),
    [
        (2064, "self", "ok", "2,064 are needed at full load", ""),
        (2063, "self", "warning", "999 TCP connections a worker, not 1,000", "prlimit --pid $$ "),
        (2063, "812", "warning", "(process 812)", "prlimit --pid 812 --nofile=131072:131072"),
        (264, "self", "warning", "100 TCP connections", "LimitNOFILE="),
        (66, "self", "warning", "1 TCP connections", "LimitNOFILE="),
        (65, "self", "fault", "64 files are wanted for all else", "prlimit"),
        (None, "self", "advice", "", "sudo"),
    ],
)
def test_open_files_are_held_against_connections_and_probes(
    limit: int | None, process: str, level: str, seen: str, hint: str
) -> None:
    needed = capacity.Descriptors(kept=64, workers=2, tcp_connections=1000)
    assert_finding(capacity.open_files(limit, needed, process), level, seen, hint)


@pytest.mark.parametrize(
    ("host", "limit", "needed", "level", "seen", "hint"),
    [
        (512 * MIB, None, 512 * MIB, "ok", "the host has 512.0 MiB", ""),
        (512 * MIB, None, 513 * MIB, "warning", "the host has", "workers=1"),
        (8192 * MIB, 256 * MIB, 300 * MIB, "warning", "control group allows 256", "Max=300M"),
        (8192 * MIB, 256 * MIB, 200 * MIB, "ok", "control group allows", ""),
        (512 * MIB, 1 << 62, 300 * MIB, "ok", "the host has", ""),
        (None, 256 * MIB, 300 * MIB, "warning", "control group allows", "MemoryMax=300M"),
        (None, None, 1, "advice", "unknown", "sudo"),
    ],
)
def test_memory_is_what_the_host_and_the_groups_leave(
    host: int | None, limit: int | None, needed: int, level: str, seen: str, hint: str
) -> None:
    assert_finding(capacity.memory(host, limit, needed), level, seen, hint)


def test_each_process_needs_memory_and_all_share_the_databases() -> None:
    assert capacity.needed_memory(1, 0) == capacity.PROCESS_MEMORY
    assert capacity.needed_memory(3, 0) == 3 * capacity.PROCESS_MEMORY
    assert capacity.needed_memory(3, 100) - capacity.needed_memory(3, 0) == 300


@pytest.mark.parametrize(
    ("count", "workers", "level", "seen", "hint"),
    [
        (2, 2, "ok", "2 cores", ""),
        (1, 1, "ok", "1 core ", ""),
        (8, 2, "advice", "8 cores", "workers=8"),
        (2, 8, "warning", "2 cores", "workers=2"),
        (None, 2, "advice", "unknown", ""),
    ],
)
def test_workers_are_held_against_cores(
    count: int | None, workers: int, level: str, seen: str, hint: str
) -> None:
    assert_finding(capacity.cores(count, workers), level, seen, hint)


@pytest.mark.parametrize(
    ("quota", "workers", "level"),
    [(None, 8, "ok"), (2.0, 2, "ok"), (0.5, 1, "warning"), (1.9, 2, "warning")],
)
def test_a_cpu_quota_below_the_workers_is_reported(
    quota: float | None, workers: int, level: str
) -> None:
    assert_finding(capacity.cpu_quota(quota, workers), level, "")


@pytest.mark.parametrize(
    ("allowed", "level", "seen", "hint"),
    [
        (212_992, "warning", "allows 212,992 octets; each socket asks for 4.0 MiB", "= 4194304'"),
        (4 * MIB, "ok", "allows 4.0 MiB", ""),
        (None, "advice", "rmem_max", ""),
    ],
)
def test_a_receive_buffer_that_the_kernel_cuts_is_reported(
    allowed: int | None, level: str, seen: str, hint: str
) -> None:
    found = queues.receive_buffer(4 * MIB, allowed)
    assert_finding(found, level, seen, hint)


@pytest.mark.parametrize(
    ("counted", "own", "level", "seen"),
    [
        ({"InDatagrams": 1000, "RcvbufErrors": 0}, None, "ok", "0 of 1,000"),
        ({"InDatagrams": 1000, "RcvbufErrors": 500}, None, "advice", "500 of 1,500"),
        ({"InDatagrams": 1000, "RcvbufErrors": 500}, 0, "ok", "sockets that serve: 0"),
        ({"InDatagrams": 99_995, "RcvbufErrors": 5}, 5, "advice", "5 of 100,000"),
        ({"InDatagrams": 1000, "RcvbufErrors": 5}, 5, "warning", "sockets that serve: 5"),
        ({"InDatagrams": 9, "SndbufErrors": 3}, None, "advice", "3 could not be sent"),
        ({}, None, "ok", "0 of 0"),
        (None, None, "advice", "unknown"),
    ],
)
def test_udp_drops_are_judged_by_our_own_sockets_where_they_are_known(
    counted: dict[str, int] | None, own: int | None, level: str, seen: str
) -> None:
    assert_finding(queues.udp_drops(counted, own), level, seen)


@pytest.mark.parametrize(
    ("counted", "level", "hint"),
    [
        ((1000, 0), "ok", ""),
        ((1_000_000, 7), "advice", "net.core.netdev_max_backlog = 4000"),
        ((1000, 7), "warning", "netdev_max_backlog"),
        (None, "advice", "sudo"),
    ],
)
def test_packets_dropped_before_any_socket_are_reported(
    counted: tuple[int, int] | None, level: str, hint: str
) -> None:
    assert_finding(queues.input_drops(counted, 1000), level, "", hint)


@pytest.mark.parametrize(
    ("allowed", "level"), [(4096, "ok"), (512, "ok"), (128, "advice"), (None, "advice")]
)
def test_a_short_accept_queue_is_reported(allowed: int | None, level: str) -> None:
    assert_finding(queues.tcp_backlog(512, allowed), level, "somaxconn")


@pytest.mark.parametrize(
    ("table", "readable", "level", "seen"),
    [
        (None, True, "ok", "not loaded"),
        (None, False, "advice", "unknown"),
        (Tracking(0, 262_144, 30, 0), True, "advice", "8,738 queries/s"),
        (Tracking(1, 262_144, 30, 0), True, "warning", "1 of 262,144"),
        (Tracking(1, 2_000_000, 30, 0), True, "ok", "66,667 queries/s"),
        (Tracking(1, 2_000_000, 30, 4), True, "warning", "it dropped 4"),
        (Tracking(1_600_000, 2_000_000, 30, 0), True, "warning", "1,600,000 of"),
        (Tracking(0, 2_000_000, 0, 0), True, "ok", "live 0 s"),
    ],
)
def test_a_tracking_table_that_dns_would_fill_is_reported(
    table: Tracking | None, readable: bool, level: str, seen: str
) -> None:
    found = queues.tracking(table, readable, 5300)
    assert_finding(found, level, seen)
    if level == "warning":
        assert "dport 5300 notrack" in found.hint
        assert "sport 5300 notrack" in found.hint
        assert found.hint.count("{") == found.hint.count("}")
        assert "} chain" not in found.hint  # nft wants a semicolon between them in one line


@pytest.mark.parametrize(
    ("kernel", "timesync", "chrony", "level", "seen"),
    [
        (True, False, False, "ok", "synchronised"),
        (False, True, False, "ok", "synchronised"),
        (None, True, False, "ok", "synchronised"),
        (False, False, True, "advice", "chronyd runs"),
        (None, False, True, "advice", "chronyd runs"),
        (False, False, False, "warning", "nothing keeps the clock right"),
        (None, False, False, "advice", "unknown"),
    ],
)
def test_the_clock_is_synchronised_if_any_of_its_keepers_says_so(
    kernel: bool | None, timesync: bool, chrony: bool, level: str, seen: str
) -> None:
    assert_finding(clock(kernel, timesync, chrony), level, seen)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 octets"), (212_992, "212,992 octets"), (4 << 20, "4.0 MiB"), (3 << 29, "1.5 GiB")],
)
def test_sizes_are_written_with_their_unit(number: int, text: str) -> None:
    assert octets(number) == text


@given(st.lists(st.sampled_from(LEVELS)))
def test_the_worst_is_that_which_no_other_exceeds(
    levels: list[str],
) -> None:
    found = worst([Finding("x", level, "") for level in LEVELS if level in levels])
    expected = next((level for level in reversed(LEVELS) if level in levels), "ok")
    assert found == expected
