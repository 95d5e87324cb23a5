"""Whether the host has the addresses configured, IPv6, return paths, and a resolver of its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence

from resolverd.config.types import Listener
from resolverd.doctor.finding import Finding, untold
from resolverd.doctor.ports import wildcard

_STUB = "127.0.0.53"


def missing(
    listeners: Sequence[Listener], local: Collection[str], nonlocal_families: Collection[int]
) -> Finding:
    """An anycast address that is not on lo yet keeps the daemon from starting after a boot.

    `local` are the host's addresses; to the families in `nonlocal_families` the kernel lets
    processes bind any address.
    """
    wanted = dict.fromkeys(
        listener.address for listener in listeners if not wildcard(listener.address)
    )
    absent = [address for address in wanted if not _here(address, local)]
    if not absent:
        here = f"this host has {', '.join(wanted)}" if wanted else "only wildcards are configured"
        return Finding("address", "ok", here)
    seen = f"no interface of this host has {', '.join(absent)}"
    hint = " && ".join(f"sudo ip address add {_host(address)} dev lo" for address in absent)
    if all(_version(address) in nonlocal_families for address in absent):
        return Finding("address", "advice", f"{seen}; ip_nonlocal_bind lets us bind it", hint)
    return Finding("address", "fault", seen, hint)


def ipv6(listeners: Sequence[Listener], local: Collection[str] | None, known: bool) -> Finding:
    """A listener on [::] where the kernel has no IPv6 fails; a host with it should be asked on it.

    `local` are the IPv6 addresses, None where the kernel has no IPv6; `known` is whether we
    could tell.
    """
    if not known:
        return untold("ipv6", "/proc/net/if_inet6")
    wanted = any(_version(listener.address) == 6 for listener in listeners)
    usable = [address for address in local or () if not ipaddress.ip_address(address).is_loopback]
    if wanted and local is None:
        seen = "server.listen has an IPv6 address, and this kernel has no IPv6"
        four = [f'"{listener}"' for listener in listeners if _version(listener.address) == 4]
        hint = f"resolverd serve --set 'server.listen=[{', '.join(four)}]'"
        return Finding("ipv6", "fault", seen, hint)
    outward = any(
        _version(listener.address) == 4 and not ipaddress.ip_address(listener.address).is_loopback
        for listener in listeners
    )
    if usable and not wanted and outward:
        seen = f"this host has {usable[0]}, and server.listen has no IPv6 address"
        every = ", ".join(
            f'"{listener}"' for listener in (*listeners, Listener("::", listeners[0].port))
        )
        return Finding("ipv6", "advice", seen, f"resolverd serve --set 'server.listen=[{every}]'")
    if wanted and not usable and any(listener.address == "::" for listener in listeners):
        seen = "server.listen has [::], and the host has no IPv6 address beyond loopback"
        return Finding("ipv6", "advice", seen, "ip -6 address show scope global")
    return Finding("ipv6", "ok", "IPv6 is as server.listen has it")


def reverse_path(strict: Sequence[str] | None) -> Finding:
    """With several uplinks, a strict filter drops queries whose answers would leave by another.

    `strict` are the interfaces that filter so, where there are several.
    """
    if strict is None:
        return untold("reverse-path", "/proc/sys/net/ipv4/conf/all/rp_filter")
    if not strict:
        return Finding("reverse-path", "ok", "no strict filter of sources between interfaces")
    seen = f"rp_filter is strict on {', '.join(strict)}: anycast queries may come by either"
    return Finding("reverse-path", "advice", seen, "sudo sysctl -w net.ipv4.conf.all.rp_filter=2")


def resolver(
    names: Collection[str],
    servers: Sequence[str] | None,
    listeners: Sequence[Listener],
    local: Collection[str],
    answered: Collection[str] | None,
) -> Finding:
    """A host that asks itself to resolve its endpoints is refused, and all regions look dead.

    `names` are the hostnames that probes or answers need, `servers` those of resolv.conf;
    `answered` are the addresses with UDP port 53 open here, None where that is unknown.
    """
    if not names:
        return Finding("resolver", "ok", "no endpoint has a hostname to resolve")
    needs = f"{len(names)} hostnames" if len(names) > 1 else next(iter(names))
    if servers is None:
        return untold("resolver", "/etc/resolv.conf")
    ours = [server for server in servers if _serves(server, listeners, local)]
    dead = [
        server
        for server in servers
        if answered is not None
        and ipaddress.ip_address(server).is_loopback
        and server not in ours
        and not any(wildcard(a) or a == server for a in answered)
    ]
    if ours or not servers:
        where = ", ".join(ours) if ours else "127.0.0.1, for lack of a nameserver"
        seen = f"to resolve {needs} this host asks {where}, which does not recurse"
        return Finding("resolver", "warning", seen, "sudoedit /etc/resolv.conf")
    if dead:
        hint = "sudoedit /etc/resolv.conf"
        if _STUB in dead:
            hint = "sudo ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf"
        seen = f"to resolve {needs} this host asks {', '.join(dead)}, where nobody listens"
        return Finding("resolver", "warning", seen, hint)
    return Finding("resolver", "ok", f"{needs}: asked of {', '.join(servers)}")


def _serves(server: str, listeners: Sequence[Listener], local: Collection[str]) -> bool:
    """Whether a query to `server` would come to one of our listeners."""
    return any(
        listener.port == 53
        and (
            listener.address == server
            or (
                wildcard(listener.address)
                and _version(listener.address) == _version(server)
                and _here(server, local)
                # The stub has its own socket, which is more specific; `port` reports it.
                and server != _STUB
            )
        )
        for listener in listeners
    )


def _here(address: str, local: Collection[str]) -> bool:
    parsed = ipaddress.ip_address(address)
    # The whole of 127.0.0.0/8 is on lo, whichever address it shows.
    return address in local or (parsed.version == 4 and parsed.is_loopback)


def _version(address: str) -> int:
    return ipaddress.ip_address(address).version


def _host(address: str) -> str:
    return f"{address}/{32 if _version(address) == 4 else 128}"
