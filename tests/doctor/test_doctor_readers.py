"""What is read of /proc, /sys and /etc: over files as kernels write them, and over none."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from resolverd.doctor.cgroup import cpu_quota, memory_limit
from resolverd.doctor.procfs import Procfs, Tracking
from resolverd.doctor.sockets import BoundSocket, held_sockets, holders, is_serving, parse_sockets
from resolverd.doctor.timex import kernel_synchronised


def _tree(root: Path, files: dict[str, str]) -> Procfs:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Procfs(root)


def test_where_there_is_nothing_to_read_there_is_none(tmp_path: Path) -> None:
    proc = Procfs(tmp_path)
    read = [
        proc.sysctl("net.core.rmem_max"),
        proc.status("self", "CapEff"),
        proc.open_files_limit("self"),
        proc.cores("self"),
        proc.memory(),
        proc.udp(),
        proc.backlog(),
        proc.tracking(),
        proc.strict_interfaces(),
        proc.nameservers(),
        held_sockets(proc),
        memory_limit(proc, "self"),
        cpu_quota(proc, "self"),
    ]
    assert read == [None] * len(read)
    assert holders(proc, [1]) == {}


LIMITS = "Limit                     Soft Limit           Hard Limit           Units     \n"


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        (
            "Max open files            1024                 524288               files     \n",
            524288,
        ),
        ("Max open files            1024                 unlimited            files \n", 1 << 31),
        ("Max open files\n", None),
        ("Max processes             1                    2                    processes \n", None),
    ],
)
def test_the_hard_limit_on_files_is_read(tmp_path: Path, row: str, limit: int | None) -> None:
    proc = _tree(tmp_path, {"proc/7/limits": LIMITS + row})
    assert proc.open_files_limit("7") == limit


@pytest.mark.parametrize(("listed", "count"), [("0", 1), ("0-1", 2), ("0-3,8,10-11", 7)])
def test_the_cores_of_a_process_are_counted(tmp_path: Path, listed: str, count: int) -> None:
    status = f"Name:\tx\nCpus_allowed:\tf\nCpus_allowed_list:\t{listed}\n"
    assert _tree(tmp_path, {"proc/7/status": status}).cores("7") == count


def test_udp_counters_of_both_families_are_added(tmp_path: Path) -> None:
    proc = _tree(
        tmp_path,
        {
            "proc/self/net/snmp": "Ip: Forwarding\nIp: 1\n"
            "Udp: InDatagrams NoPorts RcvbufErrors\nUdp: 100 9 2\n"
            "UdpLite: InDatagrams\nUdpLite: 5\n",
            "proc/self/net/snmp6": "Ip6InReceives 4\nUdp6InDatagrams \t 40\nUdp6RcvbufErrors \t 1\n"
            "UdpLite6InDatagrams \t 9\n",
        },
    )
    assert proc.udp() == {"InDatagrams": 140, "NoPorts": 9, "RcvbufErrors": 3}


def test_input_queues_are_hexadecimal_and_added(tmp_path: Path) -> None:
    rows = "0000000a 00000001 00000000\n00000010 00000002 00000000\n"
    assert _tree(tmp_path, {"proc/self/net/softnet_stat": rows}).backlog() == (26, 3)


def test_connection_tracking_is_read_with_its_drops(tmp_path: Path) -> None:
    base = "proc/sys/net/netfilter/nf_conntrack_"
    files = {f"{base}max": "262144\n", f"{base}count": "5\n"}
    assert _tree(tmp_path, files).tracking() == Tracking(5, 262_144, 30, 0)
    stat = (
        "entries  found drop early_drop icmp_error\n"
        "00000005 00000000 0000000a 00000001 00000000\n"
        "00000005 00000000 00000001 00000000 00000000\n"
    )
    files = {f"{base}udp_timeout": "120\n", "proc/self/net/stat/nf_conntrack": stat}
    assert _tree(tmp_path, files).tracking() == Tracking(5, 262_144, 120, 12)


ROUTES = "Iface\tDestination\tGateway\neth0\t0\t1\neth1.7\t0\t2\neth0\t3\t4\nlo\t0\t0\n"


@pytest.mark.parametrize(
    ("routes", "everywhere", "own", "strict"),
    [
        (ROUTES, "0", {"eth0": "1", "eth1.7": "0"}, ("eth0",)),
        (ROUTES, "1", {"eth0": "0", "eth1.7": "2"}, ("eth0",)),
        (ROUTES, "1", {}, ("eth0", "eth1.7")),
        (ROUTES, "2", {"eth0": "1", "eth1.7": "1"}, ()),
        ("Iface\tDestination\neth0\t0\n", "1", {"eth0": "1"}, ()),
    ],
)
def test_the_filter_in_force_is_the_larger_of_two(
    tmp_path: Path, routes: str, everywhere: str, own: dict[str, str], strict: tuple[str, ...]
) -> None:
    base = "proc/sys/net/ipv4/conf"
    files = {f"{base}/{name}/rp_filter": value for name, value in own.items()}
    files |= {f"{base}/all/rp_filter": everywhere, "proc/self/net/route": routes}
    assert _tree(tmp_path, files).strict_interfaces() == strict


def test_nameservers_are_read_and_what_is_no_address_is_not(tmp_path: Path) -> None:
    text = "# nameserver 192.0.2.9\nnameserver 192.0.2.1\n  nameserver\t2001:db8::1 # x\n"
    text += "nameserver 1.2\nnameserver fe80::1%eth0\nsearch example\n"
    proc = _tree(tmp_path, {"etc/resolv.conf": text})
    assert proc.nameservers() == ["192.0.2.1", "2001:db8::1", "fe80::1"]


GROUP = "sys/fs/cgroup/system.slice"


@pytest.mark.parametrize(
    ("files", "memory", "quota"),
    [
        ({}, None, None),
        (
            {f"{GROUP}/x.service/memory.max": "max\n", f"{GROUP}/cpu.max": "max 100000\n"},
            None,
            None,
        ),
        (
            {
                f"{GROUP}/x.service/memory.max": "900\n",
                f"{GROUP}/memory.max": "800\n",
                f"{GROUP}/x.service/cpu.max": "50000 100000\n",
                f"{GROUP}/cpu.max": "400000 100000\n",
            },
            800,
            0.5,
        ),
        ({"sys/fs/cgroup/memory.max": "700\n", "sys/fs/cgroup/cpu.max": "150000 100000"}, 700, 1.5),
    ],
)
def test_the_least_limit_of_a_group_and_its_ancestors_counts(
    tmp_path: Path, files: dict[str, str], memory: int | None, quota: float | None
) -> None:
    proc = _tree(tmp_path, {"proc/7/cgroup": "0::/system.slice/x.service\n", **files})
    assert (memory_limit(proc, "7"), cpu_quota(proc, "7")) == (memory, quota)


def test_limits_of_the_first_version_are_read_from_their_controllers(tmp_path: Path) -> None:
    proc = _tree(
        tmp_path,
        {
            "proc/7/cgroup": "4:memory:/box\n3:cpu,cpuacct:/box\n2:pids:/else\n0::/\n",
            "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "600\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "25000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert (memory_limit(proc, "7"), cpu_quota(proc, "7")) == (600, 0.25)


HEAD = "sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode\n"


@pytest.mark.skipif(sys.byteorder == "big", reason="the rows are a little-endian kernel's")
def test_rows_of_the_kernels_tables_are_read() -> None:
    udp = HEAD + (
        " 1: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 101 0 15 2 0 3\n"
        " 2: B80D0120000000000000000001000000:0035 0:0000 07 0:0 0:0 0 0 0 16 2 0 0\n"
        " 3: 0000000000000000FFFF00000100007F:0035 0:0000 07 0:0 0:0 0 0 0 17 2 0 0\n"
    )
    assert parse_sockets(udp, "UDP") == [
        BoundSocket("UDP", "127.0.0.53", 53, 15, 101, 3),
        BoundSocket("UDP", "2001:db8::1", 53, 16, 0, 0),
        BoundSocket("UDP", "127.0.0.1", 53, 17, 0, 0),
    ]
    tcp = HEAD + (
        " 0: 00000000:0035 00000000:0000 0A 0:0 0:0 0 0 0 21 1 0 100 0 0 10 0\n"
        " 1: 0100007F:0035 0100007F:9999 01 0:0 0:0 0 0 0 22 1 0 100 0 0 10 0\n"
    )
    assert parse_sockets(tcp, "TCP") == [BoundSocket("TCP", "0.0.0.0", 53, 21, 0, 0)]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_socket_of_ours_is_found_with_its_port_and_its_holder(
    family: socket.AddressFamily,
) -> None:
    loopback = "127.0.0.1" if family == socket.AF_INET else "::1"
    proc = Procfs()
    with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family) as tcp:
        udp.bind((loopback, 0))
        tcp.bind((loopback, 0))
        tcp.listen()
        inodes = {os.fstat(opened.fileno()).st_ino: opened for opened in (udp, tcp)}
        found = {held.inode: held for held in held_sockets(proc) or ()}
        who = holders(proc, inodes)
        for inode, bound in inodes.items():
            assert found[inode][1:3] == bound.getsockname()[:2]
            assert found[inode].transport == ("UDP" if bound is udp else "TCP")
            assert os.getpid() in [holder.pid for holder in who[inode]]


@pytest.mark.parametrize(
    ("arguments", "serves"),
    [
        ("/opt/bin/python /opt/bin/resolverd serve --config x", True),
        ("python3 -m resolverd serve", True),
        ("python3 -m resolverd demo --stay", True),
        ("python3 -m resolverd doctor", False),
        ("serve resolverd", False),
        ("dnsmasq", False),
        ("", False),
    ],
)
def test_a_resolverd_that_serves_is_known_by_its_command_line(arguments: str, serves: bool) -> None:
    assert is_serving(arguments.split(" ")) is serves


def test_a_worker_is_known_by_its_parent_and_a_service_by_its_group(tmp_path: Path) -> None:
    proc = _tree(
        tmp_path,
        {
            "proc/5/cmdline": "python\0/opt/resolverd/bin/resolverd\0serve\0",
            "proc/5/status": "PPid:\t1\n",
            "proc/6/cmdline": "python\0-c\0from multiprocessing.spawn import spawn_main\0",
            "proc/6/status": "Name:\tpython\nPPid:\t5\n",
            "proc/6/comm": "python\n",
            "proc/7/comm": "dnsmasq\n",
            "proc/7/status": "PPid:\t1\n",
            "proc/7/cgroup": "0::/system.slice/dnsmasq.service\n",
        },
    )
    for process, inode in ((6, 60), (7, 70)):
        folder = tmp_path / "proc" / str(process) / "fd"
        folder.mkdir()
        (folder / "3").symlink_to(f"socket:[{inode}]")
        (folder / "4").symlink_to("/dev/null")
    who = holders(proc, [60, 70])
    assert [tuple(holder) for holder in who[60]] == [(6, "resolverd", True, "")]
    assert [tuple(holder) for holder in who[70]] == [(7, "dnsmasq", False, "dnsmasq.service")]


def test_the_kernel_is_asked_of_its_clock_without_a_fault() -> None:
    assert kernel_synchronised() in {True, False, None}
