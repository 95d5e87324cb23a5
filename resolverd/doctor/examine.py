"""All the checks on one host, in the order in which an operator would ask.

If a resolverd serves here what is configured, the limits examined are that process's; else they
are our own, as a daemon started from here would have them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from resolverd.abi.library import why_not
from resolverd.config.load import SetOption
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.config.types import Listener
from resolverd.dns.hostnames import is_address
from resolverd.doctor import addresses, capacity, databases, engines, fleet, ports, queues
from resolverd.doctor.cgroup import cpu_quota, memory_limit
from resolverd.doctor.clock import clock
from resolverd.doctor.examined_config import read_examined_config
from resolverd.doctor.finding import Finding
from resolverd.doctor.inotify import inotify, inotify_usage
from resolverd.doctor.opened import Opened, opened_databases
from resolverd.doctor.procfs import Procfs
from resolverd.doctor.sockets import BoundSocket, Holder, held_sockets, holders
from resolverd.doctor.timex import kernel_synchronised
from resolverd.engine.choice import Choice, Served, Wanted, worker_count, would_serve
from resolverd.engine.descriptors import kept, workers_in_process
from resolverd.engine.sockets import RECEIVE_BUFFER, TCP_BACKLOG, local_ipv4, local_ipv6

_DNS = 53


class Examination(NamedTuple):
    """What was found; `file` is None where defaults stood in, `engine` None where none serves."""

    file: Path | None
    engine: str | None
    findings: tuple[Finding, ...]


def examine(
    path: Path,
    overrides: Sequence[SetOption] = (),
    proc: Procfs | None = None,
    now: Callable[[], float] = time.time,
) -> Examination:
    """Examine this host for the configuration at `path`. Raises ConfigError for bad overrides."""
    examined = read_examined_config(path, overrides)
    host = _Host(examined.config, proc or Procfs())
    wanted, native = wanted_engine(examined.config), why_not()
    opened = opened_databases([examined.base / name for name in examined.config.server.geoip])
    serves = would_serve(wanted, native)
    findings = (
        examined.finding,
        engines.engine(
            wanted,
            native,
            linux=sys.platform == "linux",
            install=engines.installing(Path(__file__).parents[1]),
        ),
        fleet.fleet(examined.urls, fleet.library_missing() if examined.urls else None),
        *_listening(host),
        *_databases(opened, now()),
        *_capacity(host, serves, sum(database.octets for database in opened)),
        *_queues(host),
        clock(
            kernel_synchronised(),
            host.proc.exists("run/systemd/timesync/synchronized"),
            host.proc.exists("run/chrony/chronyd.pid"),
        ),
    )
    return Examination(examined.file, serves, findings)


@dataclass
class _Host:
    """What several checks need of the host."""

    config: Config
    proc: Procfs

    @cached_property
    def held(self) -> list[BoundSocket] | None:
        """The sockets on ports that are configured, or on 53; None where /proc hides them."""
        everything = held_sockets(self.proc)
        if everything is None:
            return None
        wanted = {listener.port for listener in self.listeners}
        return [socket for socket in everything if socket.port in wanted or socket.port == _DNS]

    @cached_property
    def who(self) -> dict[int, tuple[Holder, ...]]:
        """The processes that hold those sockets, by the socket's inode."""
        return holders(self.proc, [socket.inode for socket in self.held or ()])

    @property
    def listeners(self) -> list[Listener]:
        """All configured listeners: DNS, then that of the admin API."""
        admin = self.config.admin.listen
        return [*self.config.server.listen, *([admin] if admin else [])]

    def met(self, listener: Listener) -> list[BoundSocket] | None:
        """The bound sockets that a DNS listener would collide with; None as in `held`."""
        return None if self.held is None else ports.in_the_way(listener, self.held)

    @cached_property
    def serving(self) -> dict[int, int]:
        """The drops at each socket of a resolverd that serves what is configured, by inode."""
        return {
            socket.inode: socket.drops
            for listener in self.config.server.listen
            for socket in self.met(listener) or ()
            if any(holder.ours for holder in self.who.get(socket.inode, ()))
        }

    @cached_property
    def process(self) -> str:
        """Whose limits count: the PID of the resolverd that serves here, else "self"."""
        ours = [h.pid for inode in self.serving for h in self.who[inode] if h.ours]
        return str(min(ours)) if ours else "self"

    @cached_property
    def ipv6(self) -> list[str] | None:
        """The host's IPv6 addresses; None where the kernel has no IPv6."""
        return local_ipv6() if self.proc.exists("proc/self/net/if_inet6") else None

    @cached_property
    def local(self) -> frozenset[str]:
        """All addresses of the host, IPv4 and IPv6."""
        return frozenset(local_ipv4()) | frozenset(self.ipv6 or ())


