"""A configuration of four regions, to which a test adds its services, pins and [server] lines.

Each region has one endpoint, named after it with "-1": 192.0.2.10, .20, .30 and .40 in the
order of `REGIONS`. us-west alone has no IPv6.
"""

from __future__ import annotations

from collections.abc import Mapping

REGIONS = ("us-east", "us-west", "eu-west", "ap-northeast")

_COORDINATES = {
    "us-east": (39.0, -77.5),
    "us-west": (37.4, -122.1),
    "eu-west": (53.3, -6.3),
    "ap-northeast": (35.7, 139.7),
}

NO_ADMIN = 'socket = ""\nlisten = ""'
"""Lines of [admin] that keep daemons on one host out of one another's way."""

CHAT = """
[service.chat]
regions = ["us-east", "us-west", "eu-west", "ap-northeast"]
"""


def address_of(region: str) -> str:
    """The IPv4 address that `region` is answered with."""
    return f"192.0.2.{10 * (REGIONS.index(region) + 1)}"


def ipv6_of(region: str) -> str:
    """The IPv6 address that `region` is answered with, where it has one."""
    return f"2001:db8::{10 * (REGIONS.index(region) + 1)}"


def config_text(
    services: str = CHAT,
    *,
    server: str = "",
    probe: str = "",
    admin: str = "",
    urls: Mapping[str, str] | None = None,
    domain: str = "inference.example",
) -> str:
    """A whole ``resolverd.toml``; `urls` are probe URLs by region.

    It has no admin socket or port unless `admin` says so. A region's hostname, for services
    that answer with a CNAME, is its name in `domain`.
    """
    regions = "".join(_region(name, (urls or {}).get(name), domain) for name in REGIONS)
    return (
        f"[server]\ncoordinates = [50.1, 8.7]\n{server}\n[admin]\n{admin or NO_ADMIN}\n"
        f"[probe]\n{probe}\n{regions}\n{services}\n"
    )


def _region(name: str, url: str | None, domain: str) -> str:
    addresses = [address_of(name), ipv6_of(name)] if name != "us-west" else [address_of(name)]
    return f"""
[region.{name}]
coordinates = {list(_COORDINATES[name])}
hostname = "{name}.{domain}"
[[region.{name}.endpoint]]
address = {addresses}
url = "{url or f"http://{address_of(name)}:8000"}"
"""
