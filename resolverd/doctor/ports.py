"""Whether what is to be listened on is free, or who has it, and whether we may take it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from resolverd.config.types import Listener
from resolverd.doctor.finding import Finding, Level, untold
from resolverd.doctor.sockets import BoundSocket, Holder, Transport

_STUB = {"127.0.0.53", "127.0.0.54"}  # systemd-resolved's two, in v252 and later
_STUB_NAME = "systemd-resolve"  # as the kernel cuts it
_NO_STUB = (
    "sudo mkdir -p /etc/systemd/resolved.conf.d && printf '[Resolve]\\nDNSStubListener=no\\n' "
    "| sudo tee /etc/systemd/resolved.conf.d/resolverd.conf && "
    "sudo ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf && "
    "sudo systemctl restart systemd-resolved  # or list addresses in server.listen"
)
_BIND_SERVICE = 10  # CAP_NET_BIND_SERVICE, linux/capability.h

Holders = Mapping[int, tuple[Holder, ...]]


def wildcard(address: str) -> bool:
    """Whether an address stands for all of its family."""
    return ipaddress.ip_address(address).is_unspecified


def in_the_way(
    listener: Listener,
    held: Sequence[BoundSocket],
    transports: Sequence[Transport] = ("UDP", "TCP"),
) -> list[BoundSocket]:
    """The sockets that a listener would meet; for one on IPv4, those on ``[::]`` may be some."""
    return [
        socket
        for socket in held
        if 0 < socket.port == listener.port
        and socket.transport in transports
        and _meet(listener.address, socket.address)
    ]


def port(
    check: str, listener: Listener, met: Sequence[BoundSocket] | None, who: Holders
) -> Finding:
    """The commonest reason that a name server does not start is another one, left running.

    `met` are the sockets in the way, None where that is unknown; `check` is the id.
    """
    if met is None:
        return untold(check, "/proc/net/udp")
    holding = sorted({holder for socket in met for holder in who.get(socket.inode, ())})
    ours = {socket.inode for socket in met if any(h.ours for h in who.get(socket.inode, ()))}
    foreign = [socket for socket in met if socket.inode not in ours]
    if not met:
        return Finding(check, "ok", f"{listener} is free")
    if not foreign:
        pids = ", ".join(str(holder.pid) for holder in holding if holder.ours)
        return Finding(check, "ok", f"{listener}: resolverd is serving (process {pids})")
    if _is_stub(foreign, holding):
        seen = f"{listener} is held in part: by the stub of systemd-resolved at {_at(foreign)}"
        return Finding(check, "fault", seen, _NO_STUB)
    return _held(check, listener, foreign, [holder for holder in holding if not holder.ours])


def capability(
    ports: Sequence[int], effective: str | None, first_free: int | None, taken: bool
) -> Finding:
    """Without the right to a port below 1024 the daemon cannot start except as root.

    `effective` is CapEff in hexadecimal; ports from `first_free` on need no right; `taken`
    says that the daemon, or its socket unit, has the ports already.
    """
    low = sorted({number for number in ports if 0 < number < (first_free or 1024)})
    if not low:
        return Finding("capability", "ok", "no port configured needs a privilege")
    listed = ", ".join(map(str, low))
    if taken:
        return Finding("capability", "ok", f"port {listed} is ours already")
    if effective is None:
        return untold("capability", "/proc/self/status")
    if int(effective, 16) >> _BIND_SERVICE & 1:
        return Finding("capability", "ok", f"this user may bind port {listed}")
    return Finding(
        "capability",
        "fault",
        f"port {listed} needs CAP_NET_BIND_SERVICE, which this user has not",
        "sudo systemctl enable --now resolverd.socket resolverd.service  # units have it",
    )


def outgoing(ports: Sequence[int], span: str | None, reserved: str | None) -> Finding | None:
    """A port that outgoing connections are given may be taken just when the daemon restarts.

    `span` is ip_local_port_range and `reserved` ip_local_reserved_ports; None where no port
    configured lies there.
    """
    bounds = [int(part) for part in (span or "").split()]
    if len(bounds) != 2:
        return None
    kept = [[int(end) for end in part.split("-")] for part in (reserved or "").strip().split(",")
            if part]  # fmt: skip
    at_risk = sorted(
        number
        for number in set(ports)
        if bounds[0] <= number <= bounds[1]
        and not any(first <= number <= last for first, *_, last in ([*k, k[-1]] for k in kept))
    )
    if not at_risk:
        return None
    listed = ", ".join(map(str, at_risk))
    seen = f"port {listed} lies in net.ipv4.ip_local_port_range, {bounds[0]} to {bounds[1]}"
    more = ",".join(part for part in ((reserved or "").strip(), *map(str, at_risk)) if part)
    hint = f"sudo sysctl -w net.ipv4.ip_local_reserved_ports={more}"
    return Finding("port-range", "advice", seen, hint)


def _meet(wanted: str, held: str) -> bool:
    ours, theirs = ipaddress.ip_address(wanted), ipaddress.ip_address(held)
    if ours.version != theirs.version:
        return ours.version == 4 and theirs.is_unspecified  # unless it is IPV6_V6ONLY
    return ours == theirs or ours.is_unspecified or theirs.is_unspecified


def _is_stub(foreign: Sequence[BoundSocket], holding: Sequence[Holder]) -> bool:
    """Whether all that is in the way is systemd-resolved's; root alone sees its name."""
    at_home = all(socket.address in _STUB and socket.port == 53 for socket in foreign)
    return at_home and all(holder.ours or holder.name == _STUB_NAME for holder in holding)


def _held(
    check: str, listener: Listener, foreign: Sequence[BoundSocket], holding: Sequence[Holder]
) -> Finding:
    """`holding` are those of the holders of `foreign` that can be seen."""
    here = f"{listener} is held ({_at(foreign)})"
    if not holding:
        users = ", ".join(str(uid) for uid in sorted({socket.uid for socket in foreign}))
        seen = f"{here} by a process that we may not see, of the user with uid {users}"
        return Finding(check, "warning", seen, "sudo resolverd doctor  # with the same options")
    if all(holder.pid == 1 for holder in holding):
        seen = f"{here} by systemd, for the service of a socket unit"
        return Finding(check, "advice", seen, "systemctl list-sockets  # is it resolverd.socket?")
    holders = ", ".join(f"{holder.name} (process {holder.pid})" for holder in holding)
    if ":" not in listener.address and all(":" in socket.address for socket in foreign):
        seen = f"{here} by {holders}: unless that is for IPv6 alone, it is held for IPv4 too"
        return Finding(check, "warning", seen, f"ss -lnptue 'sport = :{listener.port}'")
    units = sorted({holder.unit for holder in holding if holder.unit})
    hint = "sudo kill " + " ".join(str(holder.pid) for holder in holding)
    if units:
        hint = "sudo systemctl disable --now " + " ".join(units)
    level: Level = "fault" if check == "port" else "warning"
    return Finding(check, level, f"{here} by {holders}", f"{hint}  # or list another address")


def _at(held: Sequence[BoundSocket]) -> str:
    places = dict.fromkeys(
        f"{socket.transport} {Listener(socket.address, socket.port)}"
        for socket in sorted(
            held, key=lambda socket: (socket.transport, socket.address), reverse=True
        )
    )
    return ", ".join(places)