def _listening(host: _Host) -> Iterator[Finding]:
    server, proc = host.config.server, host.proc
    for listener in server.listen:
        yield ports.port("port", listener, host.met(listener), host.who)
    if (admin := host.config.admin.listen) and host.held is not None:
        yield ports.port("admin-port", admin, ports.in_the_way(admin, host.held, ["TCP"]), host.who)
    numbers = [listener.port for listener in server.listen]
    first_free = proc.sysctl("net.ipv4.ip_unprivileged_port_start")
    effective = proc.status("self", "CapEff")
    taken = bool(host.serving) or _by_systemd(host)
    yield ports.capability(numbers, effective, first_free, taken)
    span = proc.text("proc/sys/net/ipv4/ip_local_port_range")
    reserved = proc.text("proc/sys/net/ipv4/ip_local_reserved_ports")
    if (at_risk := ports.outgoing(numbers, span, reserved)) is not None:
        yield at_risk
    anywhere = {
        family
        for family, name in ((4, "ipv4"), (6, "ipv6"))
        if proc.sysctl(f"net.{name}.ip_nonlocal_bind") == 1
    }
    yield addresses.missing(server.listen, host.local, anywhere)
    yield addresses.ipv6(server.listen, host.ipv6, proc.exists("proc/self/net"))
    yield addresses.reverse_path(proc.strict_interfaces())
    answered = [e.address for e in host.held or () if e.transport == "UDP" and e.port == _DNS]
    yield addresses.resolver(
        hostnames(host.config),
        proc.nameservers(),
        server.listen,
        host.local,
        None if host.held is None else answered,
    )


def _by_systemd(host: _Host) -> bool:
    """Whether a socket unit has what is to be listened on."""
    met = [socket for listener in host.config.server.listen for socket in host.met(listener) or ()]
    return any(holder.pid == 1 for socket in met for holder in host.who.get(socket.inode, ()))


def _databases(opened: Sequence[Opened], now: float) -> Iterator[Finding]:
    for database in opened:
        if database.fault:
            yield databases.unreadable(database.fault)
        else:
            yield databases.age(database.name, database.built, now, database.directory)
    yield databases.precision(any(database.cities for database in opened))


def _capacity(host: _Host, engine: str | None, databases_size: int) -> Iterator[Finding]:
    server, proc, process = host.config.server, host.proc, host.process
    serves: Served = "native" if engine == "native" else "reference"
    workers = worker_count(server.workers, serves)
    listeners = len(server.listen)
    # The native engine's workers are threads; the other's are processes beside the daemon.
    processes = 1 if engine == "native" or workers == 1 else 1 + workers
    probes = len(probe_targets(host.config).by_id)
    sharing = workers_in_process(Choice(serves, workers, ""))
    needed = capacity.Descriptors(
        kept(sharing, listeners, probes, host.config.admin.connections),
        sharing,
        server.tcp_connections,
    )
    yield capacity.open_files(proc.open_files_limit(process), needed, process)
    yield inotify(
        server.watch,
        inotify_usage(proc, process),
        proc.sysctl("fs.inotify.max_user_instances"),
        proc.sysctl("fs.inotify.max_user_watches"),
    )
    yield capacity.memory(
        proc.memory(),
        memory_limit(proc, process),
        capacity.needed_memory(processes, databases_size),
    )
    yield capacity.cores(proc.cores(process), workers)
    yield capacity.cpu_quota(cpu_quota(proc, process), workers)


def _queues(host: _Host) -> Iterator[Finding]:
    proc = host.proc
    yield queues.receive_buffer(RECEIVE_BUFFER, proc.sysctl("net.core.rmem_max"))
    yield queues.udp_drops(proc.udp(), sum(host.serving.values()) if host.serving else None)
    yield queues.input_drops(proc.backlog(), proc.sysctl("net.core.netdev_max_backlog"))
    yield queues.tcp_backlog(TCP_BACKLOG, proc.sysctl("net.core.somaxconn"))
    port = next((listener.port for listener in host.config.server.listen if listener.port), _DNS)
    yield queues.tracking(proc.tracking(), proc.exists("proc/sys/net"), port)


def wanted_engine(config: Config) -> Wanted:
    """`server.engine`: auto, native or reference."""
    return config.server.engine


def hostnames(config: Config) -> set[str]:
    """The hostnames of probes and answers, which have to be resolved."""
    endpoints = [endpoint for region in config.region.values() for endpoint in region.endpoint]
    named = {endpoint.hostname for endpoint in endpoints}
    named |= {urlsplit(endpoint.url).hostname or "" for endpoint in endpoints}
    return {name for name in named if name and not is_address(name)}
