"""Checks that what is probed is what is handed out: an endpoint's `url` beside its `address`.

A name in the URL may have any addresses, and is not looked up here. A loopback address is taken for
a way there that the operator knows of: a tunnel, or a simulated region.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config, Endpoint
from resolverd.config.positions import Path as KeyPath
from resolverd.config.secrets import shown_url
from resolverd.dns.hostnames import is_elsewhere

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_urls(config: Config, tree: Tree) -> Iterator[Finding]:
    """A warning for each endpoint whose probe asks elsewhere, or over fewer families."""
    for name, region in config.region.items():
        for index, endpoint in enumerate(region.endpoint):
            path = ("region", name, "endpoint", index, "url")
            yield from _elsewhere(path, endpoint)


def _elsewhere(path: KeyPath, endpoint: Endpoint) -> Iterator[Finding]:
    probed = _literal(endpoint.url)
    if probed is None or probed.is_loopback or not endpoint.address:
        return
    given = [ipaddress.ip_address(address) for address in endpoint.address]
    unseen = sorted(
        {f"IPv{address.version}" for address in given if address.version != probed.version}
    )
    if probed not in given:
        yield Finding(
            path, "config-probe-elsewhere",
            f"the probe asks {probed}, and clients are given {', '.join(map(str, given))}: it "
            "proves nothing of those",
            _to_agree(endpoint.url, probed, given[0]),
            "warning",
        )  # fmt: skip
    elif unseen:
        yield Finding(
            path, "config-family-unprobed",
            f"clients are given {unseen[0]} addresses too, and the probe asks over "
            f"IPv{probed.version} alone",
            "write a name that has addresses of both families, such as url = "
            '"http://gpu1.example:8000": then each is probed, and withheld while only it fails',
            "warning",
        )  # fmt: skip


def _to_agree(url: str, probed: _Address, given: _Address) -> str:
    """What makes one of the two: the address that clients can reach."""
    if not is_elsewhere(str(given)):
        return f'write address = ["{probed}"]'
    return (
        f'write url = "{_with_host(url, given)}", or a name that has them; sni = "NAME" in its '
        "probe where the certificate needs one"
    )


def _with_host(url: str, host: _Address) -> str:
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    text = f"[{host}]" if host.version == 6 else str(host)
    return shown_url(parts._replace(netloc=f"{text}{port}").geturl())


def _literal(url: str) -> _Address | None:
    try:
        return ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return None
