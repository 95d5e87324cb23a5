"""Checks of `[anycast]`: what has to be written for what speaks BGP, and what could not hold."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config
from resolverd.config.toml_values import toml_value


def check_anycast(config: Config, tree: Tree) -> Iterator[Finding]:
    """Findings about the routes to this edge's service addresses."""
    anycast = config.anycast
    if not anycast.addresses:
        return
    if len(set(anycast.addresses)) < len(anycast.addresses):
        yield Finding(
            ("anycast", "addresses"), "config-anycast-twice", "an address is listed twice",
            f"write addresses = {toml_value(list(dict.fromkeys(anycast.addresses)))}",
        )  # fmt: skip
    for index, address in enumerate(anycast.addresses):
        if ipaddress.ip_address(address).is_loopback:
            yield Finding(
                ("anycast", "addresses", index), "config-anycast-loopback",
                f"{address} is a loopback address, which no other host has a use for",
                'write a service address, such as "192.0.2.53"',
            )  # fmt: skip
    yield from _protocols(config)
    if anycast.timeout > anycast.interval:
        yield Finding(
            ("anycast", "timeout"), "config-anycast-timeout",
            f"timeout ({anycast.timeout:g} s) is longer than interval ({anycast.interval:g} s): "
            "looks come later than they are due",
            f'write timeout = "{anycast.interval / 2:g}s"', "warning",
            because=(("anycast", "interval"),),
        )  # fmt: skip
    if anycast.fit_for > anycast.fit_for_most:
        yield Finding(
            ("anycast", "fit_for"), "config-anycast-fit-for",
            f"fit_for ({anycast.fit_for:g} s) is longer than fit_for_most "
            f"({anycast.fit_for_most:g} s)",
            f'write fit_for_most = "{anycast.fit_for:g}s", or more',
            because=(("anycast", "fit_for_most"),),
        )  # fmt: skip
    if config.admin.listen is None:
        yield Finding(
            ("admin", "listen"), "config-anycast-admin",
            "`resolverd anycast` has to ask the daemon over its socket, to which the account of "
            "its unit may not write",
            'write listen = "127.0.0.1:9153" into [admin]', "warning",
        )  # fmt: skip
    yield from _fleet(config)


def _fleet(config: Config) -> Iterator[Finding]:
    """The floor: it needs others, and to be heard by them."""
    anycast = config.anycast
    if not config.fleet.urls:
        if "min_edges" in anycast.model_fields_set and anycast.min_edges:
            yield Finding(
                ("anycast", "min_edges"), "config-anycast-alone",
                "nobody is asked whether an address may be withdrawn: there is no fleet",
                "write urls into [fleet], or min_edges = 0", "warning",
            )  # fmt: skip
    elif anycast.edge_valid < 3 * anycast.interval:
        yield Finding(
            ("anycast", "edge_valid"), "config-anycast-valid",
            f"edges say what they announce every {anycast.interval:g} s, and count for "
            f"{anycast.edge_valid:g} s alone: two that are lost take a live one for dead",
            f'write edge_valid = "{3 * anycast.interval:g}s", or more', "warning",
            because=(("anycast", "interval"),),
        )  # fmt: skip


def _protocols(config: Config) -> Iterator[Finding]:
    """BIRD's protocols: one for each address, and none for two."""
    anycast = config.anycast
    if anycast.via != "bird":
        return
    wanted = {"protocols": anycast.bird.protocols}
    if anycast.mode == "metric":
        wanted["raised_protocols"] = anycast.bird.raised_protocols
    for key, names in wanted.items():
        if len(names) != len(anycast.addresses):
            yield Finding(
                ("anycast", "bird", key) if key in anycast.bird.model_fields_set else ("anycast",),
                "config-anycast-protocols",
                f"{key} has {len(names)} names for {len(anycast.addresses)} addresses",
                f"write {key} = {toml_value(_examples(anycast.addresses, key))} into "
                "[anycast.bird], one for each address: BIRD's static protocols with its route",
            )  # fmt: skip
    every = [name for names in wanted.values() for name in names]
    for name in dict.fromkeys(name for name in every if every.count(name) > 1):
        yield Finding(
            ("anycast", "bird"), "config-anycast-shared",
            f'the protocol "{name}" is named twice: to withdraw one route would withdraw another',
            "give each route a static protocol of its own",
        )  # fmt: skip


def _examples(addresses: tuple[str, ...], key: str) -> list[str]:
    more = "_raised" if key == "raised_protocols" else ""
    return [
        f"anycast{index + 1}_v{6 if ':' in address else 4}{more}"
        for index, address in enumerate(addresses)
    ]
