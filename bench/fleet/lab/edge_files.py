"""What an edge is configured with: one text, in which edges differ by place, name and address."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.fleet.lab.places import ANYCAST4, ANYCAST6, PINS, REGIONS, EdgeNode

_SERVER = """\
[server]
listen = ["{anycast4}:53", "[{anycast6}]:53", "{own}:53"]
coordinates = [{lat}, {long}]
country = "{country}"
nsid = "{name}"
zones = ["inference.example.zone"]
state = "{state}"
workers = 1
[admin]
socket = "admin.sock"
listen = "127.0.0.1:9153"
[probe]
kind = "vllm"
interval = "1s"
fast_interval = "250ms"
timeout = "1s"
fall = 3
rise = 2
flap_damping = "0s"
"""
_REGION = """\
[region.{r.name}]
coordinates = [{r.coordinates[0]}, {r.coordinates[1]}]
country = "{r.country}"
[[region.{r.name}.endpoint]]
name = "{r.name}-1"
address = ["{r.given4}", "{r.given6}"]
url = "{r.url}"
"""
_SERVICE = """\
[service.chat]
model = "meta-llama/Llama-3.1-70B-Instruct"
regions = [{regions}]
policy = "nearest"
ttl = "20s"
failover_ttl = "2s"
spill = {{ enabled = false }}
"""
ZONE = """\
$ORIGIN inference.example.
$TTL 60
@ SOA ns1 hostmaster 1 3600 900 604800 60
@ NS ns1
ns1 A {anycast4}
ns1 AAAA {anycast6}
chat DYNA chat
"""


def configuration(edge: EdgeNode, state: Path, nats: Sequence[str]) -> str:
    """resolverd.toml of an edge that keeps its state there; a fleet where `nats` has URLs."""
    latitude, longitude = edge.coordinates
    names = ", ".join(f'"{region.name}"' for region in REGIONS)
    return "".join(
        (
            _SERVER.format(
                anycast4=ANYCAST4,
                anycast6=ANYCAST6,
                own=edge.ipv4,
                lat=latitude,
                long=longitude,
                country=edge.country,
                name=edge.name,
                state=state,
            ),
            fleet(edge, nats),
            *(_REGION.format(r=region) for region in REGIONS),
            _SERVICE.format(regions=names),
            *PINS,
        )
    )


def fleet(edge: EdgeNode, nats: Sequence[str]) -> str:
    """`[fleet]` of an edge; nothing without URLs."""
    if not nats:
        return ""
    urls = ", ".join(f'"{url}"' for url in nats)
    return f'[fleet]\nurls = [{urls}]\nname = "lab"\nedge = "{edge.name}"\nverdicts = "quorum"\n'


def zone() -> str:
    """The zone that all of them serve."""
    return ZONE.format(anycast4=ANYCAST4, anycast6=ANYCAST6)
