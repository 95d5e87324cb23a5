"""The kernel's queues that queries and answers wait in, and what it dropped from them."""

from __future__ import annotations

from resolverd.doctor.finding import Finding, Level, octets, untold
from resolverd.doctor.procfs import Tracking

MANY = 0.001
"""Share of packets lost above which it is a warning: less warns of the loss of one burst."""

QUERIES = 50_000
"""New clients and ports per second that a tracking table should have room for."""

# Share of the tracking table in use from which it is a warning; more leaves no time to act.
_FULL = 0.8


def receive_buffer(asked: int, allowed: int | None) -> Finding:
    """The kernel grants a smaller buffer without a word, and a burst or a restart overruns it.

    `asked` by the engine for each socket, and `allowed` by the kernel, in octets.
    """
    if allowed is None:
        return untold("udp-buffer", "/proc/sys/net/core/rmem_max")
    seen = f"net.core.rmem_max allows {octets(allowed)}; each socket asks for {octets(asked)}"
    if allowed >= asked:
        return Finding("udp-buffer", "ok", seen)
    return Finding("udp-buffer", "warning", seen, keep("net.core.rmem_max", asked))


def udp_drops(counted: dict[str, int] | None, own: int | None) -> Finding:
    """Queries lost here look like a slow server, and nothing of the server's own counts them.

    `counted` since boot for the whole host; `own` are drops of the serving daemon's sockets,
    None while none serves. With those known, they alone are judged; without, the drops may be
    another program's, and are advice at most.
    """
    if counted is None:
        return untold("udp-drops", "/proc/net/snmp")
    lost = counted.get("RcvbufErrors", 0)
    unsent = counted.get("SndbufErrors", 0)
    received = counted.get("InDatagrams", 0)
    seen = f"{lost:,} of {received + lost:,} datagrams since boot found no room in a buffer"
    if unsent:
        seen += f", and {unsent:,} could not be sent for lack of it"
    if own is not None:
        seen += f"; at the sockets that serve: {own:,}"
    if own is None:
        level: Level = "advice" if lost or unsent else "ok"
    else:
        level = loss(own, received + lost)
    hint = "" if level == "ok" else "nstat -az UdpRcvbufErrors UdpSndbufErrors; ss -lunmp"
    return Finding("udp-drops", level, seen, hint)


def input_drops(counted: tuple[int, int] | None, longest: int | None) -> Finding:
    """When one core takes all interrupts, its input queue drops DNS before any socket sees it.

    `counted` are packets taken and dropped; `longest` is net.core.netdev_max_backlog.
    """
    if counted is None:
        return untold("input-queue", "/proc/net/softnet_stat")
    taken, dropped = counted
    seen = f"{dropped:,} of {taken + dropped:,} packets since boot found an input queue full"
    level = loss(dropped, taken + dropped)
    hint = "" if level == "ok" else keep("net.core.netdev_max_backlog", 4 * (longest or 1000))
    return Finding("input-queue", level, seen, hint)


def tcp_backlog(asked: int, allowed: int | None) -> Finding:
    """A short accept queue turns truncated answers, which come back by TCP, into timeouts."""
    if allowed is None:
        return untold("tcp-backlog", "/proc/sys/net/core/somaxconn")
    seen = f"net.core.somaxconn allows {allowed:,} waiting connections; {asked:,} are asked for"
    if allowed >= asked:
        return Finding("tcp-backlog", "ok", seen)
    return Finding("tcp-backlog", "advice", seen, keep("net.core.somaxconn", 4096))


def tracking(table: Tracking | None, readable: bool, port: int) -> Finding:
    """Every query is an entry for half a minute: a full table drops DNS, and then all else.

    `table` is None where tracking is not loaded, or /proc/sys is not `readable`.
    """
    if not readable:
        return untold("conntrack", "/proc/sys/net/netfilter")
    if table is None:
        return Finding("conntrack", "ok", "connection tracking is not loaded")
    rate = table.capacity / max(1, table.timeout)
    seen = (
        f"connection tracking has {table.entries:,} of {table.capacity:,} entries, room for "
        f"{rate:,.0f} queries/s that live {table.timeout} s; it dropped {table.drops:,}"
    )
    level: Level = "ok"
    if table.drops or table.entries >= _FULL * table.capacity:
        level = "warning"
    elif rate < QUERIES:
        level = "warning" if table.entries else "advice"
    return Finding("conntrack", level, seen, "" if level == "ok" else _untracked(port))


def loss(lost: int, all_of_them: int) -> Level:
    """The level of `lost` packets of `all_of_them`: a warning where more than the share MANY."""
    if not lost:
        return "ok"
    return "warning" if lost > MANY * all_of_them else "advice"


def keep(option: str, value: int) -> str:
    """The command that sets a kernel parameter now and for every boot."""
    file = "/etc/sysctl.d/60-resolverd.conf"
    return f"echo '{option} = {value}' | sudo tee -a {file} && sudo sysctl --load {file}"


def _untracked(port: int) -> str:
    rules = "".join(
        f"chain {chain} {{ type filter hook {chain} priority raw; "
        f"meta l4proto {{ tcp, udp }} th {side} {port} notrack; }}; "
        for chain, side in (("prerouting", "dport"), ("output", "sport"))
    )
    return f"sudo nft 'table inet resolverd {{ {rules}}}'  # and into /etc/nftables.conf"
